import fc from 'fast-check'
import type { IdleFacts } from '../../src/domain/handover/idleness.ts'
import { handOver } from '../../src/domain/handover/waiting.ts'
import type { Instant } from '../../src/domain/period.ts'
import { nextDue, settle } from '../../src/domain/handover/settle.ts'
import { HANDOVER_POLICIES } from '../../src/domain/sharing.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { stateOf } from '../../src/domain/state.ts'
import type { Readings } from '../../src/domain/state.ts'
import type { Vehicle } from '../../src/domain/vehicle.ts'
import { aSharing } from './sharings.ts'

export const MAX_SILENCE_MS = 3_600_000

const READINGS: readonly Readings[] = [
  { speedKmh: 0, ignition: false, centralLock: 'LOCKED' },
  { speedKmh: 0, drivingEnabled: false, centralLock: 'LOCKED' },
  { ignition: false, drivingEnabled: true, centralLock: 'LOCKED' },
  { ignition: false },
  { speedKmh: 20, ignition: false, centralLock: 'LOCKED' },
  { ignition: true, centralLock: 'LOCKED' },
  { ignition: false, centralLock: 'UNLOCKED' },
  { centralLock: 'LOCKED' },
]

/** Silent from the beginning, from some millisecond of the world on, or never. */
const contacts = (base: Instant) =>
  fc.oneof(
    fc.constant(null),
    fc.integer({ min: -2, max: 12 }).map((ms) => base - MAX_SILENCE_MS + ms),
    fc.constant(base),
    fc.constant(base),
  )

const facts = (base: Instant) =>
  fc.record({
    // Mostly idle.
    state: fc.constantFrom(...READINGS, ...READINGS.slice(0, 4)).map((readings) => stateOf(readings, base - 100)),
    lastContactAt: contacts(base),
    supportedCommands: fc.constantFrom<Vehicle['supportedCommands']>(
      ['DRAW_ATTENTION'],
      ['LOCK_CENTRAL_LOCK', 'DRAW_ATTENTION'],
    ),
    isUsed: fc.boolean(),
  })

const step = (partners: readonly string[]) =>
  fc.record({
    partnerId: fc.constantFrom(...partners),
    gap: fc.constantFrom(0, 0, 1, 2),
    length: fc.integer({ min: 1, max: 3 }),
    isOpen: fc.nat(5).map((n) => n === 0),
    startPolicy: fc.constantFrom(...HANDOVER_POLICIES),
    endPolicy: fc.constantFrom(...HANDOVER_POLICIES),
    grace: fc.constantFrom(0, 1, 2, 3),
    isWished: fc.nat(3).map((n) => n === 0),
  })

/**
 * A vehicle and its sharings with policies, as they are recorded: up to some instant with one set of readings, and with others
 * since, at which the vehicle may have been handed over. What has fallen due after that is not recorded.
 */
export const policyWorlds = (vehicle: Vehicle, partners: readonly string[], base: Instant) =>
  fc
    .record({
      steps: fc.array(step(partners), { minLength: 1, maxLength: 4 }),
      before: facts(base),
      after: facts(base),
      recordedUntil: fc.integer({ min: -1, max: 12 }).map((ms) => base + ms),
      isReported: fc.boolean(),
    })
    .map(({ steps, before, after, recordedUntil: at, isReported }): { vehicle: Vehicle; sharings: Sharing[] } => {
      const use = (isUsed: boolean, since: Instant) =>
        isUsed ? { since, fleetId: vehicle.ownerId, reference: null } : null
      const first: IdleFacts = { ...before, use: use(before.isUsed, base - 50), maxSilenceMs: MAX_SILENCE_MS }
      const settled = settle({ sharings: agreed(vehicle, steps, base), commands: [] }, first, at)
      const wished = settled.sharings.map((sharing, index) => {
        const isInForce = sharing.startedAt !== null && sharing.endedAt === null
        return isInForce && sharing.endRequestedAt === null && steps[index]?.isWished
          ? { ...sharing, endRequestedAt: at, endRequestedBy: sharing.ownerId }
          : sharing
      })
      if (!isReported) return { vehicle: known(vehicle, { ...first, use: settled.use }), sharings: wished }
      const lastContactAt = Math.max(before.lastContactAt ?? -Infinity, after.lastContactAt ?? -Infinity)
      const next: IdleFacts = {
        ...after,
        lastContactAt: Number.isFinite(lastContactAt) ? lastContactAt : null,
        use: settled.use ?? use(after.isUsed, at),
        maxSilenceMs: MAX_SILENCE_MS,
      }
      const isFree = (nextDue({ sharings: wished, commands: [] }, at) ?? Infinity) > at + 1
      const sharings = isFree ? wished.map((sharing) => handOver(sharing, next, at + 1)) : wished
      const passed = sharings.some((sharing, index) => sharing !== wished[index])
      return { vehicle: known(vehicle, passed ? { ...next, use: null } : next), sharings }
    })

const known = (vehicle: Vehicle, { state, lastContactAt, supportedCommands, use }: IdleFacts): Vehicle => ({
  ...vehicle,
  state,
  lastContactAt,
  supportedCommands,
  use,
})

type Step = Readonly<Pick<Sharing, 'partnerId' | 'startPolicy' | 'endPolicy'>> & {
  readonly gap: number
  readonly length: number
  readonly isOpen: boolean
  readonly grace: number
}

function agreed(vehicle: Vehicle, steps: readonly Step[], base: Instant): Sharing[] {
  const sharings: Sharing[] = []
  let free: Instant | null = base
  for (const [index, { partnerId, gap, length, isOpen, startPolicy, endPolicy, grace }] of steps.entries()) {
    if (free === null) break
    const startsAt: Instant = free + gap
    const endsAt = isOpen ? null : startsAt + length
    const latestEndsAt = endsAt === null || endPolicy === 'ON_TIME' ? null : endsAt + grace
    const parties = { id: `${vehicle.id}-${index}`, vehicleId: vehicle.id, ownerId: vehicle.ownerId, partnerId }
    const times = { startsAt, startPolicy, endsAt, endPolicy, latestEndsAt, createdAt: base - 10 }
    sharings.push(aSharing({ ...parties, ...times }))
    free = latestEndsAt ?? endsAt
  }
  return sharings
}
