import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startupOptions } from '../../../src/data/connection/session.ts'
import { FLEET_LOG } from '../../../src/data/log/pages.ts'
import { DROP, PRUNE, PRUNE_READINGS } from '../../../src/data/log/partitions.ts'
import { COMMAND_LISTS } from '../../../src/data/queries/history/commands.ts'
import { SHARING_LISTS } from '../../../src/data/queries/history/sharings.ts'
import { allFinds } from '../../../src/data/queries/search/find-vehicles.ts'
import { VEHICLE_LISTS } from '../../../src/data/queries/vehicle-lists.ts'
import { vehicleId } from '../../bench/data.ts'
import { fill } from '../../bench/fill.ts'
import { newPostgresDatabase, sql } from '../../support/databases.ts'
import { aDay } from '../../support/day.ts'
import { newPlanner } from '../../support/plans.ts'
import type { Planner, Scan } from '../../support/plans.ts'
import { saves } from '../../support/saves.ts'
import { startServer } from '../../support/server.ts'

/** Large enough that reading a whole table costs more than finding a row. */
const WORLD = { vehicles: 5_000, events: 20_000 }

/** What was done in the past; little of it is still open. */
const PAST = `
  INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, requested_at, deadline, dispatched_at, completed_at)
    SELECT 'c' || v.id || n, 'DRAW_ATTENTION', 'SUCCEEDED', v.id, v.owner_id, v.owner_id, at, at + interval '1 minute', at, at
    FROM vehicle AS v, generate_series(1, 4) AS n, LATERAL (SELECT now() - n * interval '1 hour' AS at) AS t;
  INSERT INTO idempotency_key (fleet_id, mutation, key, input_hash, result_id, created_at)
    SELECT v.owner_id, 'sendCommand', v.id, 'hash', 'c' || v.id || 1, now() - interval '1 hour' FROM vehicle AS v;
  INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, request_id)
    SELECT owner_id, created_at, 'START_SHARING', owner_id, vehicle_id, id FROM sharing`

const TABLES = [
  'fleet',
  'partnership',
  'vehicle',
  'sharing',
  'event_0',
  'command',
  'idempotency_key',
  'audit',
  'pruned',
]
const UNSEEN = TABLES.map((table) => `ALTER TABLE ${table} SET (autovacuum_enabled = off)`).join(';')

/** Twenty rows of what there will be most of. */
const FEW = `
  INSERT INTO fleet (id, name) VALUES ('a', 'A'), ('b', 'B');
  INSERT INTO partnership (fleet_id, partner_id) VALUES ('a', 'b'), ('b', 'a');
  INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
    SELECT '${vehicleId(1)}' || n, 'a', '{}', now(), now() FROM generate_series(1, 20) AS n;
  INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at)
    SELECT 's' || id, id, 'a', 'b', now(), TRUE, now() FROM vehicle;
  INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, sharing_id)
    SELECT 'SHARING_STARTED', vehicle_id, 'a', 'b', now(), now(), id FROM sharing;
  ${PAST}`

/** Those that grow for ever; where nothing keeps the planner from it, any other is best read whole while it is small. */
const LARGE = ['vehicle', 'sharing', 'event', 'command', 'idempotency_key', 'audit']

/** What reads a whole table, or a whole index, and is to. */
const MEANT: readonly (Pick<Scan, 'table' | 'index'> & { readonly why: string })[] = [
  { table: 'revocation', index: 'revocation_pkey', why: 'all that were revoked are wanted, and they are few' },
  { table: 'event_position_seq', index: null, why: 'a sequence is one row' },
  {
    table: 'vehicle_search',
    index: 'vehicle_search_grams_idx',
    why: 'the parts of a text that is searched for, which no btree has; a GIN index has none of the faults of GiST',
  },
  {
    table: 'pruned',
    index: null,
    why: 'only for an event that is gone, and up to the first that was removed after it',
  },
]

const found = (scans: readonly Scan[]): string[] =>
  scans
    .filter(
      ({ fault, table, index }) => fault !== null && !MEANT.some((one) => one.table === table && one.index === index),
    )
    .map(({ fault, table, index, type }) => `${type} on ${index ?? table} ${fault}`)

/** With the statement behind each. */
const told = (text: string, faults: readonly string[]) =>
  faults.map((fault) => `${fault}: ${text.replaceAll(/\s+/g, ' ')}`)

