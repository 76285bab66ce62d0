import type { LoggedEvent } from '../domain/log/event.ts'
import type { Subscriber } from './subscribers.ts'
import type { Tail } from './tail.ts'
import type { EventRange } from './window.ts'

const BATCH = 200
/** The events of a batch that are delivered before other subscribers have their turn. */
export const BURST = 20

/** Some of the log's events, and how to read them where those in memory do not reach. */
export type EventSource = {
  /** The fleet that the events belong to; null for the events of all fleets. */
  readonly fleetId: string | null
  readonly matches: (event: LoggedEvent) => boolean
  /** @returns the first events of the range, and its end as far as it was read: `upTo`, or sooner */
  readonly read: (after: number, upTo: number, limit: number) => Promise<EventRange>
}

/** The next events after a position: from memory, or else from the log, where few may read at the same time. */
export async function nextBatch(tail: Tail, { matches, read }: EventSource, position: number): Promise<EventRange> {
  const newest = tail.since(position, BATCH)
  if (newest) return { ...newest, events: newest.events.filter(matches) }
  const { events, upTo } = await tail.catchUpLimit(() => read(position, tail.head(), BATCH))
  // A full batch may have been cut short by its limit.
  return { events: events.filter(matches), upTo: events.length === BATCH ? (events.at(-1)?.position ?? upTo) : upTo }
}

/** Takes an event. @returns what to wait for before the next one; null for nothing */
export type Take = (event: LoggedEvent) => Promise<void> | null

export type Delivery = {
  /** Resolves once it was stopped, or the tail was. Rejects with CursorExpiredError, and with the failures of `take`. */
  readonly ended: Promise<void>
  readonly stop: () => void
}

/**
 * Delivers the events of a source after a position, each once, in order: first the events of the log, then each new one as it
 * comes, at the cost of one call. While a subscriber has the delivery wait, new events stay in the log.
 * @param rewinds the tail's count of rewinds when the position was taken
 */
export function deliverEvents(
  tail: Tail,
  source: EventSource & { readonly fleetId: string },
  after: number,
  take: Take,
  rewinds = tail.rewinds(),
): Delivery {
  let isStopped = false
  /** The promise that the subscriber had the delivery wait for while it was attached. */
  let pause: Promise<void> | null = null
  let wake = () => {}
  const subscriber: Subscriber = {
    fleetId: source.fleetId,
    position: after,
    rewinds,
    take(event) {
      subscriber.position = event.position
      if (isStopped || !source.matches(event)) return
      try {
        pause = take(event)
      } catch (error) {
        pause = Promise.reject(error)
      }
      if (!pause) return
      tail.detach(subscriber)
      wake()
    },
    detached: () => wake(),
  }
  const isOver = () => isStopped || tail.stopped()

  async function deliverBatch(): Promise<void> {
    tail.applyRewinds(subscriber)
    const { events, upTo } = await nextBatch(tail, source, subscriber.position)
    for (const [index, event] of events.entries()) {
      if (events.length > BURST && index % BURST === 0) await tail.turn()
      if (isOver() || tail.applyRewinds(subscriber)) return
      subscriber.position = event.position
      const wait = take(event)
      if (wait) await wait
    }
    if (!tail.applyRewinds(subscriber)) subscriber.position = Math.max(upTo, subscriber.position)
  }

  async function run(): Promise<void> {
    await tail.join()
    try {
      while (!isOver()) {
        await pause
        pause = null
        await deliverBatch()
        const woken = new Promise<void>((resolve) => (wake = resolve))
        if (!isOver() && tail.attach(subscriber)) await woken
      }
    } finally {
      tail.detach(subscriber)
      tail.leave()
    }
  }

  return {
    ended: run(),
    stop: () => {
      isStopped = true
      wake()
    },
  }
}
