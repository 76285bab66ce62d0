import { stopOnReturn } from '../async/iterators.ts'
import { atInstant } from '../async/timer.ts'
import type { Client } from '../data/client.ts'
import type { EventFilter, LoggedEvent } from '../domain/log/event.ts'
import { eventMatcher } from '../domain/log/event.ts'
import type { Instant } from '../domain/period.ts'
import { BURST, deliverEvents, nextBatch } from './catch-up.ts'
import type { Delivery, EventSource, Take } from './catch-up.ts'
import type { Reader } from './subscribers.ts'
import type { Tail } from './tail.ts'

/** The end of a stream: its reader has left, or its token has expired. */
export type Ending = { readonly ended: () => boolean; readonly signal: AbortSignal }

export type StreamOrder = Limits & {
  readonly fleetId: string
  readonly filter: EventFilter
  /** The position after which the stream starts. */
  readonly after: number
}

/** Events that are either pulled, or delivered as they come. */
export type EventStream = AsyncIterable<LoggedEvent> & { readonly deliver: (take: Take) => Delivery }

/**
 * The events of a fleet in the order of the log, each exactly once: first those after a position, then live. A reader that
 * is slow leaves the events in the log, and gets them from there when it comes back, whether it pulls or has the delivery
 * wait. Reading throws CursorExpiredError once events that it left there have been removed.
 */
export function openStream(
  prisma: Client,
  tail: Tail,
  { fleetId, filter, after, ...limits }: StreamOrder,
): EventStream {
  const source = {
    fleetId,
    matches: eventMatcher(fleetId, filter),
    read: (from: number, upTo: number, limit: number) => prisma.event.ofFleet(fleetId, filter, from, upTo, limit),
  }
  const rewinds = tail.rewinds()
  async function* pulled(ending: Ending) {
    await tail.join()
    try {
      yield* follow(tail, source, { position: after, rewinds }, ending)
    } finally {
      tail.leave()
    }
  }
  return {
    deliver: (take) => deliverEvents(tail, source, after, take, rewinds),
    [Symbol.asyncIterator]: () => stoppable(tail, limits, pulled),
  }
}

/** Every event of the log that matches, after a reader's position. The caller has joined the tail. */
export const followLog = (
  prisma: Client,
  tail: Tail,
  matches: EventSource['matches'],
  reader: Reader,
  ending: Ending,
): AsyncGenerator<LoggedEvent, void> => {
  const read = async (from: number, upTo: number, limit: number) => ({
    events: await prisma.event.range(from, upTo, limit),
    upTo,
  })
  return follow(tail, { fleetId: null, matches, read }, reader, ending)
}

/** The latest end of a stream. */
export type Limits = {
  /** Nothing is delivered from this instant on, by this machine's clock. */
  readonly until: Instant
  /** Whether the reader's connection is about to close. */
  readonly gone: (() => boolean) | undefined
}

/** A generator that ends when its reader leaves, even while it waits, and at an instant of this machine's clock. */
export function stoppable<T>(
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
      // The timer starts with the first read: a stream that is never read must leave no timer behind.
      if (!closing.signal.aborted) cancel ??= atInstant(until, () => closing.abort())
      return values.next()
    },
    // Without the abort a generator that waits for the next event would go on waiting.
    stop: () => {
      closing.abort()
      return values.return()
    },
  })
}

async function* follow(
  tail: Tail,
  source: EventSource,
  reader: Reader,
  ending: Ending,
): AsyncGenerator<LoggedEvent, void> {
  while (!ending.ended()) {
    tail.applyRewinds(reader)
    const batch = await nextBatch(tail, source, reader.position)
    yield* untilRewound(tail, batch.events, reader, ending)
    if (ending.ended() || tail.applyRewinds(reader)) continue
    reader.position = batch.upTo
    const reached = await tail.waitForEvent(batch.upTo, source.fleetId, ending.signal)
    if (!tail.applyRewinds(reader)) reader.position = reached
  }
}

/** The events of a batch, until the stream ends or the log is set back. */
async function* untilRewound(
  tail: Tail,
  events: readonly LoggedEvent[],
  reader: Reader,
  { ended }: Ending,
): AsyncGenerator<LoggedEvent, void> {
  for (const [index, event] of events.entries()) {
    if (events.length > BURST && index % BURST === 0) await tail.turn()
    if (ended() || tail.rewinds() !== reader.rewinds) return
    reader.position = event.position
    yield event
  }
}