/** As the server's own sessions plan, and as those behind a pooler do. */
const SESSION = startupOptions(null, null, 0)
const SESSIONS = { own: SESSION, pooled: '-c plan_cache_mode=force_generic_plan' } as const
type SessionKind = keyof typeof SESSIONS
/** 'divided' is as full, in partitions. */
const SIZES = ['empty', 'small', 'full', 'divided'] as const
/** The events of a partition there; one more is ahead, and one without an end. */
const DIVIDED = WORLD.events / 8
/** Known to be empty: then the planner finds that all indexes cost nothing, and takes any. */
const VACUUMED = 'vacuumed'

let statements: ReadonlySet<string>
const planners = new Map<string, Planner>()
const plannerOf = (size: (typeof SIZES)[number] | typeof VACUUMED, session: SessionKind): Planner => {
  const planner = planners.get(`${size} ${session}`)
  if (!planner) throw new Error('there is no such database')
  return planner
}

beforeAll(async () => {
  const newDatabase = () => newPostgresDatabase(inject('postgresUrl'))
  const urls = {
    empty: await newDatabase(),
    small: await newDatabase(),
    full: await newDatabase(),
    divided: await newDatabase(),
    vacuumed: await newDatabase(),
  }
  await sql(urls.empty, UNSEEN)
  await sql(urls.small, `${UNSEEN}; ${FEW}`)
  const split = (end: number) => sql(urls.divided, `SELECT split_log(${end}, ${WORLD.events})`)
  for (let end = DIVIDED; end <= WORLD.events; end += DIVIDED) await split(end)
  for (const url of [urls.full, urls.divided]) {
    await fill(url, WORLD)
    await sql(url, `${PAST}; ANALYZE`)
  }
  // As it is ahead of the writers: no statistics say yet that it is empty.
  await split(WORLD.events + DIVIDED)
  statements = await plannable(urls.full)
  await sql(urls.vacuumed, 'VACUUM ANALYZE')
  for (const size of [...SIZES, VACUUMED] as const) {
    for (const session of Object.keys(SESSIONS) as SessionKind[]) {
      planners.set(`${size} ${session}`, await newPlanner(urls[size], SESSIONS[session]))
    }
  }
})
afterAll(async () => {
  for (const planner of planners.values()) await planner.close()
})

