import type { Database } from '../data/client.ts'
import { readFleetLog } from '../data/log.ts'
import type { EventFilter, LoggedEvent } from '../domain/event.ts'
import { reaches } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import type { Tail } from './tail.ts'

const PAGE = 200

export type StreamOrder = {
  readonly fleetId: string
  readonly filter: EventFilter
  /** The place behind which the stream starts; null for now. */
  readonly after: number | null
  /** Nothing is delivered from this instant on, by this machine's clock. */
  readonly until: Instant
}

/** Timers count in 32 bits; a token that lasts longer than that is looked at again. Milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * A fleet's events in the order of the log, each exactly once: first what lies behind the place, then live. It is pulled:
 * a slow reader leaves the events in the log, and reads them there when it comes back.
 */
export function openStream(db: Database, tail: Tail, order: StreamOrder): AsyncGenerator<LoggedEvent, void> {
  const closing = new AbortController()
  const events = follow(db, tail, order, closing.signal)
  let timer: NodeJS.Timeout | undefined
  const expire = () => {
    const left = order.until - Date.now()
    if (left <= 0) closing.abort()
    else timer = setTimeout(expire, Math.min(left, LONGEST_TIMER_MS)).unref()
  }
  expire()
  closing.signal.addEventListener('abort', () => clearTimeout(timer))
  const close = () => {
    closing.abort()
    return events.return()
  }
  return {
    next: () => events.next(),
    // Without the abort a generator that waits for the next event would never get to know.
    return: close,
    throw: close,
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await close()),
  }
}

async function* follow(
  db: Database,
  tail: Tail,
  { fleetId, filter, after, until }: StreamOrder,
  signal: AbortSignal,
): AsyncGenerator<LoggedEvent, void> {
  const start = await tail.join()
  try {
    let position = after ?? start
    const ended = () => signal.aborted || tail.stopped() || Date.now() >= until
    while (!ended()) {
      const stretch = tail.since(position, PAGE)
      const upTo = stretch?.upTo ?? tail.head()
      const events = stretch
        ? stretch.events.filter((event) => reaches(event, fleetId, filter))
        : await readFleetLog(db, fleetId, filter, position, upTo, PAGE)
      for (const event of events) {
        if (ended()) return
        yield event
      }
      // A full page of the log may have been cut short by its limit.
      position = stretch === null && events.length === PAGE ? (events.at(-1)?.position ?? upTo) : upTo
      await tail.moved(position, signal)
    }
  } finally {
    tail.leave()
  }
}
