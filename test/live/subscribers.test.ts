import { expect, it } from 'vitest'
import type { LoggedEvent } from '../../src/domain/log/event.ts'
import { createSubscribers } from '../../src/live/subscribers.ts'
import { createWindow } from '../../src/live/window.ts'

const event = (position: number) => ({ position, ownerId: 'fleet', partnerId: null }) as LoggedEvent

/** A subscriber that computes for a millisecond over each event. */
const slow = (name: number, onTake: (name: number, position: number) => void) => {
  const subscriber = {
    fleetId: 'fleet',
    position: 0,
    rewinds: 0,
    detached: () => {},
    take: ({ position }: LoggedEvent) => {
      subscriber.position = position
      const end = performance.now() + 1
      while (performance.now() < end);
      onTake(name, position)
    },
  }
  return subscriber
}

it('an event that takes its subscribers long leaves turns to others, and each subscriber has each event once, in order', async () => {
  const window = createWindow(100)
  const subscribers = createSubscribers(window)
  const taken: string[] = []
  const all = Array.from({ length: 200 }, (_, name) => slow(name, (...what) => taken.push(what.join(' '))))
  for (const one of all) subscribers.attach(one)
  window.add([1, 2].map(event), 2)
  subscribers.notify()
  const seenAt: number[] = []
  while (taken.length < 400) {
    await new Promise((resolve) => setImmediate(resolve))
    seenAt.push(taken.length)
  }
  // 63 between two looks at the clock.
  expect(seenAt.filter((count, index) => count - (seenAt[index - 1] ?? 0) > 63)).toEqual([])
  for (const name of all.keys()) {
    expect(taken.filter((one) => one.startsWith(`${name} `))).toEqual([`${name} 1`, `${name} 2`])
  }
})
