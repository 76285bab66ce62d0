import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { newDataDir, sql } from './support/databases.ts'
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
  const response = await fetch(`${url}/graphql`, { method: 'POST', body: '{}' })
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
