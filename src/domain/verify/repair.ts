import type { Command } from '../command.ts'
import { sharingEvent } from '../log/event.ts'
import type { Moment, NewEvent } from '../log/event.ts'
import { overlaps } from '../period.ts'
import type { Instant } from '../period.ts'
import { periodOf } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'
import { toldCommands, toldSharings } from './told.ts'
import type { Kept } from './told.ts'

/** How one sharing gives way to another, so that no two of a vehicle overlap. */
export type Yielding = {
  /** As it stands after it. */
  readonly sharing: Sharing
  /** The one that stands. */
  readonly to: Sharing
  readonly event: NewEvent
}

/** Changes that make a vehicle's rows agree with the log, and with each other. */
export type Repair = {
  /** All of the vehicle's, as they have to be. */
  readonly sharings: readonly Sharing[]
  readonly commands: readonly Command[]
  /** Those that give way, in the order of the events that have to be appended. */
  readonly yielding: readonly Yielding[]
}

/**
 * The rows as the log tells of them; then, of two sharings that overlap, one gives way. Of two that started the earlier
 * ends where the later began. One that never started is called off, be it for one that did or for one that was agreed
 * earlier: an instant before its start, or now if that is to come. What fell due is left to settle(). The function
 * repair_vehicle in the database does the same.
 * @param at the instant of the repair, no earlier than any that was taken for the vehicle
 */
export function repair(kept: Kept, at: Instant): Repair {
  const told = toldSharings(kept)
  const sharings = new Map(told.map((sharing) => [sharing.id, sharing]))
  const yielding: Yielding[] = []
  const standing = new Set<string>()
  const inTheWay = (of: Sharing): Sharing[] =>
    [...standing].flatMap((id) => sharings.get(id) ?? []).filter((other) => overlaps(periodOf(other), periodOf(of)))
  const give = (sharing: Sharing, to: Sharing) => {
    const ended = sharing.endedAt !== null && sharing.cancelledAt === null
    const type = ended ? 'SHARING_ENDED' : 'SHARING_CANCELLED'
    const byTime: Moment = { at, requestId: null }
    const occurredAt = sharing.endedAt ?? sharing.cancelledAt ?? at
    sharings.set(sharing.id, sharing)
    yielding.push({ sharing, to, event: sharingEvent(type, sharing, byTime, occurredAt) })
  }

  for (const sharing of told.filter(hasBegun).toSorted((a, b) => a.startsAt - b.startsAt || agreed(a, b))) {
    for (const earlier of inTheWay(sharing)) {
      give(earlier.startsAt === sharing.startsAt ? calledOff(earlier, at) : endedFor(earlier, sharing), sharing)
    }
    standing.add(sharing.id)
  }
  for (const sharing of told.filter(isScheduled).toSorted(agreed)) {
    const [other] = inTheWay(sharing)
    if (other) give(calledOff(sharing, at), other)
    else standing.add(sharing.id)
  }
  return { sharings: [...sharings.values()], commands: toldCommands(kept), yielding }
}

const hasBegun = ({ cancelledAt, startedAt, endedAt }: Sharing): boolean =>
  cancelledAt === null && (startedAt !== null || endedAt !== null)

const isScheduled = (sharing: Sharing): boolean => sharing.cancelledAt === null && !hasBegun(sharing)

/** In the order of the log: each was agreed at an instant later than any that was taken for the vehicle before. */
const agreed = (a: Sharing, b: Sharing): number => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)

const calledOff = (sharing: Sharing, at: Instant): Sharing => ({
  ...sharing,
  cancelledAt: Math.min(at, sharing.startsAt - 1),
  endedAt: null,
  endReason: 'CANCELLED_BY_OWNER',
  startedAt: null,
  startAwaitedSince: null,
})

const endedFor = (sharing: Sharing, { startsAt }: Sharing): Sharing => ({
  ...sharing,
  endedAt: startsAt,
  endReason: 'ENDED_BY_OWNER',
  isOverrun: sharing.endPolicy === 'WHEN_IDLE' ? (sharing.isOverrun ?? false) : null,
})
