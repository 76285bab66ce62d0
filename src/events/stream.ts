import { stopOnReturn } from '../async/iterators.ts'
import { atInstant } from '../async/timer.ts'
import type { Database } from '../data/client.ts'
import { readFleetLog, readLog } from '../data/log.ts'
import type { EventFilter, LoggedEvent } from '../domain/event.ts'
import { reaching } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { startFeed } from './feed.ts'
import type { Feed, Take } from './feed.ts'
import { behind, BURST } from './source.ts'
import type { Source } from './source.ts'
import type { Tail } from './tail.ts'

/** Whether a stream is to end: its reader went, or its token's time is up. */
export type Ending = { readonly ended: () => boolean; readonly signal: AbortSignal }

export type StreamOrder = Limits & {
  readonly fleetId: string
  readonly filter: EventFilter
  /** The place behind which the stream starts. */
  readonly after: number
}

/** To be read by one of the two. */
export type EventStream = AsyncIterable<LoggedEvent> & { readonly feed: (take: Take) => Feed }

/**
 * A fleet's events in the order of the log, each exactly once: first what lies behind the place, then live. It is pulled:
 * a slow reader leaves the events in the log, and reads them there when it comes back; or fed to who says when it is slow.
 * Reading throws CursorExpiredError once what it left there has been removed.
 */
export function openStream(db: Database, tail: Tail, { fleetId, filter, after, ...limits }: StreamOrder): EventStream {
  const source = {
    fleetId,
    matches: reaching(fleetId, filter),
    read: (from: number, upTo: number, limit: number) => readFleetLog(db, fleetId, filter, from, upTo, limit),
  }
  async function* pulled(ending: Ending) {
    await tail.join()
    try {
      yield* follow(tail, source, after, ending)
    } finally {
      tail.leave()
    }
  }
  return {
    feed: (take) => startFeed(tail, source, after, take),
    [Symbol.asyncIterator]: () => closeable(tail, limits, pulled),
  }
}

/** Every event of the log that lies behind a place and matches. The caller has joined the tail. */
export const followLog = (
  db: Database,
  tail: Tail,
  matches: Source['matches'],
  after: number,
  ending: Ending,
): AsyncGenerator<LoggedEvent, void> => {
  const read = async (from: number, upTo: number, limit: number) => readLog(db, from, upTo, limit)
  return follow(tail, { fleetId: null, matches, read }, after, ending)
}

/** When a stream is to end at the latest. */
export type Limits = {
  /** Nothing is delivered from this instant on, by this machine's clock. */
  readonly until: Instant
  /** Whether the reader's connection is about to close. */
  readonly gone: (() => boolean) | undefined
}

/** A generator that ends when its reader leaves, even while it waits, and at an instant of this machine's clock. */
export function closeable<T>(
  tail: Tail,
  { until, gone }: Limits,
  generate: (ending: Ending) => AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  const closing = new AbortController()
  const ending = {
    signal: closing.signal,
    ended: () => closing.signal.aborted || tail.stopped() || Date.now() >= until || gone?.() === true,
  }
  const values = generate(ending)
  let cancel: (() => void) | undefined
  closing.signal.addEventListener('abort', () => cancel?.())
  return stopOnReturn({
    next: () => {
      // Not before: of a stream that nobody ever reads nothing stays.
      if (!closing.signal.aborted) cancel ??= atInstant(until, () => closing.abort())
      return values.next()
    },
    // Without the abort a generator that waits for the next event would never get to know.
    stop: () => {
      closing.abort()
      return values.return()
    },
  })
}

async function* follow(
  tail: Tail,
  source: Source,
  after: number,
  { ended, signal }: Ending,
): AsyncGenerator<LoggedEvent, void> {
  let position = after
  while (!ended()) {
    const { events, upTo } = await behind(tail, source, position)
    for (const [index, event] of events.entries()) {
      if (events.length > BURST && index % BURST === 0) await tail.turn()
      if (ended()) return
      yield event
    }
    position = await tail.moved(upTo, source.fleetId, signal)
  }
}
