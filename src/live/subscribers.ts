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

/** The most events in one turn of the event loop: a subscriber is sent those of a turn together. */
const EVENTS_A_TURN = 100
/** The longest turn, looked at after each event, and after some deliveries: those of one event may take long. Milliseconds. */
const TURN_MS = 10
const LOOK_AFTER = 64

/** Hands each event that comes into the window to the subscribers that it concerns, in order. */
export function createSubscribers(window: Window): Subscribers {
  const byFleet = new Map<string, Set<Subscriber>>()
  /** All attached subscribers have the events up to here. */
  let delivered = 0
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
    const range = byFleet.size === 0 ? null : window.since(delivered, EVENTS_A_TURN)
    // Nobody is attached, or the window grew by more than it holds.
    if (range === null) detachAll()
    delivered = range ? deliver(range) : window.head()
    isDelivering = delivered < window.head()
    if (isDelivering) setImmediate(deliverSome)
  }

  /** @returns the position up to which all have the events */
  function deliver({ events, upTo }: EventRange): number {
    const end = performance.now() + TURN_MS
    let deliveries = 0
    let reached = delivered
    for (const event of events) {
      for (const fleetId of [event.ownerId, event.partnerId]) {
        for (const subscriber of byFleet.get(fleetId ?? '') ?? []) {
          if (event.position <= subscriber.position) continue
          // In the next turn, those that have this event are passed over.
          if (++deliveries % LOOK_AFTER === 0 && performance.now() > end) return reached
          subscriber.take(event)
        }
      }
      reached = event.position
      if (performance.now() > end) return reached
    }
    return upTo
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
