/** Whether there may be more old rows after a removal; 'busy' where another session kept it from looking. */
export type Left = boolean | 'busy'

/** The pause of a removal that found nothing, and of one that another session kept from looking. Milliseconds. */
const NOTHING_MS = 60_000
const BUSY_MS = 1_000

/**
 * The pause before the next removal: where there may be more, as long as the last one took, so that removing keeps up with a fast
 * database and leaves a slow one to others half of the time. Milliseconds.
 */
export function pauseAfter(left: Left, tookMs: number): number {
  if (left === 'busy') return BUSY_MS
  return left ? Math.max(tookMs, 1) : NOTHING_MS
}
