import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { ask, mutations, post, run } from './support/api.ts'
import { newDataDir, newName, sql } from './support/databases.ts'
import { placeBefore } from './support/following.ts'
import { isRunning, start, startNode } from './support/process.ts'
import type { Program } from './support/process.ts'
import { openAcknowledged } from './support/raw.ts'
import { FOLLOW, HISTORY, subscribe } from './support/sockets.ts'
import { developmentToken } from '../src/server/auth/keys.ts'
import { readSettings } from '../src/settings.ts'
import { VERSION } from '../src/version.ts'

const [OWNER, PARTNER] = ['78LMK', 'DE3P4']

async function dataDir(template: string | null = inject('embeddedTemplate')): Promise<string> {
  const folder = await newDataDir(template)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Where it listens, as its log says. */
const urlOf = async (program: Program): Promise<string> =>
  (await program.line(/FleetShare listens on (http:\S+)\/graphql/))[1] ?? ''

const managerOf = (folder: string, fleetId = OWNER) =>
  developmentToken(readSettings({ DATA_DIR: folder }), fleetId, ['manager'], 600)

/** Refused, or told that it is not ready: whatever comes first when a process stops. */
const readiness = (url: string): Promise<number | 'refused'> =>
  fetch(`${url}/ready`).then(
    ({ status }) => status,
    () => 'refused' as const,
  )

/** How it ended. @throws when that takes more than 10 s */
async function endWithin10s(program: Program) {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it runs on')), 10_000)
  })
  try {
    return await Promise.race([program.ended, late])
  } finally {
    clearTimeout(timer)
  }
}

describe('a process on an empty data directory', () => {
  it('says first where it listens, and serves the demo world', async () => {
    const folder = await dataDir(null)
    const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: folder })
    const url = await urlOf(program)
    expect(program.lines[0]).toContain(`${url}/graphql`)
    expect(program.lines[0]).toContain(`${url}/console`)
    expect(program.lines[0]).toContain(`version ${VERSION}`)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await readiness(url)).toBe(200)

    const query = `{ viewer { fleet { name } roles } vehicle(id: "FK852") { id fleet { id } }
      sharingPartners { nodes { id name } } vehicles(first: 100) { nodes { id } } }`
    const data = await ask(url, await managerOf(folder), query)
    expect(data).toMatchObject({
      viewer: { fleet: { name: 'ShareOne' }, roles: ['MANAGER'] },
      vehicle: { id: 'FK852', fleet: { id: OWNER } },
      sharingPartners: { nodes: [{ id: PARTNER, name: 'ShareTwo' }] },
    })
    expect(data.vehicles.nodes.length).toBeGreaterThan(10)
    expect((await ask(url, await managerOf(folder, PARTNER), query)).vehicle).toBeNull()

    // As the README says, banner of npm and all.
    const npm = start('npm', ['run', 'token', '--', '--role', 'Admin'], { DATA_DIR: folder })
    expect(await npm.ended).toEqual({ code: 0, signal: null })
    const { fleets } = await ask(url, npm.lines.at(-1) ?? '', '{ fleets { nodes { id } } }')
    expect(fleets.nodes).toEqual(expect.arrayContaining([{ id: OWNER }, { id: PARTNER }]))
    expect(program.complaints).toEqual([])
  })
})

describe('npm run token', () => {
  it('says why it makes no token, and how it would', async () => {
    const program = startNode('src/cli/token.ts', { DATA_DIR: await dataDir() }, '--role', 'boss')
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(program.complaints[0]).toMatch(/boss is not a role/)
    expect(program.complaints.join('\n')).toContain('npm run token -- --fleet 78LMK --role manager')
    expect(program.lines).toEqual([])
  })
})

describe('a process that gets a signal to stop', () => {
  it.each<[string, (env: Readonly<Record<string, string>>) => Program]>([
    ['node', (env) => startNode('src/main.ts', env)],
    ['npm start', (env) => start('npm', ['start'], env)],
  ])('by SIGTERM to %s closes subscriptions with 1001 and ends with 0, leaving nothing running', async (_, begin) => {
    const folder = await dataDir()
    const program = begin({ PORT: '0', DATA_DIR: folder })
    const [url, token] = [await urlOf(program), await managerOf(folder)]
    const { after } = await placeBefore(url, token)
    const follow = await subscribe(url, token, FOLLOW, { after })
    await follow.received(1)
    program.child.kill('SIGTERM')
    expect(await follow.ended).toMatchObject({ code: 1001 })
    expect([503, 'refused']).toContain(await readiness(url))
    expect(await endWithin10s(program)).toEqual({ code: 0, signal: null })
    expect(isRunning(program)).toBe(false)
  })

  it('by SIGTERM serves on for SHUTDOWN_DELAY_SECONDS, not ready, unless Ctrl-C ends that', async () => {
    const folder = await dataDir()
    const env = { PORT: '0', DATA_DIR: folder, SHUTDOWN_DELAY_SECONDS: '300' }
    const program = startNode('src/main.ts', env)
    const [url, token] = [await urlOf(program), await managerOf(folder)]
    program.child.kill('SIGTERM')
    await program.line(/SIGTERM: \/ready answers 503, and the server drains in 300 s/)
    expect(await readiness(url)).toBe(503)
    expect((await run(url, token, 'createVehicle', {})).vehicle.id).toMatch(/\w/)
    program.child.kill('SIGTERM')
    expect(await readiness(url)).toBe(503)
    program.child.kill('SIGINT')
    expect(await endWithin10s(program)).toEqual({ code: 0, signal: null })
  })

  it('by SIGINT does the same, and does not wait for a client that takes no notice', async () => {
    const folder = await dataDir()
    const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: folder })
    const { socket } = await openAcknowledged(await urlOf(program), await managerOf(folder))
    socket.pause()
    program.child.kill('SIGINT')
    expect(await endWithin10s(program)).toEqual({ code: 0, signal: null })
    expect(isRunning(program)).toBe(false)
    socket.terminate()
  })
})

