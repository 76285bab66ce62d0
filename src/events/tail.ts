import type { Database } from '../data/client.ts'
import { horizon, readLog } from '../data/log.ts'
import type { LoggedEvent } from '../domain/event.ts'

/** What the log holds behind a position: the events, and how far they reach. */
export type Stretch = { readonly events: readonly LoggedEvent[]; readonly upTo: number }

/**
 * One reader of the log's end for all subscribers of this instance. It keeps the newest events; who is further behind
 * reads the log. It rests while nobody follows.
 */
export type Tail = {
  /** Starts to follow. @returns the position up to which the log is settled: what comes behind it is new */
  readonly join: () => Promise<number>
  readonly leave: () => void
  /** null once a position is no longer covered; `limit` events at most. */
  readonly since: (position: number, limit: number) => Stretch | null
  /** Resolves when something lies behind `position`, on abort, and once the tail has stopped. */
  readonly moved: (position: number, signal: AbortSignal) => Promise<void>
  /** How far the newest events reach. */
  readonly head: () => number
  /** Says that something was appended: a hint, which may be false or missing. */
  readonly wake: () => void
  readonly stop: () => void
  /** Nothing comes any more. */
  readonly stopped: () => boolean
}

/** Events kept in memory for all subscribers together. */
const WINDOW = 10_000
const READ_LIMIT = 1_000
/** What other instances append is found this soon, hints or not. Milliseconds. */
const POLL_MS = 200
/** While a writer holds the horizon back it is asked for this often: that writer may be on another instance. */
const UNSETTLED_POLL_MS = 10

export function startTail(db: Database, onError: (error: unknown) => void): Tail {
  let window: LoggedEvent[] = []
  /** The window holds all of the log in (floor, head]. */
  let floor = 0
  let head = 0
  let followers = 0
  let resting = true
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | null = null
  let again = false
  const waiting = new Set<() => void>()

  async function advance(): Promise<void> {
    const { settled, drawn } = await horizon(db)
    while (head < settled) {
      const from = head
      const events = await readLog(db, from, settled, READ_LIMIT)
      // Somebody joined afresh meanwhile, further on.
      if (head !== from) continue
      // Another instance's events: what is read for them is read as of no earlier.
      for (const { recordedAt } of events) db.clock.observe(recordedAt)
      head = events.length === READ_LIMIT ? (events.at(-1)?.position ?? settled) : settled
      window.push(...events)
      if (window.length > WINDOW) {
        const dropped = window.splice(0, window.length - WINDOW)
        floor = dropped.at(-1)?.position ?? floor
      }
      if (events.length > 0) notify()
    }
    schedule(settled < drawn ? UNSETTLED_POLL_MS : POLL_MS)
  }

  function notify(): void {
    const resume = [...waiting]
    waiting.clear()
    for (const go of resume) go()
  }

  function schedule(ms: number): void {
    clearTimeout(timer)
    if (followers > 0 && !stopped) timer = setTimeout(read, ms)
  }

  function read(): void {
    if (stopped || resting) return
    again = reading !== null
    reading ??= advance()
      .catch((error: unknown) => {
        onError(error)
        schedule(POLL_MS)
      })
      .finally(() => {
        reading = null
        if (again) read()
      })
  }

  function leave(): void {
    followers--
    if (followers > 0) return
    resting = true
    clearTimeout(timer)
  }

  return {
    async join() {
      followers++
      try {
        const { settled } = await horizon(db)
        if (resting) {
          resting = false
          // Nobody has moved the window since it was left: start it afresh.
          if (head < settled) [window, floor, head] = [[], settled, settled]
          schedule(POLL_MS)
        }
        return settled
      } catch (error) {
        leave()
        throw error
      }
    },
    leave,
    since(position, limit) {
      if (position < floor || position >= head) return position >= head ? { events: [], upTo: position } : null
      const from = firstBehind(window, position)
      const events = window.slice(from, from + limit)
      return { events, upTo: from + limit < window.length ? (events.at(-1)?.position ?? position) : head }
    },
    async moved(position, signal) {
      if (position < head || signal.aborted || stopped) return
      await new Promise<void>((resolve) => {
        const go = () => {
          waiting.delete(go)
          signal.removeEventListener('abort', go)
          resolve()
        }
        waiting.add(go)
        signal.addEventListener('abort', go)
      })
    },
    head: () => head,
    wake: read,
    stop() {
      stopped = true
      clearTimeout(timer)
      notify()
    },
    stopped: () => stopped,
  }
}

/** The index of the first event behind a position, by bisection. */
function firstBehind(events: readonly LoggedEvent[], position: number): number {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((events[middle]?.position ?? Infinity) <= position) low = middle + 1
    else high = middle
  }
  return low
}
