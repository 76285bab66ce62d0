import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { ask, run } from '../../support/api.ts'
import { newDataDir, newEmptyDatabase, sql } from '../../support/databases.ts'
import { readAll } from '../../support/events.ts'
import { startNode } from '../../support/process.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { verifyDatabase } from '../../support/verified.ts'

/** Written by version 0.1.0 itself, with the cursors that it gave for the events of one vehicle. */
const DUMP = await readFile(join(import.meta.dirname, 'version-0.1.0.sql'), 'utf8')
const VEHICLE = 'C082P'
const COMMAND = '6a9fecab-29c5-427e-ab0c-ff2c8a608f33'
const STARTED_AT = '2026-11-29T03:06:18.838Z'
const HISTORY = [
  ['VEHICLE_CHANGED', 'LA8CVzrg8GDaCL6ei9GK1w'],
  ['SHARING_STARTED', 'AREhsX9PzIftb5UIfIolQA'],
  ['SHARING_ENDED', 'v3JnstDSCVAY_GZtK_GdUA'],
  ['SHARING_STARTED', '67kQop2JCb7GsDAgH2TgoQ'],
  ['COMMAND_UPDATED', 'kooRQYawUhoqr8HjEXmzpw'],
  ['COMMAND_UPDATED', 'jQ7c7SiqdfJVhqIPupKKxg'],
  ['COMMAND_UPDATED', 'cjr4IfzLHterBDmjpbeziA'],
  ['STATE_RECORDED', 'w8ER6FM5DpgO23J96TS6lQ'],
  ['VEHICLE_CHANGED', 'CX-UTpvyArj7X1yod8p8Wg'],
] as const

async function restored(): Promise<string> {
  const databaseUrl = await newEmptyDatabase(inject('postgresUrl'))
  await sql(databaseUrl, DUMP)
  return databaseUrl
}

describe('a database of version 0.1.0, upgraded', () => {
  let server: TestServer
  let databaseUrl: string
  let owner: string
  let partner: string
  beforeAll(async () => {
    databaseUrl = await restored()
    // Keys are kept for a day, and the dump is older.
    await sql(databaseUrl, 'UPDATE idempotency_key SET created_at = now()')
    server = await startServer({ databaseUrl, env: { EVENT_RETENTION_DAYS: '36500' } })
    ;[owner, partner] = await Promise.all([server.token('78LMK', 'manager'), server.token('DE3P4', 'manager')])
  })
  afterAll(() => server.close())

  it('has its vehicles, sharings, commands and states', async () => {
    const query = `query ($id: ID!) { vehicle(id: $id) { name vin licensePlate state { speedKmh { value } }
      sharing { phase partner { id } } } }`
    expect(await ask(server.url, owner, query, { id: VEHICLE })).toEqual({
      vehicle: {
        name: 'Upgraded later',
        vin: 'WVWZZZ1JZ3W386752',
        licensePlate: 'B-UP 1',
        state: { speedKmh: { value: 5 } },
        sharing: { phase: 'ACTIVE', partner: { id: 'DE3P4' } },
      },
    })
    const command = 'query ($id: ID!) { command(id: $id) { type status } }'
    expect(await ask(server.url, partner, command, { id: COMMAND })).toEqual({
      command: { type: 'UNLOCK_CENTRAL_LOCK', status: 'SUCCEEDED' },
    })
  })

  it('has its events, and continues behind each cursor that it gave', async () => {
    const filter = { vehicleIds: [VEHICLE] }
    const events = await readAll(server.url, owner, { filter })
    expect(events.map(({ type, cursor }) => [type, cursor])).toEqual(HISTORY)
    for (const [index, [, after]] of HISTORY.entries())
      expect(await readAll(server.url, owner, { after, filter })).toEqual(events.slice(index + 1))
  })

  it('knows what was repeated: the same sharing, and no second one', async () => {
    const input = { vehicleId: VEHICLE, fleetId: 'DE3P4', idempotencyKey: 'before the upgrade' }
    const { sharing } = await run(server.url, owner, 'startSharing', input)
    expect(sharing).toMatchObject({ phase: 'ACTIVE', createdAt: STARTED_AT })
  })

  it('goes on, and agrees with its log', async () => {
    await run(server.url, partner, 'endSharing', { vehicleId: VEHICLE })
    const after = HISTORY.at(-1)?.[1] ?? null
    expect((await readAll(server.url, owner, { after })).map(({ type }) => type)).toEqual(['SHARING_ENDED'])
    expect(await verifyDatabase(databaseUrl)).toEqual([])
  })
})

it('a server does not start on the database of a newer version, and says so in one line', async () => {
  const databaseUrl = await restored()
  const dataDir = await newDataDir(null)
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  await sql(
    databaseUrl,
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
      VALUES ('newer', 'x', '29991231000000_newer', now(), 1)`,
  )
  const env = { PORT: '0', DATA_DIR: dataDir, DATABASE_URL: databaseUrl, NODE_ENV: 'test' }
  const program = startNode('src/main.ts', env)
  expect(await program.ended).toEqual({ code: 1, signal: null })
  const [line, ...more] = [...program.lines, ...program.complaints]
  expect(more).toEqual([])
  expect(line).toMatch(/FleetShare cannot start: .*the database belongs to a newer version of FleetShare/)
})
