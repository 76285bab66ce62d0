import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { post, run } from './support/api.ts'
import { newDataDir, sql } from './support/databases.ts'
import { follow, readAll } from './support/events.ts'
import { start } from './support/process.ts'
import { blocksOf, ROOT } from './support/readme.ts'
import { startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { timelines } from './support/set-back.ts'
import { HISTORY } from './support/sockets.ts'
import { querySql } from './support/snippets.ts'
import { findTools, startCluster } from './support/tools.ts'
import type { Cluster } from './support/tools.ts'
import { makeWorld } from './support/world.ts'

const TOOLS = await findTools()
if (TOOLS === null) {
  console.warn('SKIPPED: no PostgreSQL server with its tools is installed: docs/upgrade.md is not tested')
}

/** What makes the role and the database in Compose. */
const INIT = await readFile(join(ROOT, 'deploy/postgres-init.sh'), 'utf8')
const blocks = blocksOf(await readFile(join(ROOT, 'docs/upgrade.md'), 'utf8'))
const textsOf = (section: string, tag: string) =>
  blocks.filter((block) => block.section === section && block.tag === tag).map(({ text }) => text)

/** The machine of the database, with the role of the page, and its folder for backups. */
async function startMachine(settings = '') {
  const cluster = await startCluster(TOOLS ?? '')
  const localised = (text: string) => text.replaceAll('/backup', `${cluster.folder}/backup`)
  await cluster.shell('mkdir -p backup/wal')
  const own = `port = ${cluster.port}\nunix_socket_directories = '${cluster.folder}'\nfsync = off\n`
  await writeFile(join(cluster.folder, 'data/postgresql.conf'), own + localised(`${settings}\n`), { flag: 'a' })
  await cluster.shell('pg_ctl restart --wait --mode=fast --log=restart.log --options=""')
  await cluster.shell(`export POSTGRES_PASSWORD=secret\n${INIT}`)
  const urlOf = (database: string) => `postgresql://fleetshare:secret@127.0.0.1:${cluster.port}/${database}`
  return { cluster, urlOf, shell: (text: string) => cluster.shell(localised(text)) }
}

async function startOn(databaseUrl: string, dataDir?: string): Promise<TestServer> {
  const server = await startServer({ databaseUrl, ...(dataDir ? { dataDir } : {}) })
  onTestFinished(server.close)
  return server
}

describe.skipIf(TOOLS === null)('docs/upgrade.md', () => {
  it('dumps a database that is in use, and restores it for a role without superuser rights', async () => {
    const { cluster, urlOf, shell } = await startMachine()
    const dataDir = await newDataDir(null)
    const first = await startOn(urlOf('fleetshare'), dataDir)
    const world = await makeWorld(first)
    const vehicleId = await world.newVehicle()
    await run(first.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    const before = await readAll(first.url, world.as.owner)
    const rights = `SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS more FROM pg_roles
      WHERE rolname = current_user`
    expect(await querySql(urlOf('fleetshare'), rights)).toEqual([{ more: false }])
    for (const text of textsOf('Dump and restore', 'sh database')) await shell(text)
    const [verify = ''] = textsOf('Dump and restore', 'sh')
    const program = start('bash', ['-c', verify.replace('localhost:5432', `127.0.0.1:${cluster.port}`)])
    expect([await program.ended, program.complaints]).toEqual([{ code: 0, signal: null }, []])
    const second = await startOn(urlOf('restored'), dataDir)
    expect(await readAll(second.url, world.as.owner)).toEqual(before)
    await run(second.url, world.as.partner, 'endSharing', { vehicleId })
    const [changed = ''] = textsOf('Change keys', 'sql')
    await sql(`${cluster.url}/postgres`, changed)
  })

  it('goes back to a point in time, with a server that goes on, and tells clients what they lost', async () => {
    const [settings = ''] = textsOf('Restore to a point in time', 'ini')
    const { cluster, urlOf, shell } = await startMachine(settings)
    const server = await startOn(urlOf('fleetshare'))
    const world = await makeWorld(server)
    const { owner } = world.as
    const id = await world.newVehicle()
    const [backup = '', restore = ''] = textsOf('Restore to a point in time', 'sh database')
    await shell(backup)
    await run(server.url, owner, 'updateVehicle', { id, name: 'kept' })
    const kept = await readAll(server.url, owner)
    const [at] = (await querySql(`${cluster.url}/postgres`, 'SELECT now()::text AS now')) as { now: string }[]
    await run(server.url, owner, 'updateVehicle', { id, name: 'lost' })
    const lost = (await readAll(server.url, owner)).at(-1)
    await archiveAll(cluster)

    await shell(restore.replace('2026-11-28 18:00:00+00', at?.now ?? ''))
    const ready = async () => (await fetch(`${server.url}/ready`)).status
    await expect.poll(ready, { timeout: 20_000 }).toBe(200)
    expect((await readAll(server.url, owner)).map((event) => event.id)).toEqual(kept.map((event) => event.id))
    const code = async (after: string | undefined) =>
      (await post(server.url, owner, HISTORY, { after })).errors?.[0]?.extensions.code ?? 'good'
    expect([await code(kept.at(-1)?.cursor), await code(lost?.cursor)]).toEqual(['good', 'CURSOR_EXPIRED'])
    const follower = await follow(server.url, owner, { after: kept.at(-1)?.cursor ?? null })
    await run(server.url, owner, 'updateVehicle', { id, name: 'new' })
    const [event] = await follower.events(1)
    expect(event).toMatchObject({ type: 'VEHICLE_CHANGED', vehicleId: id })
    expect([...kept, lost].map((old) => old?.id)).not.toContain(event?.id)
    follower.stop()
    expect(await timelines(server)).toBe(1)
  })
})

/** Resolves once the log of all that was committed is in the archive. */
async function archiveAll({ url }: Cluster): Promise<void> {
  const query = (text: string) => querySql(`${url}/postgres`, text) as Promise<{ file: string | null }[]>
  const [last] = await query('SELECT pg_walfile_name(pg_switch_wal()) AS file')
  const archived = async () => (await query('SELECT last_archived_wal AS file FROM pg_stat_archiver'))[0]?.file ?? ''
  await expect.poll(async () => (await archived()) >= (last?.file ?? ''), { timeout: 20_000 }).toBe(true)
}

it('docs/upgrade.md has no snippet that no test runs', () => {
  const tested = [
    ['Dump and restore', 'sh database', 2],
    ['Dump and restore', 'sh', 1],
    ['Restore to a point in time', 'ini', 1],
    ['Restore to a point in time', 'sh database', 2],
    ['Change keys', 'sql', 1],
  ] as const
  for (const [section, tag, count] of tested) expect(textsOf(section, tag)).toHaveLength(count)
  expect(blocks).toHaveLength(tested.reduce((sum, [, , count]) => sum + count, 0))
})