/** All that a server runs in a day, and those of its statements that a day may do without. */
async function plannable(databaseUrl: string): Promise<ReadonlySet<string>> {
  const texts = new Set<string>()
  const server = await startServer({ databaseUrl, onStatement: (text) => void texts.add(text) })
  await aDay(server)
  await server.close()
  for (const { asc, desc } of Object.values(VEHICLE_LISTS)) [asc, desc].forEach(({ text }) => texts.add(text))
  for (const pages of Object.values(FLEET_LOG)) Object.values(pages).forEach(({ text }) => texts.add(text))
  for (const { ASC, DESC } of Object.values(COMMAND_LISTS)) [ASC, DESC].forEach(({ text }) => texts.add(text))
  for (const { ASC, DESC } of Object.values(SHARING_LISTS)) [ASC, DESC].forEach(({ text }) => texts.add(text))
  for (const { text } of [PRUNE, PRUNE_READINGS, DROP]) texts.add(text)
  for (const { text } of allFinds()) texts.add(text)
  for (const text of (await saves()).values()) texts.add(text)
  return new Set([...texts].filter((text) => /^\s*(SELECT|WITH|INSERT|UPDATE|DELETE|\()/i.test(text)))
}

describe.each(SIZES)('on a database that is %s', (size) => {
  describe.each(Object.keys(SESSIONS) as SessionKind[])('in sessions that are %s', (session) => {
    const counts = ({ index, table }: Scan) =>
      index !== null || session === 'own' || (size === 'full' && LARGE.includes(table))

    it('each statement reads by the indexes that are meant for it', async () => {
      const planner = plannerOf(size, session)
      const faults: string[] = []
      for (const text of statements) faults.push(...told(text, found((await planner.scansOf(text)).filter(counts))))
      expect(faults).toEqual([])
    })

    it('each statement that writes several decisions goes through no part of itself for each row of another', async () => {
      const writing = [...statements].filter((text) => text.includes('SKIP LOCKED') && text.includes('demand_rows'))
      expect(writing).toHaveLength(33)
      for (const text of writing) expect(await plannerOf(size, session).rescansOf(text)).toEqual([])
    })

    it('so do statements within functions and triggers', async () => {
      const planner = plannerOf(size, session)
      const report = { index: 0, vehicleId: vehicleId(1), messageId: 'plans', occurredAt: Date.now(), speedKmh: 3 }
      const within: readonly (readonly [text: string, values: readonly unknown[]])[] = [
        [`SELECT * FROM record_vehicle_states($1, 'request', '{}', TRUE)`, [JSON.stringify([report])]],
        [`SELECT prune_log(now() - interval '11 hours', 10)`, []],
        [`SELECT prune_readings(now() - interval '11 hours', 10)`, []],
        [`SELECT drop_log_partition('event_0', now() + interval '1 day')`, []],
        ...['log_partitions()', 'log_horizon()', 'log_end()'].map((call) => [`SELECT * FROM ${call}`, []] as const),
        ['SELECT * FROM settled_sharings($1, now())', [vehicleId(1)]],
      ]
      const faults: string[] = []
      for (const [text, values] of within) {
        const scans = await planner.scansWithin(text, values)
        expect(scans, text).not.toEqual([])
        faults.push(...told(text, found(scans.filter(counts))))
      }
      expect(faults).toEqual([])
    })
  })
})

it.each(Object.keys(SESSIONS) as SessionKind[])(
  'where all indexes cost the same, no statement reads by that of the constraint, in sessions that are %s',
  async (session) => {
    const faults: string[] = []
    for (const text of statements) {
      const scans = await plannerOf(VACUUMED, session).scansOf(text)
      faults.push(
        ...told(
          text,
          found(scans).filter((fault) => fault.includes('of type gist')),
        ),
      )
    }
    expect(faults).toEqual([])
  },
)

it('looks at all that matters', () => {
  for (const part of [
    'unnest($1',
    'FROM vehicle AS v',
    'UNION ALL',
    'FROM event',
    'kept AS',
    'FOR UPDATE',
    'FOR KEY SHARE',
    'log_end',
    'FROM timeline',
    'record_vehicle_states',
    'prune_log',
    'DELETE FROM audit',
    'INSERT INTO audit',
    'DELETE FROM idempotency_key',
    'due_at IS NOT NULL',
    'settled_sharings',
    'use = NULLIF',
    'FROM LEAST(',
    'c.dispatched_at IS NULL',
    'SET deleted_at',
    'WITH appended',
    'WITH moved',
    'INTO revocation',
  ]) {
    const texts = [...statements].filter((text) => text.includes(part))
    expect(texts, part).not.toEqual([])
  }
  expect([...statements].filter((text) => text.includes('kept AS')).length).toBe(97)
  expect(statements.size).toBeGreaterThan(100)
})

describe('would find out', () => {
  it.each<[what: string, text: string, fault: RegExp]>([
    ['a table read whole', 'SELECT * FROM vehicle AS v WHERE v.name = $1', /vehicle\w* reads the whole (table|index)$/],
    [
      'a table read whole in order',
      'SELECT * FROM vehicle AS v WHERE v.name = $1 ORDER BY v.id LIMIT 1',
      /vehicle_pkey reads the whole index$/,
    ],
    [
      'a read by an index whose predicate is implied',
      'SELECT * FROM sharing AS s WHERE s.cancelled_at IS NULL AND s.ended_at IS NULL',
      /sharing_open_vehicle_idx reads the whole index$/,
    ],
    [
      'a read by later columns of an index',
      `SELECT * FROM command AS c WHERE c.status = 'PENDING' AND c.deadline > $1`,
      /command_open_idx looks through all of an index that begins with vehicle_id$/,
    ],
    [
      "a read by the constraint's index",
      `SELECT * FROM sharing AS s WHERE s.vehicle_id = $1 COLLATE "POSIX" AND tstzrange(s.starts_at,
        CASE WHEN s.cancelled_at IS NULL THEN LEAST(s.ends_at, s.ended_at) ELSE s.starts_at END) && tstzrange($2, $3)`,
      /sharing_one_at_a_time reads by an index of type gist$/,
    ],
  ])('%s', async (_what, text, fault) => {
    for (const size of SIZES) {
      expect(found(await plannerOf(size, 'own').scansOf(text)), size).toEqual([expect.stringMatching(fault)])
    }
  })
})
