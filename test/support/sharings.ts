import fc from 'fast-check'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import type { IdleFacts } from '../../src/domain/handover/idleness.ts'
import type { Instant } from '../../src/domain/period.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { UNKNOWN_STATE } from '../../src/domain/state.ts'
import type { VehicleState } from '../../src/domain/state.ts'
import type { Vehicle } from '../../src/domain/vehicle.ts'
import { Prisma } from '../../src/generated/prisma/client.ts'

export const aVehicle = (fields: Partial<Vehicle> = {}): Vehicle => ({
  id: 'car',
  ownerId: 'owner',
  name: null,
  licensePlate: null,
  vin: null,
  brand: null,
  model: null,
  supportedCommands: COMMAND_TYPES,
  state: UNKNOWN_STATE,
  lastContactAt: null,
  use: null,
  ...fields,
})

/** What decides whether a vehicle is idle; nothing is known of it, unless told otherwise. */
export const idleFacts = (fields: Partial<IdleFacts> = {}): IdleFacts => ({
  ...aVehicle(),
  maxSilenceMs: 3_600_000,
  ...fields,
})

/** With `startRecorded` one that started when it was due. */
export type SharingFields = Partial<Sharing> & { readonly startRecorded?: boolean }

/** From 1000 until 2000, unless told otherwise. */
export const aSharing = ({ startRecorded = false, ...fields }: SharingFields = {}): Sharing => ({
  id: 'main',
  vehicleId: 'car',
  ownerId: 'owner',
  partnerId: 'partner',
  startsAt: 1000,
  startPolicy: 'ON_TIME',
  startedAt: startRecorded ? (fields.startsAt ?? 1000) : null,
  startAwaitedSince: null,
  endsAt: 2000,
  endPolicy: 'ON_TIME',
  latestEndsAt: null,
  isOverrun: null,
  endedAt: null,
  endReason: null,
  cancelledAt: null,
  allowedCommands: null,
  endRequestedAt: null,
  endRequestedBy: null,
  handover: null,
  returned: null,
  createdAt: 0,
  ...fields,
})

/** How a sharing is, or will be, over at the end of its period. */
const ENDS = ['due', 'expired', 'ended early', 'ended, had no end', 'open', 'cancelled'] as const

const step = (partners: readonly string[]) =>
  fc.record({
    partnerId: fc.constantFrom(...partners),
    gap: fc.constantFrom(0, 0, 1, 3),
    length: fc.integer({ min: 1, max: 3 }),
    over: fc.constantFrom(...ENDS),
    early: fc.integer({ min: 1, max: 3 }),
    startRecorded: fc.boolean(),
  })

/**
 * Sharings that one vehicle may have had and may get: of every kind, short, often back to back, never two at a time, in any
 * order. They start at `base` or up to six milliseconds later for each one before them.
 */
export const sharingsOf = (vehicle: Vehicle, partners: readonly string[], base: Instant): fc.Arbitrary<Sharing[]> =>
  fc.array(step(partners), { maxLength: 4 }).chain((steps) => {
    const sharings: Sharing[] = []
    let free: Instant | null = base
    for (const [index, { partnerId, gap, length, over, early, startRecorded }] of steps.entries()) {
      if (free === null) break
      const startsAt: Instant = free + gap
      const end = startsAt + length
      const common = {
        id: `${vehicle.id}-${index}`,
        vehicleId: vehicle.id,
        ownerId: vehicle.ownerId,
        partnerId,
        startsAt,
      }
      const ways: Record<typeof over, SharingFields> = {
        due: { endsAt: end, startRecorded },
        expired: { endsAt: end, endedAt: end, endReason: 'EXPIRED', startRecorded: true },
        'ended early': { endsAt: end + early, endedAt: end, endReason: 'ENDED_BY_PARTNER', startRecorded: true },
        'ended, had no end': { endsAt: null, endedAt: end, endReason: 'ENDED_BY_OWNER', startRecorded: true },
        open: { endsAt: null, startRecorded },
        cancelled: { endsAt: end, cancelledAt: startsAt - early, endReason: 'CANCELLED_BY_PARTNER' },
      }
      sharings.push(aSharing({ ...common, ...ways[over], createdAt: base - 10 }))
      if (over !== 'cancelled') free = over === 'open' ? null : end
    }
    return fc.shuffledSubarray(sharings, { minLength: sharings.length })
  })

/** Every instant from `from` to `to`, both included. */
export const instants = (from: Instant, to: Instant): Instant[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

const date = (at: Instant | null): Date | null => (at === null ? null : new Date(at))
const json = (value: VehicleState | null) => value ?? Prisma.DbNull

/** A sharing as Prisma stores it. */
export const fromSharing = ({ startPolicy, endPolicy, ...sharing }: Sharing) => ({
  ...sharing,
  startWhenIdle: startPolicy === 'WHEN_IDLE',
  endWhenIdle: endPolicy === 'WHEN_IDLE',
  startRecorded: sharing.startedAt !== null,
  startedAt: date(sharing.startedAt),
  startAwaitedSince: date(sharing.startAwaitedSince),
  latestEndsAt: date(sharing.latestEndsAt),
  startsAt: new Date(sharing.startsAt),
  endsAt: date(sharing.endsAt),
  endedAt: date(sharing.endedAt),
  cancelledAt: date(sharing.cancelledAt),
  endRequestedAt: date(sharing.endRequestedAt),
  handover: json(sharing.handover),
  returned: json(sharing.returned),
  createdAt: new Date(sharing.createdAt),
  allowedCommands: [...(sharing.allowedCommands ?? [])],
})
