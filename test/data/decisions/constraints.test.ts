import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openData } from '../../support/data.ts'
import type { Data } from '../../support/data.ts'
import { toPrismaVehicle } from '../../../src/data/tables/vehicle.ts'
import { overlaps } from '../../../src/domain/period.ts'
import type { Instant, Period } from '../../../src/domain/period.ts'
import { periodOf } from '../../../src/domain/sharing.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { newPostgresDatabase } from '../../support/databases.ts'
import { aSharing, aVehicle, fromSharing } from '../../support/sharings.ts'
import type { SharingFields } from '../../support/sharings.ts'

let db: Data
beforeAll(async () => {
  db = await openData({ databaseUrl: await newPostgresDatabase(inject('postgresUrl')), dataDir: '' })
  await db.prisma.fleet.createMany({ data: ['owner', 'partner', 'other'].map((id) => ({ id, name: id })) })
  const times = { lastInstant: new Date(0), createdAt: new Date(0) }
  const cars = ['car', 'van'].map((id) => ({ ...toPrismaVehicle(aVehicle({ id })), ...times }))
  await db.prisma.vehicle.createMany({ data: cars })
})
afterAll(() => db.close())

/** Undoes what was inserted. */
class Undo extends Error {}

/** Inserts all of them in one transaction that never commits. @returns what PostgreSQL said against it, or null */
async function insert(sharings: readonly Sharing[]): Promise<string | null> {
  try {
    await db.prisma.$transaction(async (tx) => {
      for (const sharing of sharings) await tx.sharing.create({ data: fromSharing(sharing) })
      throw new Undo()
    })
    return null
  } catch (error) {
    if (error instanceof Undo) return null
    return /sharing_\w+/.exec((error as Error).message)?.[0] ?? String(error)
  }
}

const ended = { endReason: 'ENDED_BY_OWNER', startRecorded: true } as const
const returning = { endPolicy: 'WHEN_IDLE', latestEndsAt: 2500 } as const
const cancelled = { endReason: 'CANCELLED_BY_OWNER' } as const

describe('the database takes one sharing', () => {
  it.each<[string, SharingFields]>([
    ['scheduled', {}],
    ['with an open end', { endsAt: null }],
    ['of one millisecond', { endsAt: 1001 }],
    ['in force', { startRecorded: true }],
    ['that is to end when idle', { startRecorded: true, endRequestedAt: 1200, endRequestedBy: 'partner' }],
    ['expired', { endedAt: 2000, endReason: 'EXPIRED', startRecorded: true }],
    ['ended early', { ...ended, endedAt: 1001 }],
    ['ended, without a due end', { ...ended, endsAt: null, endedAt: 5000 }],
    ['called off one millisecond before its start', { ...cancelled, cancelledAt: 999 }],
    ['that waits to start', { startPolicy: 'WHEN_IDLE', startAwaitedSince: 1000 }],
    ['called off while it waited', { ...cancelled, startPolicy: 'WHEN_IDLE', cancelledAt: 1500 }],
    ['not handed over', { startPolicy: 'WHEN_IDLE', cancelledAt: 2000, endReason: 'NOT_HANDED_OVER' }],
    ['that started late', { startPolicy: 'WHEN_IDLE', startedAt: 1500 }],
    ['that may overrun', { ...returning, startRecorded: true }],
    ['in an overrun', { ...returning, startRecorded: true, isOverrun: true, endRequestedAt: 2000 }],
    ['ended in an overrun', { ...returning, ...ended, isOverrun: true, endedAt: 2300 }],
    ['ended when it was due, idle', { ...returning, ...ended, isOverrun: false, endedAt: 2000 }],
    ['that may overrun, with an open end', { endPolicy: 'WHEN_IDLE', endsAt: null }],
  ])('%s', async (_, fields) => {
    expect(await insert([aSharing(fields)])).toBeNull()
  })
})

