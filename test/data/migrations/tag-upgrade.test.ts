import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../support/databases.ts'
import { insertEvents, connect, readAll } from '../../support/events.ts'
import { olderDatabase } from '../../support/older.ts'
import type { OlderDatabase } from '../../support/older.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** The last migration before events had tags. */
const BEFORE_TAGS = '20261128040000_pin_search_paths'

const STORED = `INSERT INTO fleet (id, name) VALUES ('owner', 'Owner');
  INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at, request_id)
    SELECT 'VEHICLE_CHANGED', 'car', 'owner', now(), now(), 'old ' || n FROM generate_series(0, 9) AS n;
  CREATE TABLE public.file AS SELECT pg_relation_filenode('event') AS node`

describe('a log of the version before, upgraded', () => {
  let older: OlderDatabase
  let server: TestServer
  let token: string
  const start = async () => {
    server = await startServer({ databaseUrl: older.databaseUrl ?? '', dataDir: older.dataDir })
    token = await server.token('owner', 'manager')
  }
  beforeAll(async () => {
    older = await olderDatabase('postgres', BEFORE_TAGS)
    await sql(older.databaseUrl ?? '', STORED)
    // A schema with a table of somebody else's would be refused; the mark is of no migration.
    await sql(older.databaseUrl ?? '', 'CREATE SCHEMA aside; ALTER TABLE public.file SET SCHEMA aside')
    await start()
  })
  afterAll(async () => {
    await server.close()
    await rm(older.dataDir, { recursive: true, force: true })
  })

  it('is not rewritten; new events have tags, also those of an instance that knows no tags', async () => {
    const { prisma } = server.app
    const [file] = await prisma.$queryRaw<
      [{ same: boolean }]
    >`SELECT node = pg_relation_filenode('event_0') AS same FROM aside.file`
    expect(file.same).toBe(true)
    const client = await connect(server)
    await insertEvents(client, 'new', { vehicleId: 'car', ownerId: 'owner' }, 1_000)
    await client.end()
    const rows = await prisma.event.findMany({ orderBy: { position: 'asc' }, select: { tag: true } })
    expect(new Set(rows.slice(0, 10).map(({ tag }) => tag))).toEqual(new Set([null]))
    const tags = rows.slice(10).map(({ tag }) => tag ?? 0)
    expect(tags.every((tag) => tag > 0)).toBe(true)
    expect(new Set(tags).size).toBeGreaterThan(990)
  })

  it('gives cursors for an hour that an instance of that version understands, and takes both kinds for ever', async () => {
    const { prisma } = server.app
    const first = await prisma.event.findFirst({ orderBy: { position: 'asc' } })
    const begin = Number(first?.position)
    const all = await readAll(server.url, token)
    const cursors = all.map(({ cursor }) => cursor)
    expect(cursors).toEqual(all.map((_, index) => prisma.event.cursor(begin + index)))
    await prisma.$executeRaw`UPDATE timeline SET opened_at = opened_at - interval '1 hour'`
    await server.close()
    await start()
    const later = await readAll(server.url, token)
    expect(later.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect(later.map(({ cursor }) => cursor)).toEqual(later.map(({ id }) => id))
    expect(later.slice(0, 10).map(({ cursor }) => cursor)).toEqual(cursors.slice(0, 10))
    for (const index of [3, 500]) {
      expect(later[index]?.cursor === cursors[index]).toBe(index < 10)
      for (const after of [later[index]?.cursor ?? '', cursors[index] ?? '']) {
        expect((await readAll(server.url, token, { after })).map(({ id }) => id)).toEqual(
          all.slice(index + 1).map(({ id }) => id),
        )
      }
    }
  })
})
