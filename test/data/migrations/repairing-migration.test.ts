import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { openSql } from '../../../src/data/verify/verify.ts'
import { run } from '../../support/api.ts'
import { BROKEN, brokenWorlds, SOUND } from '../../support/broken.ts'
import { readAll } from '../../support/events.ts'
import type { SeenEvent } from '../../support/events.ts'
import { runOn, storeFleets, storeKept } from '../../support/kept.ts'
import { olderDatabase, VERSION_0_1_0 } from '../../support/older.ts'
import type { OlderDatabase } from '../../support/older.ts'
import { DATABASE_KINDS, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { disagreements } from '../../support/verified.ts'
import { inHours } from '../../support/world.ts'

type Names = readonly (keyof ReturnType<typeof brokenWorlds>)[]

const LOG =
  'SELECT position, type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, sharing_id, command_id, facts FROM event ORDER BY position'

/** A database of version 0.1.0 with these vehicles. @returns it, and its log */
async function stored(kind: (typeof DATABASE_KINDS)[number], now: number, names: Names) {
  const older = await olderDatabase(kind, VERSION_0_1_0)
  const { sql, close } = await openSql(older)
  await storeFleets(sql, 'owner', 'partner', 'other')
  await runOn(sql)(`INSERT INTO partnership (fleet_id, partner_id) VALUES ('owner', 'partner'), ('partner', 'owner')`)
  const worlds = brokenWorlds(now)
  for (const name of names) await storeKept(sql, worlds[name])
  const log = await sql.query<object>({ name: '', text: LOG }, [])
  await close()
  return { older, log }
}

/** Starts the server. @returns it, and what it warned of */
async function upgraded(kind: (typeof DATABASE_KINDS)[number], { databaseUrl, dataDir }: OlderDatabase) {
  const warnings: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg as string) })
  const settings = { database: kind, dataDir, ...(databaseUrl === null ? {} : { databaseUrl }), log }
  return { server: await startServer(settings), warnings }
}

const of = (events: readonly SeenEvent[], vehicleId: string): string[] =>
  events.filter((event) => event.vehicleId === vehicleId).map(({ type }) => type)

describe.each(DATABASE_KINDS)('a database of version 0.1.0 on %s with sharings that its index had lost', (kind) => {
  const NOW = Math.floor(Date.now() / 1000) * 1000
  let older: OlderDatabase
  let before: object[]
  let server: TestServer
  let warnings: string[]
  beforeAll(async () => {
    ;({ older, log: before } = await stored(kind, NOW, [...BROKEN, ...SOUND]))
    ;({ server, warnings } = await upgraded(kind, older))
  })
  afterAll(async () => {
    await server.close()
    await rm(older.dataDir, { recursive: true, force: true })
  })

  it('names its findings and repairs, and no vehicle that agrees', () => {
    expect(warnings).toEqual([
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle asked, sharing asked-1: .*end_requested_by partner instead of none$/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle both-scheduled, sharing both-scheduled-2: .*both-scheduled-1.*called off as of/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle both-scheduled, sharing both-scheduled-2: .*cancelled_at .* instead of none/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle both-started, sharing both-started-1: .*both-started-2.*: ended as of/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle both-started, sharing both-started-1: .*ended_at .* instead of none/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle command, command command-1: .*SUCCEEDED instead of DISPATCHED$/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle moved, sharing moved-1: .*ends_at .* instead of /,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle unseen, sharing unseen-1: .*unseen-2.*: called off as of/,
      ),
      expect.stringMatching(
        /^20261128000000_constraint_without_predicate: vehicle unseen, sharing unseen-1: .*cancelled_at .* instead of none/,
      ),
    ])
  })

  it('has lost nothing of its log, and both parties read the repair there', async () => {
    const { services } = server.app
    const after = await services.query<object>({ name: 'whole_log', text: LOG }, [])
    const plain = (rows: readonly object[]): unknown => JSON.parse(JSON.stringify(rows))
    expect(plain(after.slice(0, before.length))).toEqual(plain(before))

    const token = (fleet: string) => server.token(fleet, 'manager')
    // Of what waited the announcer says within a second that it has come.
    const settled = async (): Promise<SeenEvent[]> => {
      const events = await readAll(server.url, await token('owner'))
      return ['waits', 'passed-over'].every((name) => of(events, name).includes('SHARING_ENDED')) ? events : settled()
    }
    const owner = await settled()
    const partner = await readAll(server.url, await token('partner'))
    const other = await readAll(server.url, await token('other'))
    for (const events of [owner, partner]) {
      expect(of(events, 'waits')).toEqual(['SHARING_SCHEDULED', 'SHARING_STARTED', 'SHARING_ENDED'])
      expect(of(events, 'passed-over')).toEqual(['SHARING_SCHEDULED', 'SHARING_STARTED', 'SHARING_ENDED'])
      const [ended] = events.filter(({ sharing, type }) => sharing?.id === 'both-started-1' && type === 'SHARING_ENDED')
      expect(ended).toMatchObject({ endReason: 'ENDED_BY_OWNER', requestId: null })
      expect(ended?.occurredAt).toBe(new Date(NOW - 50 * 60_000).toISOString())
      const [unseen] = events.filter(({ sharing, type }) => sharing?.id === 'unseen-1' && type === 'SHARING_CANCELLED')
      expect(unseen).toMatchObject({ endReason: 'CANCELLED_BY_OWNER', requestId: null })
      expect(unseen?.occurredAt).toBe(new Date(NOW - 100 * 60_000 - 1).toISOString())
    }
    for (const events of [owner, other]) {
      expect(of(events, 'both-scheduled').at(-1)).toBe('SHARING_CANCELLED')
    }
    expect(of(partner, 'both-scheduled')).toEqual(['SHARING_SCHEDULED'])
  })

  it('serves these vehicles', async () => {
    const { url } = server
    const [owner, partner] = [await server.token('owner', 'manager'), await server.token('partner', 'manager')]
    const input = (vehicleId: string) => ({ vehicleId })
    // The end stands where its owner was told that it does.
    expect(await run(url, owner, 'updateSharingEnd', { ...input('moved'), endsAt: inHours(3) })).toMatchObject({
      sharing: { id: 'moved-1', endsAt: expect.any(String) },
    })
    expect(await run(url, partner, 'endSharing', input('moved'))).toMatchObject({ sharing: { phase: 'ENDED' } })
    for (const vehicleId of ['both-started', 'unseen']) {
      expect(await run(url, owner, 'endSharing', input(vehicleId))).toMatchObject({ sharing: { phase: 'ENDED' } })
    }
    for (const vehicleId of ['both-started', 'unseen', 'passed-over', 'command', 'waits']) {
      const started = await run(url, owner, 'startSharing', { ...input(vehicleId), fleetId: 'partner' })
      expect(started).toMatchObject({ __typename: 'StartSharingSuccess', sharing: { phase: 'ACTIVE' } })
    }
    const refused = { startsAt: inHours(1.5), endsAt: inHours(4), fleetId: 'partner' }
    expect(await run(url, owner, 'startSharing', { ...input('both-scheduled'), ...refused })).toMatchObject({
      code: 'ALREADY_SHARED',
      conflict: { id: 'both-scheduled-1' },
    })
  })

  it('has a constraint that holds, and agrees', async () => {
    const insert = `INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, start_recorded, created_at)
      VALUES ($1, 'both-scheduled', 'owner', 'partner', now(), FALSE, now())`
    const overlapping = server.app.services.query({ name: 'overlapping', text: insert }, [randomUUID()])
    await expect(overlapping).rejects.toThrow('sharing_one_at_a_time')
    await server.close()
    expect((await disagreements(older)).map(({ line }) => line)).toEqual([])
  })
})

