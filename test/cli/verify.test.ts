import { rm } from 'node:fs/promises'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { openSql } from '../../src/data/verify/verify.ts'
import type { Sql } from '../../src/data/database/statement.ts'
import { BROKEN, brokenWorlds, SOUND } from '../support/broken.ts'
import { newDataDir, newPostgresDatabase, sql } from '../support/databases.ts'
import { losing, runOn, storeFleets, storeKept } from '../support/kept.ts'
import { startNode } from '../support/process.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { DatabaseKind } from '../support/server.ts'
import { disagreements } from '../support/verified.ts'

type Place = { readonly databaseUrl: string | null; readonly dataDir: string }

/** A current database with what a test stores in it. */
async function databaseWith(kind: DatabaseKind, store: (sql: Sql) => Promise<void>): Promise<Place> {
  const isEmbedded = kind === 'embedded'
  const dataDir = await newDataDir(isEmbedded ? inject('embeddedTemplate') : null)
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const databaseUrl = isEmbedded ? null : await newPostgresDatabase(inject('postgresUrl'))
  const opened = await openSql({ databaseUrl, dataDir })
  await storeFleets(opened.sql, 'owner', 'partner', 'other')
  await store(opened.sql)
  await opened.close()
  return { databaseUrl, dataDir }
}

async function verify({ databaseUrl, dataDir }: Place, ...args: string[]) {
  const env = databaseUrl === null ? { DATA_DIR: dataDir } : { DATABASE_URL: databaseUrl }
  const program = startNode('src/cli/verify.ts', env, ...args)
  const { code } = await program.ended
  return { code, lines: program.lines, complaints: program.complaints }
}

const SAYS_ALL = { code: 0, lines: ['Everything agrees.'], complaints: [] }

