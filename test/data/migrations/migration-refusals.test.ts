import { describe, expect, it } from 'vitest'
import { readMigrations } from '../../../src/data/migrations/files.ts'
import { connect, migration, newArena } from '../../support/migrations.ts'
import { DATABASE_KINDS } from '../../support/server.ts'

const ONE = migration('1_one', 'CREATE TABLE one ()')
const TWO = migration('2_two', 'CREATE TABLE two ()')
const THREE = migration('3_three', 'CREATE TABLE three ()')

/** Migrations of the first version as its engine marked them: their scripts never change again. */
const FIRST_VERSION = [
  ['20261122000000_foundation', 'd1a8ce017eb55097940c705cbf785f51fd2ec86478988d7904769967a2dbef71'],
  ['20261122010000_telemetry_and_commands', '473e3fac219b44adcb1a1fa37cf882105d79c1fd2e12c30c7c91aa76a98d544f'],
  ['20261122020000_retention', 'e001a3e8343328eee24ff3d0ccac7048d33cb369e7b52789bf4b49f338eef7ca'],
  ['20261122030000_revocation', 'fe2c445843dcead2eb3286fde7bc4d4f7531c18c7e2318664a7e184f04582fe3'],
  ['20261122040000_open_sharings', '3a5962fcb821076ee9b6fa732110bd5ec691dcf5f99f19cf53a9327cb958200f'],
  ['20261122050000_audit', '9a0156e54c40f55c1b2162583480400380c79e173fda4f29e0f7d7c6550cf7c1'],
  ['20261122060000_own_indexes', 'ad5133fc489b4767113a6f8c39ff74f43e5a8007cb39ac7e2936f7ee7904bb64'],
  ['20261122070000_tell_what_was_recorded', 'a732910a4b1bc291ad08be2d1f491878bba8730e6303db49e2d851d65ca58224'],
] as const

