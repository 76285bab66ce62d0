import fc from 'fast-check'
import { newCommand } from '../../src/domain/command.ts'
import type { CommandStatus } from '../../src/domain/command.ts'
import { commandUpdated, sharingEvent } from '../../src/domain/log/event.ts'
import type { SharingEventType } from '../../src/domain/log/event.ts'
import type { Instant } from '../../src/domain/period.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { toldCommand, toldSharing } from '../../src/domain/verify/told.ts'
import type { CommandEvent, Kept, SharingEvent } from '../../src/domain/verify/told.ts'
import { aSharing, aVehicle } from './sharings.ts'

/** The world of one vehicle now, in units since its beginning; things may be agreed for as long after it. */
const NOW = 400

/** Where a world lies in time: its beginning, and how many milliseconds a unit has. */
export type Placement = { readonly vehicleId: string; readonly base: Instant; readonly unit: number }

export const nowOf = ({ base, unit }: Placement): Instant => base + NOW * unit

const later = fc.integer({ min: 1, max: 200 })
const lost = fc.integer({ min: 0, max: 3 }).map((n) => n === 0)

/** What was agreed, what became of it, and which changes met no row: a world follows from these. */
export const plans = fc.record({
  sharings: fc.array(
    fc.record({
      after: fc.integer({ min: 1, max: 150 }),
      partnerId: fc.constantFrom('partner', 'other'),
      isImmediate: fc.boolean(),
      startsIn: later,
      length: fc.option(later),
      move: fc.option(fc.record({ after: later, length: fc.option(later), isLost: lost })),
      isStarted: fc.boolean(),
      startIsLost: lost,
      asked: fc.option(fc.record({ after: later, isLost: lost })),
      over: fc.option(fc.record({ after: later, isLost: lost })),
    }),
    { maxLength: 5 },
  ),
  commands: fc.array(
    fc.record({
      at: fc.integer({ min: 1, max: NOW - 1 }),
      steps: fc.constantFrom<CommandStatus[][]>(
        [],
        ['DISPATCHED'],
        ['DISPATCHED', 'SUCCEEDED'],
        ['DISPATCHED', 'OUTCOME_UNKNOWN'],
        ['EXPIRED'],
        ['CANCELLED_BY_HANDOVER'],
      ),
      lost: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
  /** How many of the oldest events were removed. */
  pruned: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) }),
})
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never

type Logged<T> = { readonly event: T; readonly isLost: boolean }

/** Sharings that may meet each other, commands, the log of all that, and rows that some of the changes have not met. */
export function worldOf({ sharings, commands, pruned }: Plan, placement: Placement): Kept {
  const { vehicleId, base, unit } = placement
  const vehicle = aVehicle({ id: vehicleId })
  const log: Logged<SharingEvent | CommandEvent>[] = []
  let created = 0
  const sharingPlans = sharings.flatMap((one, index) => {
    created += one.after
    if (created > NOW) return []
    const agreed = created
    const startsAt = one.isImmediate ? agreed : agreed + one.startsIn
    const sharing = aSharing({
      id: `${vehicleId}-${index}`,
      vehicleId,
      partnerId: one.partnerId,
      startsAt: base + startsAt * unit,
      createdAt: base + agreed * unit,
    })
    return [{ sharing, events: eventsOf(one, sharing, agreed, startsAt, placement) }]
  })
  const commandPlans = commands.map((one, index) => {
    const order = { id: `${vehicleId}-c${index}`, type: 'DRAW_ATTENTION', timeoutSeconds: 30 } as const
    const sent = newCommand(vehicle, 'owner', null, order, base + one.at * unit)
    const statuses: CommandStatus[] = ['PENDING', ...one.steps]
    const events = statuses.map((status, step) => {
      const moment = { at: sent.requestedAt + step, requestId: null }
      const event = { ...commandUpdated({ ...sent, status }, moment), position: 0 } as CommandEvent
      return { event, isLost: step > 0 && one.lost[step - 1] === true }
    })
    return { sent, events }
  })
  log.push(...sharingPlans.flatMap(({ events }) => events), ...commandPlans.flatMap(({ events }) => events))
  const placed = log
    .toSorted((a, b) => a.event.recordedAt - b.event.recordedAt)
    .map((one, index) => Object.assign(one, { event: Object.assign(one.event, { position: index + 1 }) }).event)
  const met = <T>(events: readonly Logged<T>[]) => events.filter(({ isLost }) => !isLost).map(({ event }) => event)
  return {
    vehicleId,
    lastInstant: placed.at(-1)?.recordedAt ?? base,
    sharings: sharingPlans.map(({ sharing, events }) => toldSharing(sharing, met(events), new Map())),
    commands: commandPlans.map(({ sent, events }) => toldCommand(sent, met(events))),
    events: placed.slice(pruned),
    askers: new Map(),
    wholeSince: pruned > 0 ? Infinity : -Infinity,
  }
}

/** In the order in which they were recorded, none of them later than now. */
function eventsOf(
  { isImmediate, length, move, isStarted, startIsLost, asked, over }: Plan['sharings'][number],
  sharing: Sharing,
  agreed: number,
  startsAt: number,
  { base, unit }: Placement,
): Logged<SharingEvent>[] {
  const events: Logged<SharingEvent>[] = []
  let known = { ...sharing, endsAt: length === null ? null : base + (startsAt + length) * unit }
  const tell = (type: SharingEventType, at: number, occurredAt: number, isLost = false) => {
    const moment = { at: base + at * unit, requestId: null }
    const event = sharingEvent(type, known, moment, base + occurredAt * unit)
    events.push({ event: { ...event, position: 0 } as SharingEvent, isLost })
  }
  tell(isImmediate ? 'SHARING_STARTED' : 'SHARING_SCHEDULED', agreed, agreed)
  let at = agreed
  if (move && at + move.after <= NOW) {
    at += move.after
    const from = Math.max(at, startsAt)
    known = { ...known, endsAt: move.length === null ? null : base + (from + move.length) * unit }
    tell('SHARING_END_CHANGED', at, at, move.isLost)
  }
  const begins = isImmediate || (isStarted && startsAt <= NOW)
  if (!begins) {
    const cancelled = Math.min(at + (over?.after ?? 0), startsAt - 1, NOW)
    if (over && cancelled > at) {
      known = { ...known, endReason: 'CANCELLED_BY_PARTNER' }
      tell('SHARING_CANCELLED', cancelled, cancelled, over.isLost)
    }
    return events
  }
  at = Math.max(at, startsAt)
  if (!isImmediate) tell('SHARING_STARTED', at, startsAt, startIsLost)
  if (asked && at + asked.after <= NOW) {
    at += asked.after
    tell('SHARING_END_REQUESTED', at, at, asked.isLost)
  }
  const ends = Math.min(at + (over?.after ?? 0), known.endsAt === null ? Infinity : (known.endsAt - base) / unit)
  if (over && ends > startsAt && ends <= NOW) {
    known = { ...known, endReason: 'ENDED_BY_PARTNER' }
    tell('SHARING_ENDED', Math.max(at, ends), ends, over.isLost)
  }
  return events
}
