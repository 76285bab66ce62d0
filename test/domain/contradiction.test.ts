import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { contradictionIn } from '../../src/domain/verify/contradiction.ts'
import { overlaps } from '../../src/domain/period.ts'
import { periodOf } from '../../src/domain/sharing.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { aSharing, aVehicle, sharingsOf } from '../support/sharings.ts'
import type { SharingFields } from '../support/sharings.ts'

const NOW = 1500
const first = aSharing({ id: 'first', startRecorded: true })
const other = (fields: SharingFields) => aSharing({ id: 'other', ...fields })
const cancelled = { cancelledAt: 500, endReason: 'CANCELLED_BY_OWNER' } as const

describe('the records of a vehicle', () => {
  it.each<[string, Sharing[]]>([
    ['without a sharing', []],
    ['with one', [first]],
    ['with one that is behind', [other({ startsAt: 100, endsAt: 200 })]],
    ['with two back to back', [first, other({ startsAt: 2000, endsAt: null })]],
    ['with one in the same period that was called off', [first, other(cancelled)]],
    [
      'with one that ended as the next began',
      [first, other({ startsAt: 500, endsAt: null, endedAt: 1000, endReason: 'ENDED_BY_OWNER', startRecorded: true })],
    ],
  ])('agree %s', (_, sharings) => {
    expect(contradictionIn(sharings, NOW)).toBeNull()
    expect(contradictionIn(sharings.toReversed(), NOW)).toBeNull()
  })

  it.each<[string, Sharing[], string]>([
    ['overlap by a millisecond', [first, other({ startsAt: 1999, endsAt: 3000 })], 'sharings first and other overlap'],
    ['hold the same period twice', [first, other({})], 'sharings first and other overlap'],
    ['overlap with an open end', [other({ startsAt: 1, endsAt: null }), first], 'sharings other and first overlap'],
    [
      'overlap until one ended',
      [first, other({ startsAt: 500, endsAt: null, endedAt: 1001, endReason: 'ENDED_BY_OWNER', startRecorded: true })],
      'sharings other and first overlap',
    ],
    [
      'overlap around an empty one',
      [
        first,
        other({ ...cancelled, id: 'void', startsAt: 1400, endsAt: 1500 }),
        other({ startsAt: 1700, endsAt: null }),
      ],
      'sharings first and other overlap',
    ],
    ['end before they start', [other({ endsAt: 1000 })], 'sharing other is due to end no later than it starts'],
    [
      'tell of a start to come',
      [other({ startsAt: 1501, startRecorded: true })],
      'sharing other is recorded as started and starts later',
    ],
  ])('contradict each other where they %s', (_, sharings, what) => {
    expect(contradictionIn(sharings, NOW)).toBe(what)
  })

  it('contradict each other exactly where two of them overlap', () => {
    const moved = fc.record({ by: fc.integer({ min: -3, max: 3 }), nth: fc.nat(3) })
    fc.assert(
      fc.property(sharingsOf(aVehicle(), ['partner', 'other'], 1000), moved, (sharings, { by, nth }) => {
        const records = sharings.map((sharing, index) =>
          index === nth && sharing.endsAt !== null && sharing.endedAt === null && sharing.cancelledAt === null
            ? { ...sharing, endsAt: Math.max(sharing.endsAt + by, sharing.startsAt + 1) }
            : sharing,
        )
        const two = records.some((one, index) =>
          records.slice(index + 1).some((another) => overlaps(periodOf(one), periodOf(another))),
        )
        expect(contradictionIn(records, 5000) !== null).toBe(two)
      }),
    )
  })
})
