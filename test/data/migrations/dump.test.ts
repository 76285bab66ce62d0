import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { run } from '../../support/api.ts'
import { newDataDir, sql } from '../../support/databases.ts'
import { readAll } from '../../support/events.ts'
import { connect } from '../../support/migrations.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { findTools, startCluster } from '../../support/tools.ts'
import { makeWorld } from '../../support/world.ts'

const TOOLS = await findTools()
if (TOOLS === null) {
  console.warn('SKIPPED: no PostgreSQL server with its pg_dump is installed: dump and restore are not tested')
}

/** Every table, so that nothing but what is restored is left. */
const EMPTY = `DO $$ BEGIN EXECUTE (
  SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'); END $$`

it.skipIf(TOOLS === null).each(['whole', 'data only'])('a dump restored, %s, is the same world', async (kind) => {
  const cluster = await startCluster(TOOLS ?? '')
  await sql(`${cluster.url}/postgres`, 'CREATE DATABASE source')
  await sql(`${cluster.url}/postgres`, 'CREATE DATABASE target')
  const source = `${cluster.url}/source`
  const target = `${cluster.url}/target`
  const dataDir = await newDataDir(null)
  const first = await startServer({ databaseUrl: source, dataDir })
  const world = await makeWorld(first)
  const shared = await world.newVehicle({ name: 'shared' })
  await run(first.url, world.as.owner, 'startSharing', { vehicleId: shared, fleetId: world.partner })
  await run(first.url, world.as.partner, 'endSharing', { vehicleId: shared })
  const pages = (server: TestServer) =>
    Promise.all([world.as.owner, world.as.partner].map((token) => readAll(server.url, token, { first: 2 })))
  const before = await pages(first)
  expect(before.map((events) => events.length)).toEqual([3, 2])
  await first.close()

  const dump = join(cluster.folder, 'dump')
  const options = kind === 'whole' ? [] : ['--data-only']
  if (kind === 'data only') {
    await migratePostgres(target)
    await sql(target, EMPTY)
  }
  // The partitions of the log are others there.
  await cluster.run('pg_dump', '-Fc', '-f', dump, ...options, '--load-via-partition-root', source)
  await cluster.run('pg_restore', '--exit-on-error', '-d', target, ...options, dump)

  expect(await countEvents(target)).toBe(await countEvents(source))
  expect(await migratePostgres(target)).toEqual([])
  const second = await startServer({ databaseUrl: target, dataDir })
  expect(await pages(second)).toEqual(before)
  await run(second.url, world.as.owner, 'startSharing', { vehicleId: shared, fleetId: world.partner })
  expect((await readAll(second.url, world.as.owner)).map(({ type }) => type)).toEqual([
    ...(before[0] ?? []).map(({ type }) => type),
    'SHARING_STARTED',
  ])
  await second.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function countEvents(url: string): Promise<number> {
  const { rows } = await (await connect(url)).query<{ count: number }>('SELECT count(*)::int AS count FROM event')
  return rows[0]?.count ?? 0
}
