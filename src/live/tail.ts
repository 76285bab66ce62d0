import pLimit from 'p-limit'
import type { Client } from '../data/client.ts'
import type { LoggedEvent } from '../domain/log/event.ts'
import { createRewinds } from './rewinds.ts'
import type { Rewinds } from './rewinds.ts'
import { createSubscribers } from './subscribers.ts'
import type { Subscribers } from './subscribers.ts'
import { createWindow } from './window.ts'
import type { EventRange } from './window.ts'

/** The progress of reading the log, in positions. */
export type Progress = {
  readonly followers: number
  /** Positions that are settled and not read yet. */
  readonly lag: number
  /** Positions that were drawn and were not settled at the last look. */
  readonly unsettled: number
  /** The time since the end of the log was last reached; 0 while nobody follows. Milliseconds. */
  readonly age: number
}

/**
 * The tail of the log: one reader of its end for all subscribers of this instance. It keeps the newest events in memory; a
 * subscriber that is further behind reads the log. It reads nothing while nobody follows.
 *
 * This folder: following the log, from the newest events in memory (window.ts) to the streams of subscribers and gateways
 * (stream.ts, dispatches.ts). Reading and writing the log itself is the matter of data/log.
 */
export type Tail = {
  /** Starts to follow. @returns the position up to which the log is settled: events after it are new */
  readonly join: () => Promise<number>
  readonly leave: () => void
  /** The newest events after a position, `limit` at most; null for a position that memory no longer covers. */
  readonly since: (position: number, limit: number) => EventRange | null
  /**
   * Resolves when there is an event of a fleet (of any, if null) after `position`, on abort, and once the tail has stopped.
   * @returns the position after which it lies: that fleet has no event between the two
   */
  readonly waitForEvent: (position: number, fleetId: string | null, signal: AbortSignal) => Promise<number>
  /** Whether memory has an event, and all events after it. */
  readonly has: (position: number, tag: number | null) => boolean
  /** Resolves at the caller's turn: one in each round of the event loop, so that requests are answered in between. */
  readonly turn: () => Promise<void>
  /** Reads the log for subscribers that catch up, a few at a time: writers have to find a connection, too. */
  readonly catchUpLimit: <T>(read: () => Promise<T>) => Promise<T>
  /** For subscribers that are handed each new event at once. They have joined before. */
  readonly attach: Subscribers['attach']
  readonly detach: Subscribers['detach']
  /** The position up to which memory reaches. */
  readonly head: () => number
  /** Whether anybody follows. */
  readonly isFollowing: () => boolean
  /** Takes events that this instance has committed: events that follow the newest in memory need not be read. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Takes the hint that another instance has appended events; the hint may be false or missing. */
  readonly wake: () => void
  /** To be called when the log was set back: after the position it has other events than those that were read. */
  readonly rewind: (position: number) => void
  readonly rewinds: Rewinds['count']
  readonly applyRewinds: Rewinds['applyRewinds']
  /** The events in memory. */
  readonly anchors: () => readonly LoggedEvent[]
  readonly stop: () => void
  /** Whether it was stopped, so that no more events come. */
  readonly stopped: () => boolean
  readonly progress: () => Progress
}

/** The most events in memory for all subscribers together, and the most that wait there for events before them. */
const WINDOW = 10_000
const READ_LIMIT = 1_000
/** The most reads at once of subscribers that catch up; an instance has 10 connections. */
const CATCH_UPS_AT_ONCE = 4
/** The interval in which the log is read without a hint. Milliseconds. */
const POLL_MS = 200
/** The interval while a writer holds the horizon back: that writer may be on another instance. Milliseconds. */
const UNSETTLED_POLL_MS = 10
/** How long after the log was set back a commit that was lost with it may still be handed over. Milliseconds. */
const DISTRUST_MS = 15_000

