import { isOpen } from '../command.ts'
import type { Command, CommandStatus } from '../command.ts'
import type { LoggedEvent, SharingEventType } from '../log/event.ts'
import type { Instant } from '../period.ts'
import type { Sharing } from '../sharing.ts'

export type SharingEvent = Extract<LoggedEvent, { readonly type: SharingEventType }>
export type CommandEvent = Extract<LoggedEvent, { readonly type: 'COMMAND_UPDATED' }>

/** The fleet that made a request, as far as the audit trail knows: who asked for an end is not in the log. */
export type Askers = ReadonlyMap<string, string>

/**
 * A sharing as the log tells of it. Of a log whose oldest events were removed the rest tells how it ended and when it is due;
 * the row alone knows what came before.
 * @param events those of this sharing that are kept, in the order of the log; without any the row stands
 */
export function toldSharing(row: Sharing, events: readonly SharingEvent[], askers: Askers): Sharing {
  const last = (...types: readonly SharingEventType[]) => events.findLast(({ type }) => types.includes(type))
  const [first, latest] = [events[0], events.at(-1)]
  if (!first || !latest) return row
  // It was made and first told of at one instant.
  const isWhole = first.recordedAt <= row.createdAt
  const started = last('SHARING_STARTED')
  const awaited = last('SHARING_START_AWAITED')
  const asked = askedFor(events)
  const over = last('SHARING_ENDED', 'SHARING_CANCELLED')
  const isCancelled = over?.type === 'SHARING_CANCELLED'
  const before = isWhole ? NOTHING_BEFORE : row
  return {
    ...row,
    // A start on time is the due start, whatever the row has.
    startsAt: (row.startPolicy === 'ON_TIME' ? started?.occurredAt : null) ?? row.startsAt,
    startedAt: isCancelled ? null : (started?.occurredAt ?? before.startedAt),
    startAwaitedSince: started || over ? null : (awaited?.occurredAt ?? before.startAwaitedSince),
    endsAt: latest.facts.endsAt,
    latestEndsAt: latest.facts.latestEndsAt ?? null,
    endedAt: over && !isCancelled ? over.occurredAt : null,
    endReason: over?.facts.endReason ?? null,
    cancelledAt: over && isCancelled ? over.occurredAt : null,
    ...(asked
      ? askedBy(row, asked, askers)
      : { endRequestedAt: before.endRequestedAt, endRequestedBy: before.endRequestedBy }),
  }
}

/** Properties that no event has set, of a sharing whose first event is in the log. */
const NOTHING_BEFORE = { startedAt: null, startAwaitedSince: null, endRequestedAt: null, endRequestedBy: null } as const

/** The wait for the end that holds: a due end that came by time waits no longer once a later one is set. */
function askedFor(events: readonly SharingEvent[]): SharingEvent | undefined {
  const nth = events.findLastIndex(({ type }) => type === 'SHARING_END_REQUESTED')
  const asked = events[nth]
  const isOver =
    asked?.requestId === null &&
    events.some(
      ({ type, facts }, index) =>
        index > nth && type === 'SHARING_END_CHANGED' && (facts.endsAt ?? Infinity) > asked.occurredAt,
    )
  return isOver ? undefined : asked
}

function askedBy(row: Sharing, { occurredAt, requestId }: SharingEvent, askers: Askers) {
  const known = row.endRequestedAt === occurredAt ? row.endRequestedBy : null
  // A due end that may wait asks by itself.
  if (requestId === null && row.endPolicy === 'WHEN_IDLE') {
    return { endRequestedAt: occurredAt, endRequestedBy: null, isOverrun: true }
  }
  const asker = requestId === null ? undefined : askers.get(requestId)
  return { endRequestedAt: occurredAt, endRequestedBy: known ?? asker ?? row.ownerId }
}

/** Statuses of commands that a gateway has got. */
const DISPATCHED: readonly CommandStatus[] = ['DISPATCHED', 'SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN']

/**
 * A command as the log tells of it.
 * @param events those of this command that are kept, in the order of the log; without any the row stands
 */
export function toldCommand(row: Command, events: readonly CommandEvent[]): Command {
  const latest = events.at(-1)
  if (!latest || latest.facts.status === row.status) return row
  const told = { ...row, status: latest.facts.status }
  const dispatchedAt =
    row.dispatchedAt ?? events.findLast(({ facts }) => facts.status === 'DISPATCHED')?.occurredAt ?? row.requestedAt
  return {
    ...told,
    dispatchedAt: DISPATCHED.includes(told.status) ? dispatchedAt : null,
    completedAt: isOpen(told) ? null : latest.occurredAt,
  }
}

/** A vehicle with everything that its part of the log can be compared with. */
export type Kept = {
  readonly vehicleId: string
  /** The latest instant that was taken for it; null for a vehicle that is in the log alone. */
  readonly lastInstant: Instant | null
  readonly sharings: readonly Sharing[]
  readonly commands: readonly Command[]
  /** Those of sharings and commands, in the order of the log. */
  readonly events: readonly (SharingEvent | CommandEvent)[]
  readonly askers: Askers
  /** Sharings and commands made since then have all their events in the log; older ones may have lost the oldest. */
  readonly wholeSince: Instant
}

/** The same with the sharings as the log tells of them. */
export const toldSharings = ({ sharings, events, askers }: Kept): Sharing[] => {
  const bySharing = Map.groupBy(
    events.filter((event): event is SharingEvent => event.type !== 'COMMAND_UPDATED'),
    ({ sharingId }) => sharingId,
  )
  return sharings.map((row) => toldSharing(row, bySharing.get(row.id) ?? [], askers))
}

/** The same with the commands as the log tells of them. */
export const toldCommands = ({ commands, events }: Kept): Command[] => {
  const byCommand = Map.groupBy(
    events.filter((event): event is CommandEvent => event.type === 'COMMAND_UPDATED'),
    ({ commandId }) => commandId,
  )
  return commands.map((row) => toldCommand(row, byCommand.get(row.id) ?? []))
}
