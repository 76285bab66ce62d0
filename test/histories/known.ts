import type * as row from '../../src/generated/prisma/client.ts'
import { endOf, startOf } from './facts.ts'
import type { Call, Instant, Recording } from './history.ts'

/** The sharing that a call has answered with. */
export function sharingIn({ answer }: Call): { readonly id: string; readonly phase: string } | null {
  const sharing = answer.kind === 'success' ? answer.result['sharing'] : null
  return (sharing ?? null) as { readonly id: string; readonly phase: string } | null
}

/**
 * A start by request, or with a report, has its instant from before the commit, and until the commit others decide without it.
 * @returns the instant from which every answer has to know that the sharing is in force, as long as it is
 */
export function knownStart(sharing: row.Sharing, recording: Recording): Instant {
  const { id } = sharing
  const cause = causeOf('SHARING_STARTED', sharing, recording)
  const isShown = (phase: string) => cause === 'time' || phase !== 'SCHEDULED'
  return Math.max(
    startOf(sharing),
    earliest([
      ...(cause === 'time' ? [] : cause),
      ...recording.calls.filter((call) => isShown(sharingIn(call)?.phase ?? 'SCHEDULED') && sharingIn(call)?.id === id),
      ...recording.reads.filter(({ inForce }) => inForce === id),
    ]),
  )
}

/** @returns the instant from which every answer has to know that the sharing has ended; as knownStart */
export function knownEnd(sharing: row.Sharing, recording: Recording): Instant {
  const { id } = sharing
  const cause = causeOf('SHARING_ENDED', sharing, recording)
  if (cause === 'time') return endOf(sharing)
  return earliest([
    ...cause,
    ...recording.calls.filter((call) => sharingIn(call)?.id === id && sharingIn(call)?.phase === 'ENDED'),
    ...recording.reads.filter(({ sharingId, phase }) => sharingId === id && phase === 'ENDED'),
  ])
}

/** The call that an event belongs to, if it was acknowledged; 'time' for one that fell due, or has not come. */
function causeOf(type: row.Event['type'], { id }: row.Sharing, { calls, truth }: Recording): 'time' | readonly Call[] {
  const event = truth.events.find((one) => one.type === type && one.sharingId === id)
  if (!event || event.requestId === null) return 'time'
  return calls.filter(({ requestId, answer }) => requestId === event.requestId && answer.kind === 'success')
}

const earliest = (answers: readonly { readonly returnedAt: Instant }[]): Instant =>
  Math.min(...answers.map(({ returnedAt }) => returnedAt))
