import { isEmpty, overlaps } from '../period.ts'
import type { Instant } from '../period.ts'
import { periodOf } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'

/**
 * Why the sharings of one vehicle cannot all be as they are recorded, in words for the log; null if they can. No verb of the
 * domain leads there, so nothing can be decided on such a vehicle until its records are repaired.
 * @param at the instant of the decision, which no recorded start is later than
 */
export function contradictionIn(sharings: readonly Sharing[], at: Instant): string | null {
  for (const { id, startsAt, endsAt, startedAt } of sharings) {
    if (endsAt !== null && endsAt <= startsAt) return `sharing ${id} is due to end no later than it starts`
    if (startedAt !== null && startedAt > at) return `sharing ${id} is recorded as started and starts later`
  }
  if (sharings.length < 2) return null
  const inOrder = sharings.filter((sharing) => !isEmpty(periodOf(sharing))).toSorted((a, b) => a.startsAt - b.startsAt)
  // If any two overlap, some two that follow each other do.
  for (const [index, later] of inOrder.entries()) {
    const earlier = inOrder[index - 1]
    if (earlier && overlaps(periodOf(earlier), periodOf(later))) return `sharings ${earlier.id} and ${later.id} overlap`
  }
  return null
}
