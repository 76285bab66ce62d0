import { describe, expect, it } from 'vitest'
import { boundsOf, nearestPart, nextRemoval, sizeOf, splitAt } from '../../../src/domain/log/partitions.ts'
import type { Partition } from '../../../src/domain/log/partitions.ts'

const HOUR = 3_600_000
const KEPT = 24 * HOUR
const LEAST = 1_000

type Written = readonly [first: number, at: number, last: number, lastAt: number] | null

function part(from: number | null, to: number | null, written: Written): Partition {
  const [first, firstAt, last, lastAt] = written ?? [null, 0, 0, 0]
  return {
    name: `event_${from ?? 0}`,
    from,
    to,
    first: first === null ? null : { position: first, recordedAt: firstAt },
    last: first === null ? null : { position: last, recordedAt: lastAt },
  }
}

describe('the last partition ends', () => {
  it.each<[what: string, partitions: readonly Partition[], drawn: number, at: number | null]>([
    ['at once in a log without events', [part(null, null, null)], 1, 1_002],
    ['behind the events of a log that was never divided', [part(null, null, [2, 0, 5_000, HOUR])], 5_000, 9_001],
    ['not while a partition ahead of it is free', [part(null, 1_002, null), part(1_002, null, null)], 1, null],
    ['once its writers are in the one before', [part(null, 1_002, null), part(1_002, null, null)], 2, 2_002],
    ['behind what is in it', [part(null, 1_002, null), part(1_002, null, [1_002, 0, 7_000, 1])], 7_000, 11_001],
  ])('%s', (_what, partitions, drawn, at) => {
    expect(splitAt(partitions, drawn, sizeOf(partitions, KEPT, LEAST))).toBe(at)
  })
})

describe('a partition is made for', () => {
  it.each<[what: string, partitions: readonly Partition[], size: number]>([
    ['the least where there are no events', [part(null, null, null)], LEAST],
    ['the least where there are too few to tell', [part(null, null, [2, 0, 900, 1])], LEAST],
    ['the least where they come slowly', [part(null, null, [2, 0, 2_002, 2 * KEPT])], LEAST],
    ['a sixth of the retention', [part(null, 20_000, [2, 0, 18_002, KEPT])], 3_000],
    ['no more than four times the largest before', [part(null, 1_502, [2, 0, 1_502, 1])], 6_000],
    [
      'the rate of the newest events',
      [part(null, 9_000, [2, 0, 8_999, 1]), part(9_000, null, [9_000, 1, 12_000, KEPT + 1])],
      LEAST,
    ],
  ])('%s', (_what, partitions, size) => {
    expect(sizeOf(partitions, KEPT, LEAST)).toBe(size)
  })
})

describe('of the oldest partition', () => {
  const next = part(1_000, null, [1_000, 0, 1_100, 100 * HOUR])
  it.each<
    [what: string, oldest: Partition, others: readonly Partition[], now: number, settled: number, removal: unknown]
  >([
    ['nothing is removed while all is young', part(null, 1_000, [2, 0, 999, HOUR]), [next], KEPT, 2_000, null],
    [
      'all is once its last event is too old',
      part(null, 1_000, [2, 0, 999, HOUR]),
      [next],
      KEPT + HOUR + 1,
      2_000,
      { partition: 'event_0' },
    ],
    [
      'nothing is up to that, where that is soon',
      part(null, 1_000, [2, 0, 999, HOUR]),
      [next],
      KEPT + HOUR,
      2_000,
      null,
    ],
    [
      'single events are where that takes long',
      part(null, 1_000, [2, 0, 999, 6 * HOUR]),
      [next],
      KEPT + 1,
      2_000,
      'events',
    ],
    ['single events are where it still grows', part(null, null, [2, 0, 999, KEPT]), [], KEPT + 1, 2_000, 'events'],
    ['all is where nothing is left of it', part(null, 1_000, null), [next], 1, 2_000, { partition: 'event_0' }],
    ['all is with the last of its writers', part(null, 1_000, null), [next], 1, 999, { partition: 'event_0' }],
    ['nothing is while a writer may still come', part(null, 1_000, null), [next], 1, 998, null],
    ['nothing is where it is the only one', part(null, null, null), [], KEPT, 2_000, null],
  ])('%s', (_what, oldest, others, now, settled, removal) => {
    expect(nextRemoval([oldest, ...others], { settled, now, keptMs: KEPT })).toEqual(removal)
  })
})

