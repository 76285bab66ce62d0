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
  /** Milliseconds since the end of the log was last reached; 0 while nobody follows. */
  readonly age: number
}

/**
 * One reader of the log's end for all subscribers of this instance. It keeps the newest events; a subscriber that is further
 * behind reads the log. It rests while nobody follows.
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
  readonly moved: (position: number, fleetId: string | null, signal: AbortSignal) => Promise<number>
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
  /** Events that this instance has committed. Those that follow the newest in memory need not be read. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Another instance may have appended events: a hint, which may be false or missing. */
  readonly wake: () => void
  /** The log was set back: what it has after a position is other than what was read there. */
  readonly rewind: (position: number) => void
  readonly rewinds: Rewinds['count']
  readonly rewound: Rewinds['rewound']
  /** The events in memory. */
  readonly anchors: () => readonly LoggedEvent[]
  readonly stop: () => void
  /** Whether it was stopped, so that nothing comes any more. */
  readonly stopped: () => boolean
  readonly progress: () => Progress
}

/** Events in memory for all subscribers together, at most; and of those handed over that wait for events before them. */
const WINDOW = 10_000
const READ_LIMIT = 1_000
/** Reads of subscribers that catch up; an instance has 10 connections. */
const CATCH_UPS_AT_ONCE = 4
/** Events of other instances are found this soon, hints or not. Milliseconds. */
const POLL_MS = 200
/** While a writer holds the horizon back it is read this often: that writer may be on another instance. Milliseconds. */
const UNSETTLED_POLL_MS = 10
/** After the log was set back, a commit that was acknowledged before may still be reported for so long. Milliseconds. */
const DISTRUST_MS = 15_000

export function startTail(prisma: Client, onError: (error: unknown) => void): Tail {
  const window = createWindow(WINDOW / 2)
  const subscribers = createSubscribers(window)
  const rewinds = createRewinds()
  /** Events handed over out of order, by position: one that another writer drew is still missing before them. */
  const handed = new Map<number, LoggedEvent>()
  let followers = 0
  let resting = true
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | null = null
  let horizon = { settled: 0, drawn: 0, end: 0 }
  let distrustedUntil = -Infinity
  let reachedAt = 0
  let again = false
  /** Callers of `moved`, by fleet; null for any. */
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
      for (const position of handed.keys()) if (position <= window.head()) handed.delete(position)
      takeHanded()
    }
    reachedAt = performance.now()
    schedule(settled < drawn ? UNSETTLED_POLL_MS : POLL_MS)
  }

  function extend(events: readonly LoggedEvent[], upTo: number): void {
    window.add(events, upTo)
    prisma.event.see(events)
    for (const event of events) {
      // Whatever is read for the event is read as of no earlier instant.
      prisma.$observe(event.recordedAt)
      wakeWaiting(event)
    }
    subscribers.notify()
  }

  /** Positions are drawn one by one: between one and the next nothing can be missing. */
  function takeHanded(): void {
    const events: LoggedEvent[] = []
    for (let next = window.head() + 1; ; next++) {
      const event = handed.get(next)
      if (!event) break
      handed.delete(next)
      events.push(event)
    }
    const last = events.at(-1)
    if (last) extend(events, last.position)
  }

  function append(events: readonly LoggedEvent[]): void {
    if (stopped || resting) return
    // Written where memory has another event, or none: the log was set back.
    if (events.some(({ position, tag }) => position <= window.head() && !window.has(position, tag))) distrust()
    if (performance.now() < distrustedUntil) return read()
    // Events dropped here are read from the log instead.
    if (handed.size > WINDOW) handed.clear()
    for (const event of events) if (event.position > window.head()) handed.set(event.position, event)
    takeHanded()
    if (handed.size > 0 || events.length === 0) read()
  }

  /** What writers hand over is read from the log instead, for a while. */
  function distrust(): void {
    handed.clear()
    distrustedUntil = performance.now() + DISTRUST_MS
  }

  /** Wakes the callers of `moved` that an event concerns, and no others. */
  function wakeWaiting({ position, ownerId, partnerId }: LoggedEvent): void {
    for (const audience of [ownerId, partnerId, null]) for (const go of waiting.get(audience) ?? []) go(position - 1)
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
      // All events up to the head are settled, and in memory.
      if (!resting) return window.head()
      try {
        const { end } = await prisma.event.horizon()
        if (resting) await prisma.event.remember()
        if (resting) {
          resting = false
          reachedAt = performance.now()
          // The window has stood still since the last follower left: it starts afresh.
          if (window.head() < end) {
            window.restart(end)
            handed.clear()
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
    async moved(position, fleetId, signal) {
      if (position < window.head() || signal.aborted || stopped) return position
      const others = waiting.get(fleetId) ?? new Set()
      waiting.set(fleetId, others)
      return new Promise<number>((resolve) => {
        const go = (moved = position) => {
          others.delete(go)
          if (others.size === 0) waiting.delete(fleetId)
          signal.removeEventListener('abort', abort)
          resolve(Math.max(moved, position))
        }
        const abort = () => go()
        others.add(go)
        signal.addEventListener('abort', abort)
      })
    },
    turn: () => turns(() => new Promise<void>((resolve) => setImmediate(resolve))),
    has: (position, tag) => !resting && tag !== null && window.has(position, tag),
    catchUpLimit,
    head: window.head,
    isFollowing: () => !resting,
    append,
    wake: read,
    rewind(position) {
      rewinds.add(position)
      distrust()
      window.rewind(position)
      subscribers.rewind(position)
      for (const some of waiting.values()) for (const go of some) go()
    },
    rewinds: rewinds.count,
    rewound: rewinds.rewound,
    anchors: window.events,
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const some of waiting.values()) for (const go of some) go()
      subscribers.detachAll()
    },
    stopped: () => stopped,
    progress: () => ({
      followers,
      lag: resting ? 0 : Math.max(horizon.end - window.head(), 0),
      unsettled: resting ? 0 : horizon.drawn - horizon.settled,
      age: resting ? 0 : performance.now() - reachedAt,
    }),
  }
}