/** The table as Prisma's engine makes it, and its row of a migration that was applied. */
const PRISMA_TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`
const PRISMA_ROW = `INSERT INTO _prisma_migrations
  (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
  VALUES (gen_random_uuid()::text, $1, '2026-11-27 10:00:00.407+00', $2, NULL, NULL, '2026-11-27 10:00:00.343+00', 1)`

const ROWS = `SELECT migration_name AS name, checksum, length(id) AS length, logs, rolled_back_at AS "rolledBack",
  applied_steps_count AS steps, finished_at >= started_at AND finished_at > now() - INTERVAL '1 hour' AS "isTimed"
  FROM _prisma_migrations ORDER BY migration_name, started_at`

describe.each(DATABASE_KINDS)('on %s', (kind) => {
  it('writes the rows that Prisma would write', async () => {
    const arena = await newArena(kind)
    expect(await arena.migrate({ migrations: [ONE] })).toEqual(['1_one'])
    const checksum = '76e852aa2c0d3e8ab391d64e77a455fbb5a93569534a1dbab343d47f42b1ef3a'
    expect(await arena.query(ROWS)).toEqual([
      { name: '1_one', checksum, length: 36, logs: null, rolledBack: null, steps: 1, isTimed: true },
    ])
  })

  it('goes on from a database of the first version', async () => {
    const arena = await newArena(kind)
    const migrations = await readMigrations()
    const first = migrations.slice(0, FIRST_VERSION.length)
    for (const { script } of first) await arena.exec(script)
    await arena.query(PRISMA_TABLE)
    for (const [name, checksum] of FIRST_VERSION) await arena.query(PRISMA_ROW, [checksum, name])
    expect(await arena.migrate({ migrations: first })).toEqual([])
    const later = migrations.slice(first.length).map(({ name }) => name)
    expect(later.length).toBeGreaterThan(0)
    expect(await arena.migrate()).toEqual(later)
    expect(await arena.migrate()).toEqual([])
  })

  it('refuses a database with a migration that it does not know', async () => {
    const arena = await newArena(kind)
    await arena.migrate({ migrations: [ONE, TWO] })
    const belongs = 'the database belongs to a newer version of FleetShare: this one does not know its migration'
    await expect(arena.migrate({ migrations: [ONE] })).rejects.toThrow(`${belongs} 2_two`)
    await arena.migrate({ migrations: [ONE, TWO, THREE] })
    await expect(arena.migrate({ migrations: [ONE] })).rejects.toThrow(`${belongs} 3_three and 1 more`)
    await arena.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name <> $1', ['1_one'])
    expect(await arena.migrate({ migrations: [ONE] })).toEqual([])
  })

  it('refuses a migration that was changed after it was applied, with any line ends', async () => {
    const arena = await newArena(kind)
    const lines = migration('1_lines', 'CREATE TABLE\none ();\n')
    await arena.migrate({ migrations: [lines] })
    const other = { ...lines, script: lines.script.replaceAll('\n', '\r\n') }
    expect(await arena.migrate({ migrations: [other] })).toEqual([])
    const changed = { ...lines, script: `${lines.script} ` }
    await expect(arena.migrate({ migrations: [changed, TWO] })).rejects.toThrow(
      /^migration 1_lines is not the one that was applied: the database has checksum [0-9a-f]{64}, the file [0-9a-f]{64}$/,
    )
    expect(await arena.query(`SELECT to_regclass('two')::text AS two`)).toEqual([{ two: null }])
  })

  it('refuses one that Prisma marked as failed, until that is marked as rolled back', async () => {
    const arena = await newArena(kind)
    await arena.migrate({ migrations: [ONE] })
    await arena.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, logs) VALUES ('1', 'x', '2_two', 'ERROR: no')`,
    )
    await expect(arena.migrate({ migrations: [ONE, TWO] })).rejects.toThrow(
      'migration 2_two is marked as failed in _prisma_migrations: undo what it left, and set its rolled_back_at',
    )
    await arena.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_two'`)
    expect(await arena.migrate({ migrations: [ONE, TWO] })).toEqual(['2_two'])
    expect(await arena.migrate({ migrations: [ONE, TWO] })).toEqual([])
  })

  it("refuses a schema with somebody else's tables", async () => {
    const arena = await newArena(kind)
    await arena.query('CREATE TABLE shop ()')
    await expect(arena.migrate()).rejects.toThrow(
      "schema public has tables, but none of FleetShare's migrations: it takes a database or a schema of its own",
    )
    expect(await arena.query(`SELECT to_regclass('_prisma_migrations')::text AS made`)).toEqual([{ made: null }])
  })

  it("names the migrations that it applies to a database that has some, and PostgreSQL's notices", async () => {
    const arena = await newArena(kind)
    const lines: string[] = []
    const log = (level: string, line: string) => void lines.push(`${level} ${line}`)
    await arena.migrate({ migrations: [ONE], log })
    expect(lines.splice(0)).toEqual(['debug applying migration 1_one'])
    const talking = migration('2_two', `DO $$ BEGIN RAISE NOTICE '% rows mended', 3; RAISE WARNING 'one left'; END $$`)
    await arena.migrate({ migrations: [ONE, talking], log })
    expect(lines.splice(0)).toEqual([
      'info applying migration 2_two',
      'info 2_two: 3 rows mended',
      'warn 2_two: one left',
    ])
    await arena.migrate({ migrations: [ONE, talking], log })
    expect(lines).toEqual([])
  })

  it('names the migration that failed', async () => {
    const arena = await newArena(kind)
    const failing = migration('2_two', 'CREATE TABLE two (); SELECT nonsense')
    const failed = arena.migrate({ migrations: [ONE, failing] })
    await expect(failed).rejects.toThrow('migration 2_two failed: column "nonsense" does not exist')
    await expect(failed).rejects.toMatchObject({ code: 'EMIGRATION' })
    const tables = `SELECT to_regclass('one')::text AS one, to_regclass('two')::text AS two`
    expect(await arena.query(tables)).toEqual([{ one: 'one', two: null }])
    expect(await arena.migrate({ migrations: [ONE, TWO] })).toEqual(['2_two'])
  })
})

it('refuses a search_path without a schema', async () => {
  const arena = await newArena('postgres')
  const client = await connect(arena.where)
  await client.query(`ALTER DATABASE ${new URL(arena.where).pathname.slice(1)} SET search_path = nowhere`)
  await expect(arena.migrate()).rejects.toThrow(
    'the search_path of the database connection names no schema that exists',
  )
})