describe('the database refuses one sharing', () => {
  it.each<[string, SharingFields, constraint: string]>([
    ['with oneself', { partnerId: 'owner' }, 'sharing_between_two'],
    ['due to end at its start', { endsAt: 1000 }, 'sharing_due_end_after_start'],
    ['due to end before its start', { endsAt: 999 }, 'sharing_due_end_after_start'],
    ['that ended at its start', { ...ended, endedAt: 1000 }, 'sharing_end_after_start'],
    ['that ended before its start', { ...ended, endsAt: null, endedAt: 999 }, 'sharing_end_after_start'],
    ['that ended after its due end', { ...ended, endedAt: 2001 }, 'sharing_end_not_after_due'],
    ['called off at its start', { ...cancelled, cancelledAt: 1000 }, 'sharing_cancelled_before_start'],
    ['called off after its start', { ...cancelled, cancelledAt: 1500 }, 'sharing_cancelled_before_start'],
    ['called off and ended', { ...cancelled, cancelledAt: 500, endedAt: 1500 }, 'sharing_cancelled_before_start'],
    [
      'called off and started',
      { ...cancelled, cancelledAt: 500, startRecorded: true },
      'sharing_cancelled_before_start',
    ],
    ['ended without a reason', { endedAt: 1500, startRecorded: true }, 'sharing_over_for_a_reason'],
    ['called off without a reason', { cancelledAt: 500 }, 'sharing_over_for_a_reason'],
    ['with a reason, but not over', { endReason: 'EXPIRED' }, 'sharing_over_for_a_reason'],
    [
      'over for a reason of its own',
      { endedAt: 1500, endReason: 'BORED' as 'EXPIRED', startRecorded: true },
      'sharing_end_reason_check',
    ],
    ["that is to end when idle by nobody's wish", { endRequestedAt: 1200 }, 'sharing_end_requested_by_a_party'],
    ['that is to end when idle, since never', { endRequestedBy: 'owner' }, 'sharing_end_requested_by_a_party'],
    [
      'that is to end when idle by the wish of a third',
      { endRequestedAt: 1200, endRequestedBy: 'other' },
      'sharing_end_requested_by_a_party',
    ],
    ['that started late, on time', { startedAt: 1500 }, 'sharing_started_when_due'],
    ['that started before its start', { startPolicy: 'WHEN_IDLE', startedAt: 999 }, 'sharing_started_when_due'],
    [
      'that ended as it started',
      { startPolicy: 'WHEN_IDLE', startedAt: 1500, endedAt: 1500, endReason: 'ENDED_BY_OWNER' },
      'sharing_started_before_end',
    ],
    ['that waits to start, on time', { startAwaitedSince: 1000 }, 'sharing_start_awaited'],
    [
      'that waits and has started',
      { startPolicy: 'WHEN_IDLE', startAwaitedSince: 1000, startedAt: 1000 },
      'sharing_start_awaited',
    ],
    ['with an end at the latest, on time', { latestEndsAt: 2500 }, 'sharing_latest_end'],
    ['that may overrun without one', { endPolicy: 'WHEN_IDLE' }, 'sharing_latest_end'],
    ['with one before its end', { ...returning, latestEndsAt: 1999 }, 'sharing_latest_end'],
    [
      'ended after its end at the latest',
      { ...returning, ...ended, isOverrun: true, endedAt: 2501 },
      'sharing_end_not_after_due',
    ],
    // As an instance of the version before would: it knows neither policies nor what they decide.
    ['that may overrun, ended when it was due', { ...returning, ...ended, endedAt: 2000 }, 'sharing_due_end_decided'],
    ['of a vehicle that does not exist', { vehicleId: 'none' }, 'sharing_vehicle_id_fkey'],
    ['by a fleet that does not exist', { ownerId: 'none' }, 'sharing_owner_id_fkey'],
    ['with a fleet that does not exist', { partnerId: 'none' }, 'sharing_partner_id_fkey'],
  ])('%s', async (_, fields, constraint) => {
    expect(await insert([aSharing(fields)])).toBe(constraint)
  })
})

