import type { LoggedEvent } from '../domain/log/event.ts'
import type { EventRange, Window } from './window.ts'

/** A reader of the log's end. */
export type Reader = {
  /** Events up to here were handed to it, or do not concern it. */
  position: number
  /** How often the log had been set back when the position was taken. */
  rewinds: number
}

/** A subscriber that is handed the events of a fleet as they come. */
export type Subscriber = Reader & {
  readonly fleetId: string
  /** Takes the next event, or detaches itself instead. Never throws. */
  readonly take: (event: LoggedEvent) => void
  /** Called when it was detached by another part: it has to read the events after its position by itself. */
  readonly detached: () => void
}

export type Subscribers = {
  /** @returns whether it is handed all events from now on; false if its position is behind that of the others */
  readonly attach: (subscriber: Subscriber) => boolean
  readonly detach: (subscriber: Subscriber) => void
  /** To be called when the window has grown. The events are handed over soon, after the caller's request was answered. */
  readonly notify: () => void
  readonly detachAll: () => void
  /** The log was set back to a position: all have to read by themselves again. */
  readonly rewind: (position: number) => void
}

/** The most events that a subscriber is handed at a time: they are sent together. */
const EVENTS_AT_A_TIME = 100
/**
 * A turn that is over before so many subscribers have their events took most of its time to evaluate events, and the next one would
 * evaluate them again.
 */
const SUBSCRIBERS_A_TURN = 16
/** The longest turn, in milliseconds, and the deliveries between two looks at the clock: each may be the evaluation of an event. */
const TURN_MS = 10
const LOOK_AFTER = 16

/** Hands each event that comes into the window to the subscribers that it concerns, in order. */
export function createSubscribers(window: Window): Subscribers {
  const byFleet = new Map<string, Set<Subscriber>>()
  /** All attached subscribers have the events up to here. */
  let delivered = 0
  /** The most events that are handed over at a time, as their evaluation allows; and the events that some subscribers have already. */
  let most = EVENTS_AT_A_TIME
  let begun: number | null = null
  let isDelivering = false

  function detach(subscriber: Subscriber): void {
    const others = byFleet.get(subscriber.fleetId)
    if (!others?.delete(subscriber)) return
    subscriber.position = Math.max(subscriber.position, delivered)
    if (others.size === 0) byFleet.delete(subscriber.fleetId)
  }

  function detachAll(): void {
    for (const some of byFleet.values()) {
      for (const subscriber of some) {
        detach(subscriber)
        subscriber.detached()
      }
    }
  }

  function deliverSome(): void {
    // Later events wait until all have those that were begun: the last subscribers would wait for as long as events come.
    const range = byFleet.size === 0 ? null : window.since(delivered, begun ?? most)
    begun = null
    // Nobody is attached, or the window grew by more than it holds.
    if (range === null) detachAll()
    delivered = range ? deliver(range) : window.head()
    isDelivering = delivered < window.head()
    if (isDelivering) setImmediate(deliverSome)
  }

  /** @returns the position up to which all have the events */
  function deliver({ events, upTo }: EventRange): number {
    const deliveries = deliverUntil(performance.now() + TURN_MS, events)
    if (deliveries === null) {
      most = Math.min(2 * most, EVENTS_AT_A_TIME)
      return upTo
    }
    begun = events.length
    if (deliveries < SUBSCRIBERS_A_TURN * events.length) most = begun = Math.ceil(begun / 2)
    return delivered
  }

  /**
   * Hands each subscriber its events one after another. In the next turn, those that a subscriber has are passed over.
   * @returns null once all have their events; the deliveries if the time was up before
   */
  function deliverUntil(end: number, events: readonly LoggedEvent[]): number | null {
    let deliveries = 0
    for (const [fleetId, concerning] of eventsByFleet(events)) {
      const attached = byFleet.get(fleetId) ?? new Set()
      for (const subscriber of attached) {
        for (const event of concerning) {
          if (event.position <= subscriber.position) continue
          if (++deliveries % LOOK_AFTER === 0 && performance.now() > end) return deliveries
          subscriber.take(event)
          if (!attached.has(subscriber)) break
        }
      }
    }
    return null
  }

  /** The events that concern subscribers, by fleet. */
  function eventsByFleet(events: readonly LoggedEvent[]): Map<string, LoggedEvent[]> {
    const found = new Map<string, LoggedEvent[]>()
    for (const event of events) {
      for (const fleetId of [event.ownerId, event.partnerId]) {
        if (fleetId === null || !byFleet.has(fleetId)) continue
        const others = found.get(fleetId)
        if (others) others.push(event)
        else found.set(fleetId, [event])
      }
    }
    return found
  }

  return {
    attach(subscriber) {
      // The last delivery may have been long ago, when nobody was attached.
      if (byFleet.size === 0 && !isDelivering) delivered = window.head()
      if (subscriber.position < delivered) return false
      const others = byFleet.get(subscriber.fleetId) ?? new Set()
      byFleet.set(subscriber.fleetId, others.add(subscriber))
      return true
    },
    detach,
    notify() {
      if (isDelivering) return
      isDelivering = true
      setImmediate(deliverSome)
    },
    detachAll,
    rewind(position) {
      detachAll()
      delivered = Math.min(delivered, position)
    },
  }
}
