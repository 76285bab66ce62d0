import type { Instant } from '../period.ts'
import { endSharing, inForce, phaseAt } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'
import { isIdle } from './idleness.ts'
import type { IdleFacts } from './idleness.ts'

/** Whether its start or its end happens as soon as the vehicle is idle. */
export const isWaiting = (sharing: Sharing, at: Instant): boolean =>
  sharing.startAwaitedSince !== null || (sharing.endRequestedAt !== null && inForce(sharing, at))

/** The sharing as it starts, with the readings that are known then. */
export const started = (sharing: Sharing, { state }: IdleFacts, at: Instant): Sharing => ({
  ...sharing,
  startedAt: at,
  startAwaitedSince: null,
  handover: state,
})

/** A sharing whose start is due: started, or from now on waiting for the vehicle to be idle. */
export const startIfDue = (sharing: Sharing, facts: IdleFacts, at: Instant): Sharing =>
  sharing.startPolicy === 'ON_TIME' || isIdle(facts, at)
    ? started(sharing, facts, at)
    : { ...sharing, startAwaitedSince: at }

/**
 * A sharing whose due end, or whose end at the latest, has come: ended, called off if it has not started, or with WHEN_IDLE
 * waiting from now on for a vehicle in use.
 */
export function endIfDue(sharing: Sharing, facts: IdleFacts, at: Instant): Sharing {
  if (sharing.startedAt === null) {
    return { ...sharing, cancelledAt: at, endReason: 'NOT_HANDED_OVER', startAwaitedSince: null }
  }
  const { endPolicy, latestEndsAt, isOverrun, endRequestedAt } = sharing
  const mayWait = endPolicy === 'WHEN_IDLE' && isOverrun !== true && latestEndsAt !== null && latestEndsAt > at
  if (mayWait && !isIdle(facts, at)) return { ...sharing, isOverrun: true, endRequestedAt: endRequestedAt ?? at }
  return {
    ...sharing,
    endedAt: at,
    endReason: 'EXPIRED',
    isOverrun: endPolicy === 'WHEN_IDLE' ? (isOverrun ?? false) : null,
    returned: facts.state,
  }
}

/**
 * The sharing after a party asked for its end once the vehicle is idle: ended at once if that is so, cancelled if it was still
 * scheduled. A repeated request changes nothing and returns `sharing` itself.
 */
export function endWhenIdle(sharing: Sharing, by: string, facts: IdleFacts, at: Instant): Sharing {
  if (phaseAt(sharing, at) === 'SCHEDULED' || isIdle(facts, at)) return endSharing(sharing, by, facts.state, at)
  return sharing.endRequestedAt === null ? { ...sharing, endRequestedAt: at, endRequestedBy: by } : sharing
}

/** The sharing after its start or end, if that waited and the vehicle is idle; else the sharing itself. */
export function handOver(sharing: Sharing, facts: IdleFacts, at: Instant): Sharing {
  if (!isWaiting(sharing, at) || !isIdle(facts, at)) return sharing
  if (sharing.startAwaitedSince !== null) return started(sharing, facts, at)
  if (sharing.endRequestedBy !== null) return endSharing(sharing, sharing.endRequestedBy, facts.state, at)
  return { ...sharing, endedAt: at, endReason: 'EXPIRED', returned: facts.state }
}
