import { COMMAND_TYPES } from '../domain/command.ts'
import type { CommandType } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import { SHARING_END_REASONS } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import type * as row from '../generated/prisma/client.ts'

/** The ids that this server gives, and some more: whatever else a client names does not exist. */
export const isId = (id: string): boolean => /^[\w-]{1,64}$/.test(id)

const instant = (date: Date | null): Instant | null => date && date.getTime()
const date = (at: Instant | null): Date | null => (at === null ? null : new Date(at))

const commands = (names: readonly string[]): CommandType[] =>
  names.filter((name): name is CommandType => COMMAND_TYPES.some((type) => type === name))

export const toVehicle = (stored: Omit<row.Vehicle, 'lastInstant' | 'createdAt' | 'deletedAt'>): Vehicle => ({
  id: stored.id,
  ownerId: stored.ownerId,
  name: stored.name,
  licensePlate: stored.licensePlate,
  vin: stored.vin,
  brand: stored.brand,
  model: stored.model,
  supportedCommands: commands(stored.supportedCommands),
})

export const fromVehicle = (vehicle: Vehicle) => ({ ...vehicle, supportedCommands: [...vehicle.supportedCommands] })

export const toSharing = (stored: row.Sharing): Sharing => ({
  id: stored.id,
  vehicleId: stored.vehicleId,
  ownerId: stored.ownerId,
  partnerId: stored.partnerId,
  startsAt: stored.startsAt.getTime(),
  endsAt: instant(stored.endsAt),
  endedAt: instant(stored.endedAt),
  endReason: SHARING_END_REASONS.find((reason) => reason === stored.endReason) ?? null,
  cancelledAt: instant(stored.cancelledAt),
  allowedCommands: stored.allowedCommands.length === 0 ? null : commands(stored.allowedCommands),
  startRecorded: stored.startRecorded,
  createdAt: stored.createdAt.getTime(),
})

export const fromSharing = (sharing: Sharing): row.Sharing => ({
  ...sharing,
  startsAt: new Date(sharing.startsAt),
  endsAt: date(sharing.endsAt),
  endedAt: date(sharing.endedAt),
  cancelledAt: date(sharing.cancelledAt),
  createdAt: new Date(sharing.createdAt),
  allowedCommands: [...(sharing.allowedCommands ?? [])],
})
