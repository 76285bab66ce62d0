import { COMMAND_TYPES } from '../domain/command.ts'
import type { Command, CommandStatus, CommandType } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import { SHARING_END_REASONS } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { CentralLock, Reading, VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type * as row from '../generated/prisma/client.ts'
import { toInstant } from './sql.ts'

/** The ids that this server gives, and some more: whatever else a client names does not exist. */
export const isId = (id: string): boolean => /^[\w-]{1,64}$/.test(id)

const instant = (date: Date | null): Instant | null => date && toInstant(date)

const commands = (names: readonly string[]): CommandType[] =>
  names.filter((name): name is CommandType => COMMAND_TYPES.some((type) => type === name))

const reading = <T>(value: T | null, at: Date | null): Reading<T> | null =>
  value === null || at === null ? null : { value, observedAt: toInstant(at) }

const toState = (stored: row.Vehicle): VehicleState => ({
  position:
    stored.latitude === null || stored.longitude === null
      ? null
      : reading({ latitude: stored.latitude, longitude: stored.longitude }, stored.positionAt),
  speedKmh: reading(stored.speedKmh, stored.speedAt),
  mileageKm: reading(stored.mileageKm, stored.mileageAt),
  energyPercent: reading(stored.energyPercent, stored.energyAt),
  centralLock: reading(stored.centralLock as CentralLock | null, stored.centralLockAt),
  drivingEnabled: reading(stored.drivingEnabled, stored.drivingEnabledAt),
  ignition: reading(stored.ignition, stored.ignitionAt),
})

export const toVehicle = (stored: row.Vehicle): Vehicle => ({
  id: stored.id,
  ownerId: stored.ownerId,
  name: stored.name,
  licensePlate: stored.licensePlate,
  vin: stored.vin,
  brand: stored.brand,
  model: stored.model,
  supportedCommands: commands(stored.supportedCommands),
  state: toState(stored),
})

/** What people edit; the readings are written by reports alone. */
export const fromVehicle = ({ state: _state, ...vehicle }: Vehicle) => ({
  ...vehicle,
  supportedCommands: [...vehicle.supportedCommands],
})

export type SharingRow = row.Sharing

/** The columns of `sharing AS s` under the names that the generated client gives them. */
export const SHARING_COLUMNS = Prisma.sql`s.id, s.vehicle_id AS "vehicleId", s.owner_id AS "ownerId",
  s.partner_id AS "partnerId", s.starts_at AS "startsAt", s.ends_at AS "endsAt", s.ended_at AS "endedAt",
  s.end_reason AS "endReason", s.cancelled_at AS "cancelledAt", s.allowed_commands AS "allowedCommands",
  s.start_recorded AS "startRecorded", s.end_requested_at AS "endRequestedAt",
  s.end_requested_by AS "endRequestedBy", s.handover, s.returned, s.created_at AS "createdAt"`

export const toSharing = (stored: row.Sharing): Sharing => ({
  id: stored.id,
  vehicleId: stored.vehicleId,
  ownerId: stored.ownerId,
  partnerId: stored.partnerId,
  startsAt: toInstant(stored.startsAt),
  endsAt: instant(stored.endsAt),
  endedAt: instant(stored.endedAt),
  endReason: SHARING_END_REASONS.find((reason) => reason === stored.endReason) ?? null,
  cancelledAt: instant(stored.cancelledAt),
  allowedCommands: stored.allowedCommands.length === 0 ? null : commands(stored.allowedCommands),
  startRecorded: stored.startRecorded,
  endRequestedAt: instant(stored.endRequestedAt),
  endRequestedBy: stored.endRequestedBy,
  handover: stored.handover as VehicleState | null,
  returned: stored.returned as VehicleState | null,
  createdAt: toInstant(stored.createdAt),
})

export const toCommand = (stored: row.Command): Command => ({
  ...stored,
  type: stored.type as CommandType,
  status: stored.status as CommandStatus,
  requestedAt: toInstant(stored.requestedAt),
  deadline: toInstant(stored.deadline),
  dispatchedAt: instant(stored.dispatchedAt),
  completedAt: instant(stored.completedAt),
})
