import { expect, it } from 'vitest'
import type { LoggedEvent } from '../../src/domain/log/event.ts'
import { createSubscribers } from '../../src/live/subscribers.ts'
import { createWindow } from '../../src/live/window.ts'

const event = (position: number) => ({ position, ownerId: 'fleet', partnerId: null }) as LoggedEvent

/** Computes for a millisecond. */
function compute(): void {
  const end = performance.now() + 1
  while (performance.now() < end);
}

/** Subscribers, and who took which event so far. */
function follow(count: number, onTake: (position: number) => void = compute) {
  const window = createWindow(100)
  const subscribers = createSubscribers(window)
  const taken: string[] = []
  for (let name = 0; name < count; name++) {
    const subscriber = {
      fleetId: 'fleet',
      position: 0,
      rewinds: 0,
      detached: () => {},
      take: ({ position }: LoggedEvent) => {
        subscriber.position = position
        onTake(position)
        taken.push(`${name} ${position}`)
      },
    }
    subscribers.attach(subscriber)
  }
  const add = (...positions: number[]) => {
    window.add(positions.map(event), positions.at(-1) ?? 0)
    subscribers.notify()
  }
  return { taken, add }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

it('a subscriber is handed the events of a turn one after another', async () => {
  const { taken, add } = follow(2)
  add(1, 2, 3)
  await turn()
  expect(taken).toEqual(['0 1', '0 2', '0 3', '1 1', '1 2', '1 3'])
})

it('events that come while others are handed over wait until all subscribers have those', async () => {
  const { taken, add } = follow(40)
  add(1)
  for (let position = 2; position < 10; position++) {
    await turn()
    add(position)
  }
  while (taken.length < 9 * 40) await turn()
  expect(taken.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, name) => `${name} 1`))
})

it('events that are evaluated anew in each turn are handed over fewer at a time when that takes long', async () => {
  const evaluated = new Set<number>()
  let evaluations = 0
  const { taken, add } = follow(50, (position) => {
    if (evaluated.has(position)) return
    evaluated.add(position)
    evaluations++
    compute()
  })
  add(...Array.from({ length: 100 }, (_, index) => index + 1))
  while (taken.length < 100 * 50) {
    await turn()
    evaluated.clear()
  }
  // Each event once would be 100, and once for each subscriber 5,000.
  expect(evaluations).toBeLessThan(1_000)
})

it('an event that takes its subscribers long leaves turns to others, and each subscriber has each event once, in order', async () => {
  const { taken, add } = follow(200)
  add(1, 2)
  const seenAt: number[] = []
  while (taken.length < 400) {
    await turn()
    seenAt.push(taken.length)
  }
  // 63 between two looks at the clock.
  expect(seenAt.filter((count, index) => count - (seenAt[index - 1] ?? 0) > 63)).toEqual([])
  for (const name of Array.from({ length: 200 }).keys()) {
    expect(taken.filter((one) => one.startsWith(`${name} `))).toEqual([`${name} 1`, `${name} 2`])
  }
})