describe('a data directory', () => {
  it('that a killed process has left is taken over', async () => {
    const folder = await dataDir()
    // No process has the highest id that there is room for.
    await writeFile(join(folder, 'postgres.pid'), '4194304')
    const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: folder })
    expect(await readiness(await urlOf(program))).toBe(200)
    expect(await readFile(join(folder, 'postgres.pid'), 'utf8')).toBe(String(program.child.pid))
    expect((await readdir(folder)).filter((name) => name.startsWith('postgres.pid.'))).toEqual([])
  })

  it('is for one process at a time, and keeps all that was answered when that one is killed', async () => {
    const folder = await dataDir()
    const env = { PORT: '0', DATA_DIR: folder }
    const program = startNode('src/main.ts', env)
    const [url, token] = [await urlOf(program), await managerOf(folder)]

    const second = startNode('src/main.ts', env)
    expect(await second.ended).toEqual({ code: 1, signal: null })
    const said = [...second.lines, ...second.complaints].join('\n')
    expect(said).toContain(`in use by process ${program.child.pid}`)
    expect(said).not.toContain('listens on')

    const input = { vehicleId: 'FK852', fleetId: PARTNER }
    const { data } = await post(url, token, mutations.startSharing, { input }, { 'X-Request-Id': 'before-the-kill' })
    program.child.kill('SIGKILL')
    const { id } = data.startSharing.sharing
    expect(await program.ended).toEqual({ code: null, signal: 'SIGKILL' })

    const again = await urlOf(startNode('src/main.ts', env))
    const query = '{ vehicle(id: "FK852") { sharing { id phase partner { id } } } }'
    expect(await ask(again, token, query)).toEqual({
      vehicle: { sharing: { id, phase: 'ACTIVE', partner: { id: PARTNER } } },
    })
    const filter = { vehicleIds: ['FK852'], types: ['SHARING_STARTED'] }
    const { vehicleEvents } = await ask(again, token, HISTORY, { filter })
    expect(vehicleEvents.nodes).toMatchObject([{ sharing: { id }, requestId: 'before-the-kill' }])
  })
})

describe('two processes', () => {
  it('may start at once on one empty PostgreSQL database: the migrations are applied once', async () => {
    const name = newName('empty')
    await sql(`${inject('postgresUrl')}/postgres`, `CREATE DATABASE ${name}`)
    const env = { PORT: '0', DATA_DIR: await dataDir(null), DATABASE_URL: `${inject('postgresUrl')}/${name}` }
    const programs = [startNode('src/main.ts', env), startNode('src/main.ts', env)]
    const urls = await Promise.all(programs.map((program) => urlOf(program)))
    const token = await managerOf(env.DATA_DIR)
    const { vehicle } = await run(urls[0] ?? '', token, 'createVehicle', { name: 'seen by both' })
    const query = 'query ($id: ID!) { vehicle(id: $id) { name } }'
    for (const url of urls) {
      expect(await readiness(url)).toBe(200)
      expect(await ask(url, token, query, { id: vehicle.id })).toEqual({ vehicle: { name: 'seen by both' } })
    }
    const client = new pg.Client({ connectionString: env.DATABASE_URL })
    await client.connect()
    const applied = await client.query(
      `SELECT migration_name, count(*)::int AS times, bool_and(finished_at IS NOT NULL AND rolled_back_at IS NULL) AS done
        FROM _prisma_migrations GROUP BY migration_name`,
    )
    expect(applied.rows.length).toBeGreaterThan(0)
    for (const row of applied.rows) expect(row).toMatchObject({ times: 1, done: true })
    const fleets = await client.query('SELECT id FROM fleet ORDER BY id')
    expect(fleets.rows).toEqual([{ id: OWNER }, { id: PARTNER }, { id: 'Q7X2B' }])
    await client.end()
  })
})
