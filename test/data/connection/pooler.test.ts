import { execFileSync, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { postgresSql } from '../../../src/data/database/statement.ts'
import type { Sql } from '../../../src/data/database/statement.ts'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { run } from '../../support/api.ts'
import { newEmptyDatabase, newPostgresDatabase, sql } from '../../support/databases.ts'
import { follow, readAll } from '../../support/events.ts'
import { sendCommand } from '../../support/gateway.ts'
import { waiting } from '../../support/locks.ts'
import { connect, migration } from '../../support/migrations.ts'
import { freePort } from '../../support/ports.ts'
import { startServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const PGBOUNCER = find('pgbouncer')
const reason = 'PgBouncer is not installed: that the server runs behind it is not tested'
if (PGBOUNCER === null) console.warn(`SKIPPED: ${reason}`)

function find(program: string): string | null {
  try {
    return execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${program}`])
      .toString()
      .trim()
  } catch {
    return null
  }
}

/**
 * PgBouncer before a database, handing out connections by the transaction.
 * @param size its connections to the database
 * @returns its URL
 */
async function startPooler(databaseUrl: string, size = 4): Promise<string> {
  const { hostname, port, pathname, username, password } = new URL(databaseUrl)
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-pooler-'))
  await chmod(folder, 0o755)
  const own = await freePort()
  const users = join(folder, 'users.txt')
  await writeFile(users, `"${username}" "${password}"\n`)
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${size}
admin_users = ${username}
`,
  )
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const pooler = spawn(PGBOUNCER ?? '', [...user, settings], { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(async () => {
    pooler.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  for await (const line of createInterface(pooler.stderr)) if (line.includes('process up')) break
  pooler.stderr.resume()
  return `postgresql://${username}:${password}@127.0.0.1:${own}${pathname}`
}

it.skipIf(PGBOUNCER === null)(
  'two instances behind a pooler of transactions share one log, and wake each other',
  async () => {
    const direct = await newPostgresDatabase(inject('postgresUrl'))
    await sql(direct, `ALTER DATABASE ${new URL(direct).pathname.slice(1)} SET timezone = 'UTC'`)
    const pooled = await startPooler(direct)
    const env = { DATABASE_URL: pooled, DATABASE_DIRECT_URL: direct, DATABASE_POOL_SIZE: '8' }
    const first = await startServer({ env })
    onTestFinished(first.close)
    const second = await startServer({ env, dataDir: first.settings.dataDir })
    onTestFinished(second.close)
    const world = await makeWorld(first)
    const vehicles = await Promise.all(Array.from({ length: 20 }, () => world.newVehicle()))
    const follower = await follow(second.url, world.as.owner)
    await Promise.all(
      vehicles.map(async (vehicleId, index) => {
        const { url } = index % 2 === 0 ? first : second
        await run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
        await sendCommand(url, world.as.partner, { vehicleId, type: 'DRAW_ATTENTION' })
        await run(url, world.as.partner, 'endSharing', { vehicleId })
      }),
    )
    // Started, a command accepted and cancelled by the handover, ended: of which the owner has all.
    const seen = await follower.events(4 * vehicles.length)
    follower.stop()
    const log = await readAll(first.url, world.as.owner)
    expect(seen.map(({ cursor }) => cursor)).toEqual(log.slice(-seen.length).map(({ cursor }) => cursor))
  },
)

describe.skipIf(PGBOUNCER === null)(
  'a failure is told at once, while others have all connections of the pooler',
  () => {
    const FAIL = 'PERFORM pg_advisory_xact_lock(7); RAISE lock_not_available;'
    it.each<[string, (sql: Sql) => Promise<unknown>]>([
      ['of a statement', ({ query }) => query({ name: 'fail', text: `DO $$ BEGIN ${FAIL} END $$` }, [])],
      [
        'of a commit',
        ({ transaction }) => transaction((tx) => tx.query({ name: 'late', text: 'INSERT INTO late VALUES (1)' }, [])),
      ],
    ])('%s', async (_what, fail) => {
      const direct = await newPostgresDatabase(inject('postgresUrl'))
      await sql(
        direct,
        `CREATE TABLE late (id INT);
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${FAIL} END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`,
      )
      const pooled = await startPooler(direct, 1)
      const pool = new pg.Pool({ connectionString: pooled, max: 1 })
      const [locker, other, admin] = await Promise.all([
        connect(direct),
        connect(pooled),
        connect(pooled.replace(/[^/]*$/, 'pgbouncer')),
      ])
      onTestFinished(() => pool.end())
      await locker.query('SELECT pg_advisory_lock(7)')
      const failing = fail(postgresSql(pool, false)).catch((error: unknown) => error)
      await waiting(locker, 1)
      // The next in line for the only connection, which it keeps.
      const begun = other.query('BEGIN')
      const inLine = async () =>
        (await admin.query<{ cl_waiting: string | number }>('SHOW POOLS')).rows.map(({ cl_waiting: count }) =>
          Number(count),
        )
      await expect.poll(inLine).toContain(1)
      await locker.query('SELECT pg_advisory_unlock(7)')
      await begun
      expect(await failing).toMatchObject({ code: '55P03' })
      await other.query('COMMIT')
      expect(await postgresSql(pool, false).query({ name: 'one', text: 'SELECT 1 AS one' }, [])).toEqual([{ one: 1 }])
    })
  },
)

it.skipIf(PGBOUNCER === null)('a database in another time zone is refused at the start', async () => {
  const direct = await newPostgresDatabase(inject('postgresUrl'))
  await sql(direct, `ALTER DATABASE ${new URL(direct).pathname.slice(1)} SET timezone = 'Asia/Kolkata'`)
  const env = { DATABASE_URL: await startPooler(direct), DATABASE_DIRECT_URL: direct }
  await expect(startServer({ env })).rejects.toThrow('has to be UTC, not Asia/Kolkata')
})

it.skipIf(PGBOUNCER === null)('a start that fails leaves no lock in a session of the pooler', async () => {
  const direct = await newEmptyDatabase(inject('postgresUrl'))
  const pooled = await startPooler(direct)
  const looking = await connect(direct)
  const locks = async () => {
    const { rows } = await looking.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    return rows[0]?.count
  }
  const one = migration('1_one', 'CREATE TABLE one ()')
  const failing = migration('2_two', 'CREATE TABLE two (); SELECT nonsense')
  await expect(migratePostgres(pooled, { migrations: [one, failing] })).rejects.toThrow('2_two failed')
  expect(await locks()).toBe(0)

  const steps = migration('2_two', '-- migrate: no transaction\nCREATE TABLE two ()')
  await expect(migratePostgres(pooled, { migrations: [one, steps] })).rejects.toThrow(
    'a migration that runs outside of a transaction cannot go through a pooler of connections: DATABASE_DIRECT_URL names the way around it',
  )
  expect(await locks()).toBe(0)
  expect(await migratePostgres(direct, { migrations: [one, steps] })).toEqual(['2_two'])
  const three = migration('3_three', 'CREATE TABLE three ()')
  expect(await migratePostgres(pooled, { migrations: [one, steps, three] })).toEqual(['3_three'])
  expect(await locks()).toBe(0)
})

it.skipIf(PGBOUNCER === null).each([
  ["datestyle = 'German'", 'DateStyle of the session has to be ISO, not German'],
  ['extra_float_digits = 0', 'extra_float_digits of the session has to be 1, not 0'],
  [
    "default_transaction_isolation = 'serializable'",
    'default_transaction_isolation of the session has to be read committed, not serializable',
  ],
  ['statement_timeout = 5', 'statement_timeout of the session'],
  ['default_transaction_read_only = on', 'cannot be written to, for default_transaction_read_only is on'],
  ["synchronous_commit = 'off'", 'synchronous_commit of the session has to be on, not off'],
  ["search_path = 'lent'", 'the first schema of the session is lent, and the tables are in public'],
])('what the role behind a pooler is set to is checked at the start: %s', async (setting, complaint) => {
  const direct = await newPostgresDatabase(inject('postgresUrl'))
  const name = new URL(direct).pathname.slice(1)
  await sql(
    direct,
    `CREATE SCHEMA lent; ALTER DATABASE ${name} SET timezone = 'UTC'; ALTER DATABASE ${name} SET ${setting}`,
  )
  // The way around the pooler has what the server sets itself.
  const around = `${direct}?options=${encodeURIComponent('-c search_path=public -c default_transaction_read_only=off')}`
  const env = { DATABASE_URL: await startPooler(direct), DATABASE_DIRECT_URL: around }
  const failed = await startServer({ env }).catch((error: unknown) => (error as Error).message)
  expect(failed).toMatch(/^DATABASE_URL: .*$/)
  expect(failed).toContain(complaint)
})

it.skipIf(PGBOUNCER === null)('a pooler without a way around it is refused at the start', async () => {
  const env = { DATABASE_URL: await startPooler(await newPostgresDatabase(inject('postgresUrl'))) }
  await expect(startServer({ env })).rejects.toThrow(
    /^DATABASE_URL: is a pooler, .*DATABASE_DIRECT_URL has to name PostgreSQL itself/,
  )
})
