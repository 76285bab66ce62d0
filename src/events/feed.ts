import type { LoggedEvent } from '../domain/log/event.ts'
import type { Listener } from './listeners.ts'
import { behind, BURST } from './source.ts'
import type { Source } from './source.ts'
import type { Tail } from './tail.ts'

/** Takes an event. @returns what to wait for before the next one; null for nothing */
export type Take = (event: LoggedEvent) => Promise<void> | null

export type Feed = {
  /** Resolves once it was stopped, or nothing comes any more. @throws CursorExpiredError, and whatever taking comes to */
  readonly ended: Promise<void>
  readonly stop: () => void
}

/**
 * The events of a source behind a place, each handed over once, in order: first those that are there, then each as it
 * comes, which takes no more than a call. Whoever has it wait leaves what comes meanwhile in the log.
 */
export function startFeed(tail: Tail, source: Source & { readonly fleetId: string }, after: number, take: Take): Feed {
  let stopped = false
  /** What the one who is attached was told to wait for. */
  let pause: Promise<void> | null = null
  let wake = () => {}
  const listener: Listener = {
    fleetId: source.fleetId,
    position: after,
    take(event) {
      listener.position = event.position
      if (stopped || !source.matches(event)) return
      try {
        pause = take(event)
      } catch (error) {
        pause = Promise.reject(error)
      }
      if (!pause) return
      tail.detach(listener)
      wake()
    },
    left: () => wake(),
  }
  const isOver = () => stopped || tail.stopped()

  /** As far as it is read at once. */
  async function catchUp(): Promise<void> {
    const { events, upTo } = await behind(tail, source, listener.position)
    for (const [index, event] of events.entries()) {
      if (events.length > BURST && index % BURST === 0) await tail.turn()
      if (isOver()) return
      listener.position = event.position
      const wait = take(event)
      if (wait) await wait
    }
    listener.position = Math.max(upTo, listener.position)
  }

  async function run(): Promise<void> {
    await tail.join()
    try {
      while (!isOver()) {
        await pause
        pause = null
        await catchUp()
        const left = new Promise<void>((resolve) => (wake = resolve))
        if (!isOver() && tail.attach(listener)) await left
      }
    } finally {
      tail.detach(listener)
      tail.leave()
    }
  }

  return {
    ended: run(),
    stop: () => {
      stopped = true
      wake()
    },
  }
}