describe('of two sharings of one vehicle the database', () => {
  const first = aSharing({ id: 'first' })
  const takes = (...sharings: Sharing[]) => insert(sharings)
  const overlap = 'sharing_one_at_a_time'

  it.each<[string, Sharing, SharingFields, string | null]>([
    ['takes both, back to back', first, { startsAt: 2000, endsAt: 3000 }, null],
    ['takes both, back to back with an open end', first, { startsAt: 2000, endsAt: null }, null],
    ['takes both, with time between', first, { startsAt: 2500, endsAt: 3000 }, null],
    ['refuses one millisecond in common', first, { startsAt: 1999, endsAt: 3000 }, overlap],
    ['refuses the same period with another partner', first, { partnerId: 'other' }, overlap],
    ['refuses one inside the other', first, { startsAt: 1500, endsAt: 1501 }, overlap],
    ['refuses an open end before the other', first, { startsAt: 500, endsAt: null }, overlap],
    ['refuses two open ends', aSharing({ id: 'first', endsAt: null }), { startsAt: 9e12, endsAt: null }, overlap],
    [
      'takes a second from the instant at which the first was ended',
      aSharing({ id: 'first', endsAt: 9000, ...ended, endedAt: 1500 }),
      { startsAt: 1500, endsAt: 2500 },
      null,
    ],
    [
      'refuses a second one millisecond before that',
      aSharing({ id: 'first', endsAt: 9000, ...ended, endedAt: 1500 }),
      { startsAt: 1499, endsAt: 2500 },
      overlap,
    ],
    [
      'takes a second behind an open end that was ended',
      aSharing({ id: 'first', endsAt: null, ...ended, endedAt: 1500 }),
      { startsAt: 1500, endsAt: null },
      null,
    ],
    [
      'takes a second in the period of one that was called off',
      aSharing({ id: 'first', ...cancelled, cancelledAt: 500 }),
      {},
      null,
    ],
  ])('%s', async (_, one, second, refused) => {
    expect(await takes(one, aSharing({ id: 'second', ...second }))).toBe(refused)
    expect(await takes(aSharing({ id: 'second', ...second }), one)).toBe(refused)
  })

  it('takes the same period for another vehicle', async () => {
    expect(await takes(first, aSharing({ id: 'second', vehicleId: 'van' }))).toBeNull()
  })

  it('refuses an end moved into the next one, even past the domain', async () => {
    const next = aSharing({ id: 'next', startsAt: 2000, endsAt: null })
    const moveTo = (endsAt: Instant) =>
      db.prisma.$transaction(async (tx) => {
        await tx.sharing.createMany({ data: [fromSharing(first), fromSharing(next)] })
        await tx.sharing.update({ where: { id: 'first' }, data: { endsAt: new Date(endsAt) } })
        throw new Undo()
      })
    await expect(moveTo(1999)).rejects.toThrow(Undo)
    await expect(moveTo(2001)).rejects.toThrow(overlap)
  })

  it('takes exactly the pairs that do not overlap in the domain', async () => {
    const period: fc.Arbitrary<Period> = fc
      .tuple(fc.integer({ min: 0, max: 8 }), fc.option(fc.integer({ min: 1, max: 5 }), { freq: 3 }))
      .map(([startsAt, length]) => ({ startsAt, endsAt: length === null ? null : startsAt + length }))
    const sharing = fc.record({ due: period, early: fc.integer({ min: 1, max: 4 }), over: fc.boolean() })
    const made = (id: string, { due, early, over }: { due: Period; early: number; over: boolean }) => {
      const endedAt = Math.min(due.endsAt ?? Infinity, due.startsAt + early)
      return aSharing({ id, ...due, ...(over ? { ...ended, endedAt } : {}) })
    }
    await fc.assert(
      fc.asyncProperty(sharing, sharing, async (a, b) => {
        const [one, other] = [made('first', a), made('second', b)]
        expect(await insert([one, other])).toBe(overlaps(periodOf(one), periodOf(other)) ? overlap : null)
      }),
      { numRuns: 150 },
    )
  })
})

describe('the database refuses', () => {
  it('a partnership of one fleet', async () => {
    const alone = db.prisma.partnership.create({ data: { fleetId: 'owner', partnerId: 'owner' } })
    await expect(alone).rejects.toThrow('partnership_of_two')
  })

  it('a fleet without a name, and one with the name of another', async () => {
    await expect(db.prisma.fleet.create({ data: { id: 'new', name: '' } })).rejects.toThrow('fleet_name_check')
    await expect(db.prisma.fleet.create({ data: { id: 'new', name: 'owner' } })).rejects.toThrow('Unique constraint')
  })
})

it('every constraint that the migrations name is one of those above, or of commands and readings', async () => {
  const rows = await db.prisma.$queryRaw<{ name: string }[]>`
    SELECT conname AS name FROM pg_constraint
    WHERE contype IN ('c', 'x') AND connamespace = 'public'::regnamespace ORDER BY conname`
  const others = /^(command|vehicle)_/
  expect(rows.map(({ name }) => name).filter((name) => !others.test(name))).toEqual([
    'fleet_name_check',
    'partnership_of_two',
    'sharing_between_two',
    'sharing_cancelled_before_start',
    'sharing_due_end_after_start',
    'sharing_due_end_decided',
    'sharing_end_after_start',
    'sharing_end_not_after_due',
    'sharing_end_reason_check',
    'sharing_end_requested_by_a_party',
    'sharing_latest_end',
    'sharing_one_at_a_time',
    'sharing_over_for_a_reason',
    'sharing_start_awaited',
    'sharing_start_recorded',
    'sharing_started_before_end',
    'sharing_started_when_due',
  ])
})
