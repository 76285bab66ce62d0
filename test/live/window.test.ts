import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createWindow } from '../../src/live/window.ts'
import type { LoggedEvent } from '../../src/domain/log/event.ts'

const eventAt = (position: number): LoggedEvent => ({
  position,
  tag: position,
  type: 'VEHICLE_CHANGED',
  vehicleId: 'car',
  ownerId: 'owner',
  partnerId: null,
  occurredAt: 0,
  recordedAt: 0,
  requestId: null,
})

/** What comes next in the log: so many places on, each of an event or of none; or somebody starts further on. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ places: fc.array(fc.boolean(), { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ further: fc.integer({ min: 1, max: 5 }) }) },
)

it('the newest events are those of the log, from any place and in any number, or the window has lost them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 30, size: 'max' }), (most, steps) => {
      const window = createWindow(most)
      const log: LoggedEvent[] = []
      let head = 0
      let kept = 0
      for (const one of steps) {
        if ('further' in one) {
          window.restart((head += one.further))
          kept = head
          continue
        }
        const events = one.places.flatMap((isEvent, n) => (isEvent ? [eventAt(head + n + 1)] : []))
        window.add(events, (head += one.places.length))
        log.push(...events)
      }
      expect(window.head()).toBe(head)
      const newest = log.filter(({ position }) => position > kept).slice(-most)
      for (let position = 0; position <= head + 1; position++) {
        for (const limit of [1, 2, 100]) {
          const found = window.since(position, limit)
          const behind = log.filter((event) => event.position > position)
          // It may keep more than it has to, and never less.
          const needed = behind.every((event) => newest.includes(event)) && position >= kept
          if (!found) {
            expect(needed).toBe(false)
            expect(position).toBeLessThan(window.floor())
            continue
          }
          expect(found.events).toEqual(behind.slice(0, limit))
          const all = behind.length <= limit
          expect(found.upTo).toBe(all ? Math.max(head, position) : found.events.at(-1)?.position)
        }
      }
    }),
  )
})