it.each(DATABASE_KINDS)('a sound database of version 0.1.0 on %s is not touched, and nothing is said', async (kind) => {
  const { older, log } = await stored(kind, Date.now(), ['in-force', 'over'])
  const read = async () => {
    const { sql, close } = await openSql(older)
    const text = `SELECT (SELECT jsonb_agg(v ORDER BY v.id) FROM vehicle AS v) AS vehicles,
      (SELECT jsonb_agg(s ORDER BY s.id) FROM sharing AS s) AS sharings`
    const rows = await sql.query<object>({ name: '', text }, [])
    const events = await sql.query<object>({ name: '', text: LOG }, [])
    await close()
    return { rows, events }
  }
  const { rows } = await read()
  const { server, warnings } = await upgraded(kind, older)
  await server.close()
  expect(warnings).toEqual([])
  const after = await read()
  // Columns that are new have come to the rows, and nothing else.
  expect(after.rows).toMatchObject(rows)
  expect(after.events).toEqual(log)
  await rm(older.dataDir, { recursive: true, force: true })
})

it('repairs the writes of an instance of the version before while the log is read', async () => {
  const world = brokenWorlds(Date.now()).moved
  const { older } = await stored('postgres', Date.now(), ['in-force'])
  const url = older.databaseUrl ?? ''
  const opened = await openSql(older)
  await storeKept(opened.sql, { ...world, events: world.events.slice(0, 2) })
  const warnings: string[] = []
  let migrating: Promise<string[]> | undefined
  await opened.sql.transaction(async (tx) => {
    await runOn(tx)(`SELECT FROM vehicle WHERE id = 'moved' FOR UPDATE`)
    await runOn(
      tx,
    )(`INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, sharing_id, facts)
      VALUES ('SHARING_END_CHANGED', 'moved', 'owner', 'partner', now(), now(), 'moved-1', '{"endsAt": null, "endReason": null}')`)
    migrating = migratePostgres(url, { log: (level, line) => level === 'warn' && void warnings.push(line) })
    // It has read the log by then, and waits for this transaction.
    const waits = `SELECT FROM pg_locks WHERE relation = 'vehicle'::regclass AND mode = 'ExclusiveLock' AND NOT granted`
    while ((await tx.query({ name: '', text: waits }, [])).length === 0);
  })
  await opened.close()
  const [applied] = (await migrating) ?? []
  expect(applied).toBe('20261128000000_constraint_without_predicate')
  expect(warnings).toEqual([
    expect.stringMatching(
      /^20261128000000_constraint_without_predicate: vehicle moved, sharing moved-1: .*ends_at none instead of /,
    ),
  ])
})
