import { cancel, expire, isOpen } from './command.ts'
import type { Command } from './command.ts'
import { earlier } from './period.ts'
import type { Instant } from './period.ts'
import type { Sharing } from './sharing.ts'
import type { VehicleState } from './state.ts'

/** The unfinished business of one vehicle: sharings whose end is not in the log yet, and open commands. */
export type Pending = { readonly sharings: readonly Sharing[]; readonly commands: readonly Command[] }

/** One change that fell due, with the sharing or command as it is after that change. */
export type Step =
  | { readonly type: 'SHARING_STARTED' | 'SHARING_ENDED'; readonly at: Instant; readonly sharing: Sharing }
  | { readonly type: 'COMMAND_UPDATED'; readonly at: Instant; readonly command: Command }

/** The order of changes due at the same instant: deadlines, then ends, then starts, so that no two sharings overlap. */
const ORDER = { deadline: 0, end: 1, start: 2 } as const

type Due = { readonly at: Instant; readonly kind: keyof typeof ORDER; readonly id: string }

/**
 * Records the changes that fell due up to and including `at` and are not in the log yet. A handover cancels the
 * commands that were not dispatched by then, so that their later deadlines find nothing to expire.
 * @param state the readings known at `at`; later reports are merged only after this
 * @returns the steps in the order in which they happened, and all sharings and commands as they are after the last one
 */
export function settle(
  pending: Pending,
  state: VehicleState,
  at: Instant,
): Pending & { readonly steps: readonly Step[] } {
  const sharings = new Map(pending.sharings.map((sharing) => [sharing.id, sharing]))
  const commands = new Map(pending.commands.map((command) => [command.id, command]))
  const steps: Step[] = []

  const update = (command: Command, next: Command, when: Instant) => {
    if (next === command) return
    commands.set(next.id, next)
    steps.push({ type: 'COMMAND_UPDATED', at: when, command: next })
  }
  const pass = (type: 'SHARING_STARTED' | 'SHARING_ENDED', sharing: Sharing, when: Instant) => {
    sharings.set(sharing.id, sharing)
    steps.push({ type, at: when, sharing })
    for (const command of commands.values()) update(command, cancel(command, when), when)
  }

  for (const due of dueUntil(pending, at)) {
    const sharing = sharings.get(due.id)
    const command = commands.get(due.id)
    if (due.kind === 'deadline' && command && isOpen(command)) update(command, expire(command), due.at)
    if (due.kind === 'start' && sharing) {
      pass('SHARING_STARTED', { ...sharing, startRecorded: true, handover: state }, due.at)
    }
    if (due.kind === 'end' && sharing) {
      pass('SHARING_ENDED', { ...sharing, endedAt: due.at, endReason: 'EXPIRED', returned: state }, due.at)
    }
  }
  return { sharings: [...sharings.values()], commands: [...commands.values()], steps }
}

/** The next instant after `at` at which something falls due; null for none. */
export function nextDue({ sharings, commands }: Pending, at: Instant): Instant | null {
  let next: Instant | null = null
  const consider = (instant: Instant | null) => {
    if (instant !== null && instant > at) next = earlier(next, instant)
  }
  for (const sharing of sharings.filter(isUnfinished)) {
    if (!sharing.startRecorded) consider(sharing.startsAt)
    consider(sharing.endsAt)
  }
  for (const command of commands) if (isOpen(command)) consider(command.deadline)
  return next
}

/** Whether the start or the end of some sharing has come at `at` and is not recorded yet. */
export const isBehind = (sharings: readonly Sharing[], at: Instant): boolean =>
  sharings.some(
    (sharing) =>
      isUnfinished(sharing) &&
      ((!sharing.startRecorded && sharing.startsAt <= at) || (sharing.endsAt !== null && sharing.endsAt <= at)),
  )

/** Neither called off nor ended by the log. */
const isUnfinished = ({ cancelledAt, endedAt }: Sharing): boolean => cancelledAt === null && endedAt === null

function dueUntil({ sharings, commands }: Pending, at: Instant): Due[] {
  const handovers = sharings
    .filter(isUnfinished)
    .flatMap(({ id, startsAt, endsAt, startRecorded }): Due[] => [
      ...(startRecorded ? [] : [{ at: startsAt, kind: 'start', id } as const]),
      ...(endsAt === null ? [] : [{ at: endsAt, kind: 'end', id } as const]),
    ])
  const deadlines = commands.filter(isOpen).map(({ id, deadline }): Due => ({ at: deadline, kind: 'deadline', id }))
  return [...handovers, ...deadlines]
    .filter((item) => item.at <= at)
    .toSorted((a, b) => a.at - b.at || ORDER[a.kind] - ORDER[b.kind])
}

/**
 * The commands that a handover by request cancels: all that are PENDING, for the fleet that loses control sent them.
 * @returns only the changed commands
 */
export const cancelled = (commands: readonly Command[], at: Instant): Command[] =>
  commands.map((command) => cancel(command, at)).filter((command, index) => command !== commands[index])
