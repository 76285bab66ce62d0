import pLimit from 'p-limit'
import type { Database } from '../data/client.ts'
import { readLog } from '../data/log.ts'
import type { LoggedEvent } from '../domain/log/event.ts'
import { createListeners } from './listeners.ts'
import type { Listeners } from './listeners.ts'
import { createWindow } from './window.ts'
import type { Stretch } from './window.ts'

/** How far the reading has come; positions. */
export type Progress = {
  readonly followers: number
  /** What is settled and not read yet. */
  readonly behind: number
  /** What was drawn and is not settled yet, as of the last look. */
  readonly unsettled: number
  /** How long ago the log's end was last reached, in milliseconds; 0 while nobody follows. */
  readonly age: number
}

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
  /**
   * Resolves when something of a fleet (of anybody, if null) lies behind `position`, on abort, and once the tail has
   * stopped. @returns the position behind which it lies: nothing of that fleet is between the two
   */
  readonly moved: (position: number, fleetId: string | null, signal: AbortSignal) => Promise<number>
  /** Whether who goes on from a position needs nothing but the newest events. */
  readonly covers: (position: number) => boolean
  /** Resolves when it is one's turn: one for each round of the event loop, so that requests are answered in between. */
  readonly turn: () => Promise<void>
  /** Runs what reads the log for those further behind, a few at a time: who writes has to find a connection, too. */
  readonly behind: <T>(read: () => Promise<T>) => Promise<T>
  /** Who is handed each new event at once; while anybody is, somebody has to have joined. */
  readonly attach: Listeners['attach']
  readonly detach: Listeners['detach']
  /** How far the newest events reach. */
  readonly head: () => number
  /** Whether anybody follows. */
  readonly isFollowing: () => boolean
  /** Hands over what this instance has committed. What joins on to the newest events needs not be read. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Says that something was appended elsewhere: a hint, which may be false or missing. */
  readonly wake: () => void
  readonly stop: () => void
  /** Nothing comes any more. */
  readonly stopped: () => boolean
  readonly progress: () => Progress
}

/** Events kept in memory for all subscribers together, at most; and handed over that wait for those before them. */
const WINDOW = 10_000
const READ_LIMIT = 1_000
/** Of the 10 connections of an instance. */
const BEHIND_AT_ONCE = 4
/** What other instances append is found this soon, hints or not. Milliseconds. */
const POLL_MS = 200
/** While a writer holds the horizon back it is asked for this often: that writer may be on another instance. */
const UNSETTLED_POLL_MS = 10

export function startTail(db: Database, onError: (error: unknown) => void): Tail {
  const window = createWindow(WINDOW / 2)
  const listeners = createListeners(window)
  /** Handed over, and somebody else's place is in between. */
  const handed = new Map<number, LoggedEvent>()
  let followers = 0
  let resting = true
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | null = null
  let horizon = { settled: 0, drawn: 0 }
  let reachedAt = 0
  let again = false
  /** Who waits for a fleet's events, or for anybody's. */
  const waiting = new Map<string | null, Set<(position?: number) => void>>()
  const behind = pLimit(BEHIND_AT_ONCE)
  const turns = pLimit(1)

  async function advance(): Promise<void> {
    const { settled, drawn } = (horizon = await db.horizon())
    while (window.head() < settled) {
      const from = window.head()
      const events = await readLog(db, from, settled, READ_LIMIT)
      // Somebody joined afresh meanwhile, further on, or the next were handed over.
      if (window.head() !== from) continue
      extend(events, events.length === READ_LIMIT ? (events.at(-1)?.position ?? settled) : settled)
      for (const position of handed.keys()) if (position <= window.head()) handed.delete(position)
      takeHanded()
    }
    reachedAt = performance.now()
    schedule(settled < drawn ? UNSETTLED_POLL_MS : POLL_MS)
  }

  function extend(events: readonly LoggedEvent[], upTo: number): void {
    window.add(events, upTo)
    for (const event of events) {
      // What is read for it is read as of no earlier.
      db.clock.observe(event.recordedAt)
      notify(event)
    }
    listeners.tell()
  }

  /** Positions are drawn one by one: between one and the next there is nothing to wait for. */
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
    // What is lost here is read.
    if (handed.size > WINDOW) handed.clear()
    for (const event of events) if (event.position > window.head()) handed.set(event.position, event)
    takeHanded()
    if (handed.size > 0 || events.length === 0) read()
  }

  /** Wakes those whom an event concerns, and lets the others sleep. */
  function notify({ position, ownerId, partnerId }: LoggedEvent): void {
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
      // Whatever lies up to there is settled, too, and known.
      if (!resting) return window.head()
      try {
        const { settled } = await db.horizon()
        if (resting) {
          resting = false
          reachedAt = performance.now()
          // Nobody has moved the window since it was left: start it afresh.
          if (window.head() < settled) {
            window.restart(settled)
            handed.clear()
          }
          schedule(POLL_MS)
        }
        return settled
      } catch (error) {
        leave()
        throw error
      }
    },
    leave,
    since: window.since,
    attach: listeners.attach,
    detach: listeners.detach,
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
    covers: (position) => !resting && position >= window.floor(),
    behind,
    head: window.head,
    isFollowing: () => !resting,
    append,
    wake: read,
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const some of waiting.values()) for (const go of some) go()
      listeners.dismiss()
    },
    stopped: () => stopped,
    progress: () => ({
      followers,
      behind: resting ? 0 : Math.max(horizon.settled - window.head(), 0),
      unsettled: resting ? 0 : horizon.drawn - horizon.settled,
      age: resting ? 0 : performance.now() - reachedAt,
    }),
  }
}
