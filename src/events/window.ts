import type { LoggedEvent } from '../domain/log/event.ts'

/** What the log holds behind a position: the events, and how far they reach. */
export type Stretch = { readonly events: readonly LoggedEvent[]; readonly upTo: number }

/** The newest events of the log, without a gap: all of what it holds in (floor, head]. Positions. */
export type Window = {
  readonly floor: () => number
  readonly head: () => number
  /** @param upTo nothing that is not among the events lies between the head and this, which becomes the head */
  readonly add: (events: readonly LoggedEvent[], upTo: number) => void
  /** Forgets everything, and goes on behind a position. */
  readonly restart: (position: number) => void
  /** null once a position is no longer covered; `limit` events at most. */
  readonly since: (position: number, limit: number) => Stretch | null
}

/** @param least so many events are kept, and at times up to twice as many */
export function createWindow(least: number): Window {
  let events: LoggedEvent[] = []
  let floor = 0
  let head = 0
  return {
    floor: () => floor,
    head: () => head,
    add(more, upTo) {
      head = upTo
      events.push(...more)
      // Many at a time: to move the rest for each one that comes would cost more than all else.
      if (events.length <= 2 * least) return
      const dropped = events.splice(0, events.length - least)
      floor = dropped.at(-1)?.position ?? floor
    },
    restart(position) {
      events = []
      floor = position
      head = position
    },
    since(position, limit) {
      if (position >= head) return { events: [], upTo: position }
      if (position < floor) return null
      const from = firstBehind(events, position)
      const found = events.slice(from, from + limit)
      return { events: found, upTo: from + limit < events.length ? (found.at(-1)?.position ?? position) : head }
    },
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