describe.each(DATABASE_KINDS)('npm run verify on %s', (kind) => {
  it('names disagreements, repairs them with --repair, and finds nothing again', async () => {
    const worlds = brokenWorlds(Date.now())
    const place = await databaseWith(kind, async (db) => {
      for (const name of [...BROKEN, ...SOUND]) await storeKept(db, worlds[name])
      await runOn(db)('REINDEX INDEX sharing_vehicle_list_idx')
    })
    const found = await verify(place)
    expect(found).toMatchObject({ code: 1, complaints: [] })
    for (const name of BROKEN) expect(found.lines.filter((line) => line.includes(`vehicle ${name},`))).toHaveLength(1)
    for (const name of SOUND) expect(found.lines.filter((line) => line.includes(`vehicle ${name},`))).toEqual([])
    const lost = found.lines.filter((line) => line.startsWith('index '))
    expect(lost).toEqual([
      expect.stringMatching(/^index sharing_one_at_a_time: finds 0 of 12 rows of sharing \(not asked-1, both-/),
    ])
    expect(found.lines.at(-1)).toMatch(/^8 things do not agree\. npm run verify -- --repair does/)

    const repaired = await verify(place, '--repair')
    expect(repaired).toMatchObject({ code: 0, complaints: [] })
    expect(repaired.lines.slice(0, 8)).toEqual(found.lines.slice(0, 8))
    const done = repaired.lines.slice(8)
    for (const name of BROKEN) expect(done).toContainEqual(expect.stringContaining(`vehicle ${name}, `))
    expect(done).toContainEqual(expect.stringMatching(/^vehicle passed-over, .* SHARING_ENDED is recorded as of /))
    expect(done.slice(-3)).toEqual(['index sharing_one_at_a_time: is rebuilt', 'Once more:', 'Everything agrees.'])
    expect(await verify(place)).toEqual(SAYS_ALL)
  }, 120_000)
})

it('npm run verify reads and repairs while an instance works', async () => {
  const server = await startServer()
  onTestFinished(server.close)
  const { databaseUrl, dataDir } = server.settings
  const opened = await openSql({ databaseUrl, dataDir })
  onTestFinished(opened.close)
  await storeFleets(opened.sql, 'owner', 'partner', 'other')
  await storeKept(opened.sql, brokenWorlds(Date.now())['both-started'])
  expect((await verify({ databaseUrl, dataDir }, '--repair')).code).toBe(0)
  expect(await verify({ databaseUrl, dataDir }, '--repair')).toEqual(SAYS_ALL)
})

it('npm run verify leaves disagreements to people that the log cannot decide', async () => {
  const world = brokenWorlds(Date.now())['in-force']
  const place = await databaseWith('postgres', async (db) => {
    await storeKept(db, { ...world, events: [] })
    await runOn(db)('REINDEX INDEX sharing_one_at_a_time')
  })
  const found = await verify(place)
  expect(found.code).toBe(1)
  expect(found.lines[0]).toMatch(/^vehicle in-force, .*: no event tells of it; repair: by hand$/)
  expect((await verify(place, '--repair')).code).toBe(1)
})

it('finds rows that any index has lost, and rebuilds the index', async () => {
  const url = await newPostgresDatabase(inject('postgresUrl'))
  const { sql: db, close } = await openSql({ databaseUrl: url, dataDir: '' })
  onTestFinished(close)
  await storeFleets(db, 'owner', 'partner', 'other')
  const tables = `indrelid IN ('vehicle'::regclass, 'sharing'::regclass, 'command'::regclass)`
  const text = `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE ${tables} ORDER BY 1`
  const names = (await db.query<{ name: string }>({ name: '', text }, [])).map(({ name }) => name)
  expect(names.length).toBeGreaterThan(15)
  // Rows of every kind, so that there is one in each of the partial indexes.
  const worlds = brokenWorlds(Date.now())
  for (const name of [...SOUND, 'command'] as const) await storeKept(db, worlds[name])
  await runOn(db)('REINDEX INDEX sharing_one_at_a_time')
  await runOn(db)(
    `UPDATE command SET status = 'DISPATCHED', dispatched_at = requested_at, completed_at = NULL, fleet_id = 'partner'`,
  )
  const lost = async () =>
    (await disagreements({ databaseUrl: url, dataDir: '' })).flatMap(({ index }) => index?.name ?? [])
  expect(await lost()).toEqual([])
  for (const name of names) {
    // A new version of each row, which this index does not get.
    await losing(db, name, () => rewrite(db))
    expect(await lost()).toContain(name)
    for (const table of ['vehicle', 'sharing', 'command']) await runOn(db)(`REINDEX TABLE ${table}`)
    expect(await lost()).toEqual([])
  }
})

/** Moves every row to another place, so that each index gets a new entry for it. */
async function rewrite(db: Sql): Promise<void> {
  await runOn(db)(`UPDATE vehicle SET owner_id = CASE owner_id WHEN 'owner' THEN 'other' ELSE 'owner' END`)
  await runOn(db)(`UPDATE command SET deadline = deadline + interval '1 ms'`)
  await runOn(db)(
    `UPDATE sharing SET created_at = created_at + interval '1 ms', starts_at = starts_at + interval '1 ms',
      started_at = started_at + interval '1 ms', start_awaited_since = start_awaited_since + interval '1 ms'`,
  )
}

it('npm run verify says in one line where it cannot begin', async () => {
  const none = `${inject('postgresUrl')}/postgres`
  expect(await verify({ databaseUrl: none, dataDir: '' })).toEqual({
    code: 1,
    lines: [],
    complaints: ['npm run verify: there are no tables of FleetShare in this database'],
  })
  const dataDir = await newDataDir(null)
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  expect(await verify({ databaseUrl: null, dataDir })).toMatchObject({
    code: 1,
    complaints: [`npm run verify: there is no embedded database in ${dataDir}`],
  })
  const server = await startServer({ database: 'embedded' })
  onTestFinished(server.close)
  expect(await verify({ databaseUrl: null, dataDir: server.settings.dataDir })).toMatchObject({
    code: 1,
    complaints: [
      expect.stringMatching(/^npm run verify: DATA_DIR: the embedded database in .* is in use by process \d+/),
    ],
  })
  const older = await newPostgresDatabase(inject('postgresUrl'))
  await sql(older, 'DROP FUNCTION repair_vehicle')
  expect(await verify({ databaseUrl: older, dataDir: '' })).toEqual(SAYS_ALL)
  expect(await verify({ databaseUrl: older, dataDir: '' }, '--repair')).toMatchObject({
    code: 1,
    complaints: ['npm run verify: the database is of an older version: npm run migrate repairs it, too'],
  })
})
