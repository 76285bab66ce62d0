import { once } from 'node:events'
import type pg from 'pg'
import { expect, it } from 'vitest'
import { connect, folderOf, migration, newArena } from '../../support/migrations.ts'
import { startNode } from '../../support/process.ts'

const LOCK = 4_653_001
const TABLE = migration('1_table', 'CREATE TABLE thing (id INT)')
const INDEX = migration(
  '2_index',
  `-- migrate: no transaction
CREATE TABLE IF NOT EXISTS step ();
DROP INDEX CONCURRENTLY IF EXISTS thing_id_idx;
CREATE INDEX CONCURRENTLY thing_id_idx ON thing (id);`,
)

/** What PostgreSQL knows of the sessions that migrate; with `wait` once there is such a one. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE application_name = 'fleetshare-migrate' AND wait_event_type = 'Lock'
  AND datname = current_database()`

async function waiting(client: pg.Client): Promise<number> {
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(WAITING)
    if (rows[0]) return rows[0].pid
  }
}

const validity = `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('thing_id_idx')`
const marks = 'SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1'
const LOCKS = `SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

it('lets one of several instances apply the migrations, also outside of a transaction', async () => {
  const arena = await newArena('postgres')
  const migrations = [TABLE, INDEX, migration('3_last', 'CREATE TABLE last ()')]
  const applied = await Promise.all(Array.from({ length: 4 }, () => arena.migrate({ migrations })))
  expect(applied.flat().toSorted()).toEqual(['1_table', '2_index', '3_last'])
  expect(await arena.query(marks)).toEqual(migrations.map(({ name }) => ({ name })))
  expect(await arena.query(LOCKS)).toEqual([{ count: 0 }])
})

it.each([TABLE, migration('1_steps', '-- migrate: no transaction\nCREATE TABLE thing ()')])(
  'waits for another process before $name, and says so',
  async (first) => {
    const arena = await newArena('postgres')
    const other = await connect(arena.where)
    await other.query(`SELECT pg_advisory_lock(${LOCK})`)
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const patience = { pollMs: 5, quietMs: 0, mostMs: 60_000 }
    const lines: string[] = []
    let told = () => {}
    const isTold = new Promise<void>((resolve) => (told = resolve))
    const log = (_: string, line: string) => {
      lines.push(line)
      told()
    }
    const done = arena.migrate({ migrations: [first], patience, log })
    await isTold
    await other.query(`SELECT pg_advisory_unlock(${LOCK})`)
    expect(await done).toEqual([first.name])
    expect(lines).toEqual([
      `waiting for another process (PostgreSQL's process ${rows[0]?.pid}), which migrates the database`,
      `applying migration ${first.name}`,
    ])
  },
)

it('is not waited for by the index that the process before it makes', async () => {
  const arena = await newArena('postgres')
  const migrations = [TABLE, INDEX]
  await arena.migrate({ migrations: [TABLE] })
  const writer = await connect(arena.where)
  await writer.query('BEGIN; INSERT INTO thing VALUES (1)')
  const first = arena.migrate({ migrations })
  await waiting(await connect(arena.where))
  const patience = { pollMs: 5, quietMs: 0, mostMs: 60_000 }
  let told = () => {}
  const isTold = new Promise<void>((resolve) => (told = resolve))
  const second = arena.migrate({ migrations, patience, log: () => told() })
  await Promise.race([isTold, second])
  await writer.query('COMMIT')
  expect(await Promise.all([first, second])).toEqual([['2_index'], []])
})

it('gives up when another process takes too long', async () => {
  const arena = await newArena('postgres')
  const other = await connect(arena.where)
  await other.query(`SELECT pg_advisory_lock(${LOCK})`)
  const patience = { pollMs: 1, quietMs: 1_000, mostMs: 20 }
  await expect(arena.migrate({ migrations: [TABLE], patience })).rejects.toThrow(
    /^another process \(PostgreSQL's process \d+\) has been migrating the database for 0 s$/,
  )
})

it('an index whose making was cut off is made anew', async () => {
  const arena = await newArena('postgres')
  await arena.migrate({ migrations: [TABLE] })
  const writer = await connect(arena.where)
  await writer.query('BEGIN; INSERT INTO thing VALUES (1)')
  const failed = arena.migrate({ migrations: [TABLE, INDEX] })
  failed.catch(() => {})
  const looking = await connect(arena.where)
  await looking.query('SELECT pg_terminate_backend($1)', [await waiting(looking)])
  await expect(failed).rejects.toThrow('migration 2_index failed: ')
  await writer.query('COMMIT')
  expect(await arena.query(validity)).toEqual([{ valid: false }])
  expect(await arena.query(marks)).toEqual([{ name: '1_table' }])
  expect(await arena.migrate({ migrations: [TABLE, INDEX] })).toEqual(['2_index'])
  expect(await arena.query(validity)).toEqual([{ valid: true }])
})

it('repeats a migration that a killed process did not end: in a transaction', async () => {
  const arena = await newArena('postgres')
  const slow = migration('2_slow', 'CREATE TABLE half (); SELECT pg_advisory_xact_lock(42); CREATE TABLE whole ()')
  const holder = await connect(arena.where)
  await holder.query('SELECT pg_advisory_lock(42)')
  const migrations = [TABLE, slow]
  const program = startNode('test/support/migrating.ts', {}, arena.where, await folderOf(migrations))
  await waiting(holder)
  program.child.kill('SIGKILL')
  await once(program.child, 'exit')
  // The orphan in PostgreSQL goes on until it has something to say; till then it has the lock.
  const again = arena.migrate({ migrations })
  await holder.query('SELECT pg_advisory_unlock(42)')
  expect(await again).toEqual(['2_slow'])
  expect(await arena.query(marks)).toEqual([{ name: '1_table' }, { name: '2_slow' }])
})

it('repeats a migration that a killed process did not end: outside of one', async () => {
  const arena = await newArena('postgres')
  const migrations = [TABLE, INDEX]
  await arena.migrate({ migrations: [TABLE] })
  const writer = await connect(arena.where)
  await writer.query('BEGIN; INSERT INTO thing VALUES (1)')
  const program = startNode('test/support/migrating.ts', {}, arena.where, await folderOf(migrations))
  const looking = await connect(arena.where)
  await waiting(looking)
  program.child.kill('SIGKILL')
  await once(program.child, 'exit')
  const again = arena.migrate({ migrations })
  await writer.query('COMMIT')
  expect(await again).toEqual(['2_index'])
  expect(await arena.query(validity)).toEqual([{ valid: true }])
  expect(await arena.query(marks)).toEqual([{ name: '1_table' }, { name: '2_index' }])
})
