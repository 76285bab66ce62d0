import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { explainStart } from '../src/start.ts'
import { newDataDir, newPostgresDatabase, sql } from './support/databases.ts'
import { startPostgres } from './support/postgres.ts'
import { startNode } from './support/process.ts'
import type { Program } from './support/process.ts'

async function dataDir(template: string | null): Promise<string> {
  const folder = await newDataDir(template)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function haltedPostgres() {
  const postgres = await startPostgres()
  onTestFinished(postgres.stop)
  await sql(`${postgres.url}/postgres`, 'CREATE DATABASE lent')
  await postgres.halt()
  return { postgres, DATABASE_URL: `${postgres.url}/lent` }
}

/** Where it answers while it waits, as its log says. */
const waitingAt = async (program: Program): Promise<string> =>
  (
    await program.line(/waits for its database, and answers \/health on (http:\S+): DATABASE_URL: nobody listens there/)
  )[1] ?? ''

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status

it('a server waits for its database, alive and not ready, and goes on where it said that it would be', async () => {
  const { postgres, DATABASE_URL } = await haltedPostgres()
  const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: await dataDir(null), DATABASE_URL })
  const url = await waitingAt(program)
  expect(await statusOf(`${url}/health`)).toBe(200)
  expect(await statusOf(`${url}/ready`)).toBe(503)
  const response = await fetch(`${url}/graphql`, { method: 'POST', body: '{}', headers: { 'X-Request-Id': 'early' } })
  expect(response.headers.get('x-request-id')).toBe('early')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect([response.status, await response.json()]).toMatchObject([
    503,
    { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] },
  ])
  await postgres.resume()
  await program.line(new RegExp(`FleetShare listens on ${url}/graphql`))
  expect(await statusOf(`${url}/ready`)).toBe(200)
  expect(program.lines.filter((line) => line.includes('waits for its database')).length).toBeLessThanOrEqual(2)
  expect(program.complaints).toEqual([])
})

it('a server that waits can be stopped', async () => {
  const { DATABASE_URL } = await haltedPostgres()
  const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: await dataDir(null), DATABASE_URL })
  await waitingAt(program)
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 0, signal: null })
})

it.each([
  ['src/main.ts', /^FleetShare cannot start: (.*)\.$/],
  ['src/cli/migrate.ts', /^npm run migrate: (.*)$/],
])('%s says in one line that a password is wrong, and ends', async (file, form) => {
  const url = new URL(inject('postgresUrl'))
  url.password = 'wrong'
  const program = startNode(file, { PORT: '0', DATABASE_URL: `${url.href}/lent`, NODE_ENV: 'test' })
  expect(await program.ended).toEqual({ code: 1, signal: null })
  const [line, ...more] = [...program.lines, ...program.complaints]
  expect(more).toEqual([])
  expect(line?.replace(/^.*FATAL[^:]*: /, '')).toMatch(form)
  expect(line).toMatch(/DATABASE_URL: does not take the password of "postgres"/)
})

/** A port on which another program listens. */
async function takenPort(): Promise<string> {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  return String((other.address() as AddressInfo).port)
}

it.each([
  ['/srv/data', true],
  ['/srv/data/postgres/PG_VERSION', true],
  ['/srv', true],
  ['/srv/data-of-another', false],
  ['/srv/dat', false],
])('an error at %s has to do with the DATA_DIR /srv/data: %s', (path, isExplained) => {
  const error = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path })
  const explained = explainStart(error, readSettings({ DATA_DIR: '/srv/data' }))
  if (isExplained) expect(explained).toMatchObject({ message: expect.stringMatching(/^DATA_DIR has to be/) as string })
  else expect(explained).toBe(error)
})

it.each<[string, RegExp, () => Promise<Record<string, string>>]>([
  ['PORT', /is in use by another program/, async () => ({ PORT: await takenPort() })],
  ['METRICS_PORT', /is in use by another program/, async () => ({ METRICS_PORT: await takenPort() })],
  ['HOST', /takes an address of this machine/, async () => ({ HOST: '192.0.2.1' })],
  ['HOST', /takes an address of this machine/, async () => ({ HOST: 'no host' })],
  ['DATA_DIR', /has to be a folder/, async () => ({ DATA_DIR: join(import.meta.dirname, 'start.test.ts') })],
  ['DATA_DIR', /has to be a folder/, async () => ({ DATA_DIR: '/proc/none/below' })],
  ['DATA_DIR', /has to be a folder/, async () => ({ DATA_DIR: '/proc/none/below', DATABASE_URL: '' })],
  ...['', '{}'].map((content): [string, RegExp, () => Promise<Record<string, string>>] => [
    'DATA_DIR',
    /has a file without a key, .*development-key\.json: remove it/,
    async () => {
      const DATA_DIR = await dataDir(null)
      await writeFile(join(DATA_DIR, 'development-key.json'), content)
      return { DATA_DIR }
    },
  ]),
])('a wrong %s that is found late stops the start with one line that names it: %s', async (name, why, settings) => {
  const DATABASE_URL = await newPostgresDatabase(inject('postgresUrl'))
  const usual = { PORT: '0', DATABASE_URL, DATA_DIR: await dataDir(null) }
  const program = startNode('src/main.ts', { ...usual, ...(await settings()) })
  expect(await program.ended).toEqual({ code: 1, signal: null })
  const [line, ...more] = [...program.lines, ...program.complaints]
  expect(more).toEqual([])
  expect(line).toMatch(new RegExp(`FleetShare cannot start: ${name} ${why.source}`))
})

it.each([
  ['nothing', Buffer.alloc(0)],
  ['NULs', Buffer.alloc(100)],
])('an embedded database starts where a power cut has left %s in the lock file of PostgreSQL', async (_, content) => {
  const folder = await dataDir(inject('embeddedTemplate'))
  for (const name of ['postgres/postmaster.pid', 'postgres.pid', 'postgres.lock'])
    await writeFile(join(folder, name), content)
  const program = startNode('src/main.ts', { PORT: '0', DATA_DIR: folder })
  await program.line(/FleetShare listens on/)
})