/** Events at a rate, over some retentions, in steps of a 500th of one; all that is due is done at each step. */
function simulate(perMs: (at: number) => number, retentions: number) {
  let partitions: Partition[] = [part(null, null, null)]
  let [drawn, most, latest] = [1, 1, 0]
  for (let at = 0; at < retentions * KEPT; at += KEPT / 500) {
    const end = drawn + Math.round((perMs(at) * KEPT) / 500)
    partitions = partitions.map((one) => {
      const [from, to] = [Math.max(one.from ?? 0, drawn + 1), Math.min((one.to ?? Infinity) - 1, end)]
      if (from > to) return one
      const last = { position: to, recordedAt: at }
      return { ...one, first: one.first ?? { position: from, recordedAt: at }, last }
    })
    drawn = end
    const ended = splitAt(partitions, drawn, sizeOf(partitions, KEPT, LEAST))
    const top = partitions.at(-1)
    if (ended !== null && top) partitions = [...partitions.slice(0, -1), { ...top, to: ended }, part(ended, null, null)]
    for (;;) {
      const removal = nextRemoval(partitions, { settled: drawn, now: at, keptMs: KEPT })
      if (removal === null) break
      const [oldest, ...others] = partitions
      if (!oldest) break
      if (removal !== 'events') partitions = others
      // One by one: those that are too old, or all of them at the end.
      else
        partitions = [{ ...oldest, first: { position: oldest.first?.position ?? 0, recordedAt: at - KEPT } }, ...others]
    }
    most = Math.max(most, partitions.length)
    latest = Math.max(latest, at - (partitions[0]?.first?.recordedAt ?? at))
  }
  return { most, latest }
}

it.each<[what: string, perMs: (at: number) => number]>([
  ['slow', () => LEAST / KEPT],
  ['steady', () => (40 * LEAST) / KEPT],
  ['fast', () => (4_000 * LEAST) / KEPT],
  ['that comes in bursts', (at) => (at % (KEPT / 4) < KEPT / 20 ? (500 * LEAST) / KEPT : LEAST / KEPT)],
])('a log that is %s has at most 20 partitions, and no event for much longer than it is kept', (_what, perMs) => {
  const { most, latest } = simulate(perMs, 8)
  expect(most).toBeLessThanOrEqual(20)
  expect(latest).toBeLessThanOrEqual(1.3 * KEPT)
})

describe('a log is divided', () => {
  it.each<[what: string, partitions: readonly Partition[], bounds: readonly number[]]>([
    ['nowhere without events', [part(null, 1_000, null), part(1_000, null, null)], []],
    [
      'nowhere where one partition has them all',
      [part(null, 1_000, null), part(1_000, null, [1_000, 0, 1_001, 0])],
      [],
    ],
    [
      'where a partition with events begins, but the first of them',
      [part(null, 10, [2, 0, 9, 0]), part(10, 20, [12, 0, 19, 0]), part(20, 30, [20, 0, 21, 0]), part(30, null, null)],
      [10, 20],
    ],
  ])('%s', (_what, partitions, bounds) => {
    expect(boundsOf(partitions)).toEqual(bounds)
  })
})

describe('positions are read first', () => {
  const [forwards, backwards] = [false, true]
  it.each<[what: string, after: number, upTo: number, isBackwards: boolean, part: [number, number] | null]>([
    ['all at once in the first partition', 0, 9, forwards, null],
    ['up to the end of theirs', 0, 25, forwards, [0, 9]],
    ['up to the end of theirs, which is the second', 9, 25, forwards, [9, 19]],
    ['all at once in the last partition', 19, 25, forwards, null],
    ['up to one of which no more is wanted', 8, 10, forwards, [8, 9]],
    ['all at once behind its last position', 9, 19, forwards, null],
    ['from the beginning of the last, backwards', 0, 25, backwards, [19, 25]],
    ['from the beginning of the second, backwards', 0, 19, backwards, [9, 19]],
    ['all at once, backwards', 19, 25, backwards, null],
    ['its first position alone, backwards', 0, 10, backwards, [9, 10]],
    ['all at once in the first partition, backwards', 0, 9, backwards, null],
  ])('%s', (_what, after, upTo, isBackwards, expected) => {
    const part = nearestPart({ after, upTo }, [10, 20], 1, isBackwards)
    expect(part && [part.after, part.upTo]).toEqual(expected)
  })

  it('all at once where the part has fewer than the page', () => {
    for (const isBackwards of [forwards, backwards]) {
      expect(nearestPart({ after: 4, upTo: 14 }, [10], 5, isBackwards)).not.toBeNull()
      expect(nearestPart({ after: 4, upTo: 14 }, [10], 6, isBackwards)).toBeNull()
    }
  })
})
