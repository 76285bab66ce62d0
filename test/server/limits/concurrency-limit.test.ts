import { describe, expect, it } from 'vitest'
import { createConcurrencyLimit, createRefusalDelay } from '../../../src/server/limits/concurrency-limit.ts'

const MOST = 200

/** A server that always has more to do than it gets done: so many operations each millisecond, for a time. */
function overloaded(perMs: number, ms: number) {
  let clock = 0
  const limit = createConcurrencyLimit(MOST, () => clock)
  let underWay = 0
  const fill = () => {
    while (limit.enter()) underWay++
    return underWay
  }
  const work = (duration: number) => {
    for (const end = clock + duration; clock < end; clock++) {
      fill()
      for (let done = 0; done < perMs && underWay > 0; done++) {
        limit.leave()
        underWay--
      }
    }
    return fill()
  }
  const rest = (duration: number) => {
    while (underWay > 0) {
      limit.leave()
      underWay--
    }
    clock += duration
  }
  return { limit, fill, work, rest, found: work(ms) }
}

describe('how many operations may be under way', () => {
  it('a burst may take all that there may be at most', () => {
    const { limit } = overloaded(0, 0)
    expect(limit.isFull()).toBe(true)
    limit.leave()
    expect([limit.isFull(), limit.enter(), limit.enter()]).toEqual([false, true, false])
  })

  it.each([
    ['so many as are done in the time that one may wait', 2, 50],
    ['never more than the setting allows', 50, MOST],
    ['never so few that something idles', 1, 32],
  ])('in an overload that lasts, %s', (_what, perMs, expected) => {
    const { found } = overloaded(perMs, 1000)
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(1)
  })

  it('after it, all again', () => {
    const { rest, fill, found } = overloaded(2, 1000)
    expect(found).toBeLessThan(60)
    rest(1000)
    expect(fill()).toBe(MOST)
  })

  it('where few are allowed, that many', () => {
    const limit = createConcurrencyLimit(3, () => 0)
    expect(Array.from({ length: 5 }, () => limit.enter())).toEqual([true, true, true, false, false])
  })
})

describe('a refusal', () => {
  it('is told at once while there are few', () => {
    expect(createRefusalDelay()()).toBeNull()
  })

  it('takes its turn where there are many, a thousand a second, and no longer than a second', async () => {
    const delayRefusal = createRefusalDelay()
    const started = performance.now()
    const took = async (waited: Promise<void> | null) => {
      await waited
      return performance.now() - started
    }
    const all = await Promise.all(Array.from({ length: 3000 }, () => took(delayRefusal())))
    expect(all[500]).toBeGreaterThan(400)
    expect(all[900]).toBeGreaterThan(800)
    // Beyond what is promised this machine may be busy elsewhere.
    expect(Math.max(...all)).toBeLessThan(5000)
    // Those who come later do not wait for the turns of those before them.
    const later = performance.now()
    await delayRefusal()
    expect(performance.now() - later).toBeLessThan(3000)
  })
})