export function startTail(prisma: Client, onError: (error: unknown) => void): Tail {
  const window = createWindow(WINDOW / 2)
  const subscribers = createSubscribers(window)
  const rewinds = createRewinds()
  /** Events handed over out of order, by position: an event of another writer is still missing before them. */
  const outOfOrder = new Map<number, LoggedEvent>()
  let followers = 0
  let isIdle = true
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | null = null
  let horizon = { settled: 0, drawn: 0, end: 0 }
  let distrustedUntil = -Infinity
  let reachedAt = 0
  let readAgain = false
  /** Callers of `waitForEvent`, by fleet; null for any. */
  const waiting = new Map<string | null, Set<(position?: number) => void>>()
  const catchUpLimit = pLimit(CATCH_UPS_AT_ONCE)
  const turns = pLimit(1)

  async function advance(): Promise<void> {
    const { settled, drawn, end } = (horizon = await prisma.event.horizon())
    const count = rewinds.count()
    while (window.head() < end) {
      const from = window.head()
      const events = await prisma.event.range(from, end, READ_LIMIT)
      // The log was set back meanwhile: its end is another.
      if (rewinds.count() !== count) return schedule(UNSETTLED_POLL_MS)
      // The window was restarted further on meanwhile, or the next events were handed over.
      if (window.head() !== from) continue
      extend(events, events.length === READ_LIMIT ? (events.at(-1)?.position ?? end) : end)
      for (const position of outOfOrder.keys()) if (position <= window.head()) outOfOrder.delete(position)
      takeInOrder()
    }
    reachedAt = performance.now()
    schedule(settled < drawn ? UNSETTLED_POLL_MS : POLL_MS)
  }

  function extend(events: readonly LoggedEvent[], upTo: number): void {
    window.add(events, upTo)
    prisma.event.addSeen(events)
    for (const event of events) {
      // Reads for the event hold at no earlier instant.
      prisma.$observe(event.recordedAt)
      wakeWaiting(event)
    }
    subscribers.notify()
  }

  /** Extends the window by the events that follow it. Positions are drawn one by one: between two neighbours none is missing. */
  function takeInOrder(): void {
    const events: LoggedEvent[] = []
    for (let next = window.head() + 1; ; next++) {
      const event = outOfOrder.get(next)
      if (!event) break
      outOfOrder.delete(next)
      events.push(event)
    }
    const last = events.at(-1)
    if (last) extend(events, last.position)
  }

  function append(events: readonly LoggedEvent[]): void {
    if (stopped || isIdle) return
    // An event at a position where memory has another event, or none, shows that the log was set back.
    if (events.some(contradictsMemory)) distrust()
    if (performance.now() < distrustedUntil) return read()
    // Events dropped here are read from the log instead.
    if (outOfOrder.size > WINDOW) outOfOrder.clear()
    for (const event of events) if (event.position > window.head()) outOfOrder.set(event.position, event)
    takeInOrder()
    if (outOfOrder.size > 0 || events.length === 0) read()
  }

  const contradictsMemory = ({ position, tag }: LoggedEvent): boolean =>
    position > window.floor() && position <= window.head() && !window.has(position, tag)

  /** For a while events are read from the log, and not taken from the writers that hand them over. */
  function distrust(): void {
    outOfOrder.clear()
    distrustedUntil = performance.now() + DISTRUST_MS
  }

  /** Wakes the callers of `waitForEvent` that an event concerns, and no others. */
  function wakeWaiting({ position, ownerId, partnerId }: LoggedEvent): void {
    for (const audience of [ownerId, partnerId, null])
      for (const resume of waiting.get(audience) ?? []) resume(position - 1)
  }

  function schedule(ms: number): void {
    clearTimeout(timer)
    if (followers > 0 && !stopped) timer = setTimeout(read, ms)
  }

  function read(): void {
    if (stopped || isIdle) return
    readAgain = reading !== null
    reading ??= advance()
      .catch((error: unknown) => {
        onError(error)
        schedule(POLL_MS)
      })
      .finally(() => {
        reading = null
        if (readAgain) read()
      })
  }

  function leave(): void {
    followers--
    if (followers > 0) return
    isIdle = true
    clearTimeout(timer)
  }

  return {
    async join() {
      followers++
      // All events up to the head are settled, and in memory.
      if (!isIdle) return window.head()
      try {
        const { end } = await prisma.event.horizon()
        if (isIdle) await prisma.event.remember()
        if (isIdle) {
          isIdle = false
          reachedAt = performance.now()
          // The window has not grown since the last follower left: it starts anew.
          if (window.head() < end) {
            window.restart(end)
            outOfOrder.clear()
          }
          schedule(POLL_MS)
        }
        return end
      } catch (error) {
        leave()
        throw error
      }
    },
    leave,
    since: window.since,
    attach: subscribers.attach,
    detach: subscribers.detach,
    async waitForEvent(position, fleetId, signal) {
      if (position < window.head() || signal.aborted || stopped) return position
      const others = waiting.get(fleetId) ?? new Set()
      waiting.set(fleetId, others)
      return new Promise<number>((resolve) => {
        const resume = (reached = position) => {
          others.delete(resume)
          if (others.size === 0) waiting.delete(fleetId)
          signal.removeEventListener('abort', abort)
          resolve(Math.max(reached, position))
        }
        const abort = () => resume()
        others.add(resume)
        signal.addEventListener('abort', abort)
      })
    },
    turn: () => turns(() => new Promise<void>((resolve) => setImmediate(resolve))),
    has: (position, tag) => !isIdle && tag !== null && window.has(position, tag),
    catchUpLimit,
    head: window.head,
    isFollowing: () => !isIdle,
    append,
    wake: read,
    rewind(position) {
      rewinds.add(position)
      distrust()
      window.rewind(position)
      subscribers.rewind(position)
      for (const some of waiting.values()) for (const resume of some) resume()
    },
    rewinds: rewinds.count,
    applyRewinds: rewinds.applyRewinds,
    anchors: window.events,
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const some of waiting.values()) for (const resume of some) resume()
      subscribers.detachAll()
    },
    stopped: () => stopped,
    progress: () => ({
      followers,
      lag: isIdle ? 0 : Math.max(horizon.end - window.head(), 0),
      unsettled: isIdle ? 0 : horizon.drawn - horizon.settled,
      age: isIdle ? 0 : performance.now() - reachedAt,
    }),
  }
}
