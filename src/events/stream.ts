import type { Database } from '../data/client.ts'
import { readFleetLog, readLog } from '../data/log.ts'
import type { EventFilter, LoggedEvent } from '../domain/event.ts'
import { reaching } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import type { Tail } from './tail.ts'
import { atInstant } from '../timer.ts'

const PAGE = 200
/** What a stream that catches up delivers before others have their turn. */
const BURST = 20

/** Which of the log's events, and how to read them where the newest in memory do not reach. */
type Source = {
  /** Whose events they are; null for anybody's. */
  readonly fleetId: string | null
  readonly matches: (event: LoggedEvent) => boolean
  readonly read: (after: number, upTo: number, limit: number) => Promise<LoggedEvent[]>
}

/** Whether a stream is to end: its reader went, or its token's time is up. */
export type Ending = { readonly ended: () => boolean; readonly signal: AbortSignal }

export type StreamOrder = Limits & {
  readonly fleetId: string
  readonly filter: EventFilter
  /** The place behind which the stream starts. */
  readonly after: number
}

/**
 * A fleet's events in the order of the log, each exactly once: first what lies behind the place, then live. It is pulled:
 * a slow reader leaves the events in the log, and reads them there when it comes back.
 * Reading throws CursorExpiredError once what it left there has been removed.
 */
export function openStream(db: Database, tail: Tail, { fleetId, filter, after, ...limits }: StreamOrder) {
  const source: Source = {
    fleetId,
    matches: reaching(fleetId, filter),
    read: (from, upTo, limit) => readFleetLog(db, fleetId, filter, from, upTo, limit),
  }
  return closeable(tail, limits, async function* (ending) {
    await tail.join()
    try {
      yield* follow(tail, source, after, ending)
    } finally {
      tail.leave()
    }
  })
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
  const close = () => {
    closing.abort()
    return values.return()
  }
  return {
    next: () => {
      // Not before: of a stream that nobody ever reads nothing stays.
      if (!closing.signal.aborted) cancel ??= atInstant(until, () => closing.abort())
      return values.next()
    },
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
  tail: Tail,
  { fleetId, matches, read }: Source,
  after: number,
  { ended, signal }: Ending,
): AsyncGenerator<LoggedEvent, void> {
  let position = after
  while (!ended()) {
    const stretch = tail.since(position, PAGE)
    const upTo = stretch?.upTo ?? tail.head()
    const from = position
    const found = stretch ? stretch.events : await tail.behind(() => read(from, upTo, PAGE))
    const wanted = found.filter(matches)
    for (const [index, event] of wanted.entries()) {
      if (wanted.length > BURST && index % BURST === 0) await tail.turn()
      if (ended()) return
      yield event
    }
    // A full page of the log may have been cut short by its limit.
    position = stretch === null && found.length === PAGE ? (found.at(-1)?.position ?? upTo) : upTo
    position = await tail.moved(position, fleetId, signal)
  }
}
