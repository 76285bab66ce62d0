import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { startupOptions } from '../../../src/data/connection/session.ts'
import { readSnapshots } from '../../../src/data/decisions/snapshot.ts'
import { newPostgresDatabase, sql } from '../../support/databases.ts'
import { waiting } from '../../support/locks.ts'
import { olderDatabase, VERSION_0_1_0 } from '../../support/older.ts'
import { newPlanner } from '../../support/plans.ts'
import { verifyDatabase } from '../../support/verified.ts'

/**
 * PostgreSQL (15.18 and 18.4) loses live entries of a GiST index that one statement scans several times: what the first scan
 * found dead in the root page it marks by place when the next one begins, and by then a split may have put others there. Then
 * an exclusion constraint takes what overlaps.
 */

const FEW = 20
/** More than one page of the index holds. */
const MANY = 300

/** A fleet lends vehicles with open ends; nobody vacuums, or has what is planned planned anew. */
const WORLD = `ALTER TABLE fleet SET (autovacuum_enabled = off); ALTER TABLE vehicle SET (autovacuum_enabled = off);
  ALTER TABLE sharing SET (autovacuum_enabled = off);
  INSERT INTO fleet (id, name) VALUES ('owner', 'Owner'), ('partner', 'Partner');
  INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
    SELECT 'v' || n, 'owner', '{}', now(), now() FROM generate_series(1, ${MANY}) AS n`
/** The sharings of some vehicles, in force since then. */
const lent = (from: number, to: number) => `
  INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at)
    SELECT 's' || n, 'v' || n, 'owner', 'partner', now() - interval '1 day', TRUE, now() FROM generate_series(${from}, ${to}) AS n`
/** Each of them, moved: the entries of before are dead. */
const MOVED = `UPDATE sharing SET ends_at = now() + interval '1 day'`

const LOCK = 4653
const asked = (name: string) =>
  `unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS ${name}(id, sharing_id, fleet_id, number)`
/** For the second row a lock is waited for that a test may hold. */
const gated = (name: string) =>
  `(SELECT u.*, pg_advisory_xact_lock(${LOCK}, u.number::int) FROM ${asked('u')} OFFSET 0) AS ${name}`

/** The server's own statement for decisions on several vehicles. */
async function held(): Promise<string> {
  let text = ''
  await readSnapshots((statement) => ((text = statement.text), Promise.resolve([])), [])
  expect(text).toContain(asked('a'))
  return text.replace(asked('a'), gated('a'))
}

/** The same with a select list that any version has the columns of. */
const heldAnywhere = async () => (await held()).replace(/^SELECT [^]*?\n  FROM (?=\()/, 'SELECT v, s FROM ')

/** One that asks, for each vehicle, which others are lent now, by the index that is for the constraint's own look. */
const BY_CONSTRAINT = `SELECT a.id, s.id FROM ${gated('a')} CROSS JOIN LATERAL (
    SELECT * FROM sharing AS s WHERE s.vehicle_id <> a.id AND tstzrange(s.starts_at,
      CASE WHEN s.cancelled_at IS NULL THEN LEAST(COALESCE(s.latest_ends_at, s.ends_at), s.ended_at) ELSE s.starts_at END) && tstzrange(now(), now(), '[]')
    OFFSET 0) AS s`

/**
 * Resolves once what has been replaced so far is dead to all: no transaction on the server that began before is still running,
 * be it in another database, and nobody in this one, nor the launcher of autovacuum, looks at what was before.
 */
async function deadToAll(client: pg.Client): Promise<void> {
  const { rows: before } = await client.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')
  for (;;) {
    const { rows } = await client.query(
      `SELECT WHERE pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 AND NOT EXISTS (
        SELECT FROM pg_stat_activity WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid()
          AND backend_xmin IS NOT NULL)`,
      [before[0]?.xid],
    )
    if (rows.length > 0) return
  }
}

type Outcome = {
  /** The indexes of `sharing` by which the statement reads. */
  readonly indexes: readonly (string | null)[]
  /** What does not agree with the table. */
  readonly lost: readonly string[]
  /** Overlaps that the database took. */
  readonly taken: readonly string[]
}

/** Scans several times in one statement, the root of the constraint's index splitting after the first. */
const SESSION = startupOptions(null, null, 0)

async function rescan(databaseUrl: string, statement: string, options: string = SESSION): Promise<Outcome> {
  await sql(databaseUrl, WORLD)
  const planner = await newPlanner(databaseUrl, options)
  const scans = await planner.scansOf(statement)
  await planner.close()
  const reader = new pg.Client({ connectionString: databaseUrl, options })
  const writer = new pg.Client({ connectionString: databaseUrl })
  await reader.connect()
  await writer.connect()
  try {
    const values = ['{v1,v2,v3}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}']
    const read = () => reader.query({ name: 'read', text: statement, values })
    // Planned while there is nothing, as it was for a server that has run from the start.
    await read()
    await writer.query(lent(1, FEW))
    await writer.query(MOVED)
    await deadToAll(writer)
    await writer.query('SELECT pg_advisory_lock($1, 2)', [LOCK])
    const reading = read()
    await waiting(writer, 1)
    await writer.query(lent(FEW + 1, MANY))
    await writer.query('SELECT pg_advisory_unlock($1, 2)', [LOCK])
    await reading
    const lost = (await verifyDatabase(databaseUrl)).filter((line) => line.startsWith('index'))
    const taken: string[] = []
    for (let number = 1; number <= FEW; number++) {
      const again = `INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at)
        VALUES ('again' || $1, 'v' || $1, 'owner', 'partner', now(), TRUE, now())`
      await writer.query(again, [`${number}`]).then(
        () => taken.push(`v${number}`),
        (error: unknown) => expect(error).toMatchObject({ code: '23P01' }),
      )
    }
    return { indexes: scans.flatMap(({ table, index }) => (table === 'sharing' ? [index] : [])), lost, taken }
  } finally {
    await reader.end()
    await writer.end()
  }
}

const OF_CONSTRAINT = 'sharing_one_at_a_time'

it('the schema of version 0.1.0, whose plans read by the index of the constraint, loses rows and takes overlaps', async () => {
  const { databaseUrl } = await olderDatabase('postgres', VERSION_0_1_0)
  const { indexes, lost, taken } = await rescan(databaseUrl ?? '', await heldAnywhere())
  expect(indexes).toContain(OF_CONSTRAINT)
  expect(lost).toEqual([expect.stringContaining(OF_CONSTRAINT)])
  expect(taken).not.toEqual([])
})

it('the present one loses nothing and takes none', async () => {
  const { indexes, lost, taken } = await rescan(await newPostgresDatabase(inject('postgresUrl')), await held())
  expect(indexes).toEqual(['sharing_open_vehicle_idx', 'sharing_vehicle_list_idx'])
  expect({ lost, taken }).toEqual({ lost: [], taken: [] })
})

it('the present one would, if a statement read by that index all the same', async () => {
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  // Only what goes from entry to entry remembers which of them were dead.
  const { indexes, lost, taken } = await rescan(databaseUrl, BY_CONSTRAINT, `${SESSION} -c enable_bitmapscan=off`)
  expect(indexes).toEqual([OF_CONSTRAINT])
  expect(lost).toEqual([expect.stringContaining(OF_CONSTRAINT)])
  expect(taken).not.toEqual([])
})
