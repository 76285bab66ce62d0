import type { LoggedEvent } from '../domain/log/event.ts'

/** A range of the log after a position: its events, and the position up to which it is complete. */
export type EventRange = { readonly events: readonly LoggedEvent[]; readonly upTo: number }

/** The newest events of the log, without a gap: all that it holds in (floor, head]. Positions. */
export type Window = {
  readonly floor: () => number
  readonly head: () => number
  /** @param upTo the new head: between the old one and this there is nothing but the events given */
  readonly add: (events: readonly LoggedEvent[], upTo: number) => void
  /** Forgets everything, and goes on after a position. */
  readonly restart: (position: number) => void
  /** Forgets what is after a position. */
  readonly rewind: (position: number) => void
  readonly has: (position: number, tag: number) => boolean
  readonly events: () => readonly LoggedEvent[]
  /** null for a position that is no longer covered; `limit` events at most. */
  readonly since: (position: number, limit: number) => EventRange | null
}

/** @param least events that are kept at least; at times there are up to twice as many */
export function createWindow(least: number): Window {
  let events: LoggedEvent[] = []
  let floor = 0
  let head = 0
  const restart = (position: number) => {
    events = []
    floor = position
    head = position
  }
  return {
    floor: () => floor,
    head: () => head,
    events: () => events,
    has: (position, tag) => {
      const event = events[firstAfter(events, position) - 1]
      return event?.position === position && event.tag === tag
    },
    add(more, upTo) {
      head = upTo
      events.push(...more)
      // Many are dropped at a time: moving the rest for each new event would cost more than all other work.
      if (events.length <= 2 * least) return
      const dropped = events.splice(0, events.length - least)
      floor = dropped.at(-1)?.position ?? floor
    },
    restart,
    rewind(position) {
      if (position < floor) return restart(position)
      events.length = firstAfter(events, position)
      head = Math.min(head, position)
    },
    since(position, limit) {
      if (position >= head) return { events: [], upTo: position }
      if (position < floor) return null
      const from = firstAfter(events, position)
      const found = events.slice(from, from + limit)
      return { events: found, upTo: from + limit < events.length ? (found.at(-1)?.position ?? position) : head }
    },
  }
}

/** The index of the first event after a position, by bisection. */
function firstAfter(events: readonly LoggedEvent[], position: number): number {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((events[middle]?.position ?? Infinity) <= position) low = middle + 1
    else high = middle
  }
  return low
}
