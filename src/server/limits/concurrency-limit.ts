/** How many operations may be under way, so that what is begun is also done soon. */
export type Bound = {
  /** @returns false while there is no room; else leave() has to follow */
  readonly enter: () => boolean
  readonly leave: () => void
  readonly isFull: () => boolean
}

/** With so few under way nobody looks at a clock: no queue is worth speaking of, and all connections have something to do. */
const FEW = 32
/** How long what is begun may have to wait for what was begun before it. Milliseconds. */
const WAIT_MS = 25
/** A burst shorter than this may take all there is. Milliseconds. */
const WINDOW_MS = 100

/**
 * By Little's law, as many operations as the server gets done in the time that one may wait are enough to keep it busy; more
 * of them would only make all wait longer. How many it gets done is counted while there is always something to do. A
 * machine that is slow, or has others to serve, so has a lower bound than a fast one.
 *
 * @param most whatever is measured
 */
export function createBound(most: number, now: () => number = () => performance.now()): Bound {
  const few = Math.min(FEW, most)
  let underWay = 0
  let limit = most
  let done = 0
  let since = 0
  let hasRefused = false

  const isFull = (): boolean => {
    if (underWay < few) return false
    const at = now()
    const elapsed = at - since
    if (elapsed >= WINDOW_MS) {
      // What was done says how much can be done only if there was more to do, all the time.
      const wasBusy = hasRefused && elapsed < 2 * WINDOW_MS
      const found = wasBusy ? (done * WAIT_MS) / elapsed : (2 * limit * elapsed) / WINDOW_MS
      limit = Math.max(few, Math.min(most, Math.round(found)))
      since = at
      done = 0
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
      done++
    },
  }
}

/** Refusals that are told at once, in a second; each takes the time of a short operation. */
const REFUSALS_PER_SECOND = 1000
/** How long others are held; as long as they are told to stay away. Milliseconds. */
const HELD_MS = 1000

/**
 * Those who come back at once when they are refused would leave no time for those who are served: with many of them, a
 * refusal takes its turn.
 *
 * @returns what to wait for before one is told; null for nothing
 */
export function createPace(): () => Promise<void> | null {
  let next = 0
  return () => {
    const now = performance.now()
    next = Math.max(next + 1000 / REFUSALS_PER_SECOND, now)
    const wait = Math.min(next - now, HELD_MS)
    // Of those who are held for the longest there may be many; their turns are not to be waited for by who comes later.
    next = now + wait
    return wait < 1 ? null : new Promise((resolve) => setTimeout(resolve, wait))
  }
}
