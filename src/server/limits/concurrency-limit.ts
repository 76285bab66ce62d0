/** A limit on operations under way, so that an operation that is begun is also done soon. */
export type ConcurrencyLimit = {
  /** @returns false while there is no room; else leave() has to follow */
  readonly enter: () => boolean
  readonly leave: () => void
  readonly isFull: () => boolean
}

/** The operations under way up to which no clock is read: they make no queue worth measuring. */
const FEW = 32
/** The time that an operation may wait for operations that were begun before it. Milliseconds. */
const WAIT_MS = 25
/** The interval over which completed operations are counted; a shorter burst may take the whole limit. Milliseconds. */
const WINDOW_MS = 100

/**
 * By Little's law, as many operations as the server completes in the time that one may wait are enough to keep it busy; more
 * of them would only make all wait longer. Completed operations are counted while there is always something to do. So a
 * machine that is slow, or has other work, has a lower limit than a fast one.
 *
 * @param most the limit that no measurement raises
 */
export function createConcurrencyLimit(most: number, now: () => number = () => performance.now()): ConcurrencyLimit {
  const few = Math.min(FEW, most)
  let underWay = 0
  let limit = most
  let completed = 0
  let since = 0
  let hasRefused = false

  const isFull = (): boolean => {
    if (underWay < few) return false
    const at = now()
    const elapsed = at - since
    if (elapsed >= WINDOW_MS) {
      // The number completed says how much can be done only if there was more to do, all the time.
      const wasBusy = hasRefused && elapsed < 2 * WINDOW_MS
      const found = wasBusy ? (completed * WAIT_MS) / elapsed : (2 * limit * elapsed) / WINDOW_MS
      limit = Math.max(few, Math.min(most, Math.round(found)))
      since = at
      completed = 0
      hasRefused = false
    }
    if (underWay < limit) return false
    return (hasRefused = true)
  }
  return {
    isFull,
    enter: () => {
      if (isFull()) return false
      underWay++
      return true
    },
    leave: () => {
      underWay--
      completed++
    },
  }
}

/** Refusals that are sent at once, in a second; each takes the time of a short operation. */
const REFUSALS_PER_SECOND = 1000
/** The longest delay of a refusal: as long as its client is told to stay away. Milliseconds. */
const LONGEST_DELAY_MS = 1000

/**
 * Clients that come back at once when they are refused would leave no time for those that are served: with many of them, a
 * refusal is delayed until its turn.
 *
 * @returns a promise to wait for before the refusal is sent; null for none
 */
export function createRefusalDelay(): () => Promise<void> | null {
  let next = 0
  return () => {
    const now = performance.now()
    next = Math.max(next + 1000 / REFUSALS_PER_SECOND, now)
    const wait = Math.min(next - now, LONGEST_DELAY_MS)
    // Many may have the longest delay at the same time; later refusals do not wait for the turns of all of them.
    next = now + wait
    return wait < 1 ? null : new Promise((resolve) => setTimeout(resolve, wait))
  }
}
