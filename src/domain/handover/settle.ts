import { cancel, expire, isOpen } from '../command.ts'
import type { Command } from '../command.ts'
import type { IdleFacts } from './idleness.ts'
import { endIfDue, startIfDue } from './waiting.ts'
import { earlier } from '../period.ts'
import type { Instant } from '../period.ts'
import type { Sharing } from '../sharing.ts'
import type { VehicleUse } from '../vehicle.ts'

/** The unfinished business of one vehicle: sharings whose end is not in the log yet, and open commands. */
export type Pending = { readonly sharings: readonly Sharing[]; readonly commands: readonly Command[] }

/** One change that fell due and has an event, with the sharing or command as it is after that change. */
export type Step =
  | {
      readonly type:
        'SHARING_STARTED' | 'SHARING_ENDED' | 'SHARING_START_AWAITED' | 'SHARING_END_REQUESTED' | 'SHARING_CANCELLED'
      readonly at: Instant
      readonly sharing: Sharing
    }
  | { readonly type: 'COMMAND_UPDATED'; readonly at: Instant; readonly command: Command }

/**
 * The order of changes due at the same instant: deadlines, then ends, then starts, so that no two sharings overlap, and a use that
 * an end clears does not hold up a start.
 */
const ORDER = { deadline: 0, end: 1, start: 2 } as const

type Due = { readonly at: Instant; readonly kind: keyof typeof ORDER; readonly id: string }

/** Everything as it is after the last step, and the use of the vehicle, which a passing of control clears. */
export type Settled = Pending & { readonly steps: readonly Step[]; readonly use: VehicleUse | null }

/**
 * Records the changes that fell due up to and including `at` and are not in the log yet. A handover cancels the
 * commands that were not dispatched by then, so that their later deadlines find nothing to expire.
 * @param facts what is known at `at`; later reports are merged only after this
 * @returns the steps in the order in which they happened; a sharing that changed without an event differs, too
 */
export function settle(pending: Pending, facts: IdleFacts, at: Instant): Settled {
  let due = nextStep(pending)
  if (due === null || due.at > at) return { ...pending, steps: [], use: facts.use }
  const sharings = new Map(pending.sharings.map((sharing) => [sharing.id, sharing]))
  const commands = new Map(pending.commands.map((command) => [command.id, command]))
  const steps: Step[] = []
  let known = facts

  const update = (command: Command, next: Command, when: Instant) => {
    if (next === command) return
    commands.set(next.id, next)
    steps.push({ type: 'COMMAND_UPDATED', at: when, command: next })
  }
  const pass = (type: 'SHARING_STARTED' | 'SHARING_ENDED', sharing: Sharing, when: Instant) => {
    steps.push({ type, at: when, sharing })
    known = { ...known, use: null }
    for (const command of commands.values()) update(command, cancel(command, when), when)
  }
  const start = (sharing: Sharing, when: Instant) => {
    const next = startIfDue(sharing, known, when)
    sharings.set(next.id, next)
    if (next.startedAt === null) steps.push({ type: 'SHARING_START_AWAITED', at: when, sharing: next })
    else pass('SHARING_STARTED', next, when)
  }
  const end = (sharing: Sharing, when: Instant) => {
    const next = endIfDue(sharing, known, when)
    sharings.set(next.id, next)
    if (next.cancelledAt !== null) steps.push({ type: 'SHARING_CANCELLED', at: when, sharing: next })
    else if (next.endedAt !== null) pass('SHARING_ENDED', next, when)
    else if (sharing.endRequestedAt === null) steps.push({ type: 'SHARING_END_REQUESTED', at: when, sharing: next })
  }

  const after = (): Pending => ({ sharings: [...sharings.values()], commands: [...commands.values()] })
  while (due !== null && due.at <= at) {
    const sharing = sharings.get(due.id)
    const command = commands.get(due.id)
    if (due.kind === 'deadline' && command) update(command, expire(command), due.at)
    if (due.kind === 'start' && sharing) start(sharing, due.at)
    if (due.kind === 'end' && sharing) end(sharing, due.at)
    due = nextStep(after())
  }
  return { ...after(), steps, use: known.use }
}

/** The next instant after `at` at which something falls due; null for none. */
export function nextDue(pending: Pending, at: Instant): Instant | null {
  let next: Instant | null = null
  const consider = (instant: Instant | null) => {
    if (instant !== null && instant > at) next = earlier(next, instant)
  }
  for (const sharing of pending.sharings) {
    const due = dueOf(sharing)
    consider(due && due.at)
    if (due?.kind === 'start') consider(sharing.endsAt)
  }
  for (const command of pending.commands) if (isOpen(command)) consider(command.deadline)
  return next
}

/** Whether something of the sharings has fallen due at `at` and is not recorded yet. */
export const isBehind = (sharings: readonly Sharing[], at: Instant): boolean =>
  sharings.some((sharing) => (dueOf(sharing)?.at ?? Infinity) <= at)

/** The sharings of a vehicle and its use as they are at `at`, whether what fell due by then is recorded or not. */
export function asOf(
  sharings: readonly Sharing[],
  facts: IdleFacts,
  at: Instant,
): { readonly sharings: readonly Sharing[]; readonly use: VehicleUse | null } {
  return isBehind(sharings, at) ? settle({ sharings, commands: [] }, facts, at) : { sharings, use: facts.use }
}

/**
 * The command as it is at `at`, whether what fell due by then is recorded or not.
 * @param vehicle null for one that is deleted, which has its commands' deadlines left
 */
export function commandAsOf(
  command: Command,
  vehicle: (IdleFacts & { readonly sharings: readonly Sharing[] }) | null,
  at: Instant,
): Command {
  if (!isOpen(command)) return command
  if (vehicle === null) return command.deadline <= at ? expire(command) : command
  return settle({ sharings: vehicle.sharings, commands: [command] }, vehicle, at).commands[0] ?? command
}

/** The earliest change that is to come, whatever the time is. */
function nextStep({ sharings, commands }: Pending): Due | null {
  let next: Due | null = null
  for (const sharing of sharings) next = first(next, dueOf(sharing))
  for (const command of commands) next = first(next, deadlineOf(command))
  return next
}

const first = (a: Due | null, b: Due | null): Due | null =>
  a === null || (b !== null && (b.at < a.at || (b.at === a.at && ORDER[b.kind] < ORDER[a.kind]))) ? b : a

/** The sharing's next change by time: its start, its end, or its end at the latest. The column due_at says the same. */
export function dueOf(sharing: Sharing): Due | null {
  const { id, startsAt, startedAt, startAwaitedSince, endsAt, latestEndsAt, endedAt, cancelledAt, isOverrun } = sharing
  if (cancelledAt !== null || endedAt !== null) return null
  if (startedAt === null && startAwaitedSince === null) return { at: startsAt, kind: 'start', id }
  const end = isOverrun === true ? latestEndsAt : endsAt
  return end === null ? null : { at: end, kind: 'end', id }
}

const deadlineOf = (command: Command): Due | null =>
  isOpen(command) ? { at: command.deadline, kind: 'deadline', id: command.id } : null

/**
 * The commands that a handover by request cancels: all that are PENDING, for the fleet that loses control sent them.
 * @returns only the changed commands
 */
export const cancelled = (commands: readonly Command[], at: Instant): Command[] =>
  commands.map((command) => cancel(command, at)).filter((command, index) => command !== commands[index])
