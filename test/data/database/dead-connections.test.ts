import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { giveUpSilent } from '../../../src/data/database/dead-connections.ts'
import { startProxy } from '../../histories/proxy.ts'
import { newPostgresDatabase } from '../../support/databases.ts'

const SILENCE_MS = 300

/** A pool whose way to PostgreSQL can hang. */
async function poolThroughProxy() {
  const url = new URL(await newPostgresDatabase(inject('postgresUrl')))
  const proxy = await startProxy(Number(url.port))
  url.host = new URL(proxy.url).host
  const pool = new pg.Pool({ connectionString: url.href, max: 1 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  giveUpSilent(pool, SILENCE_MS)
  onTestFinished(async () => {
    await pool.end()
    await proxy.close()
  })
  const backend = async () => (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
  return { pool, proxy, backend }
}

it('a connection that hangs under a statement is given up, and the next statement has another one', async () => {
  const { proxy, backend } = await poolThroughProxy()
  const first = await backend()
  const asked = backend()
  // Hangs until after the verdict, so that nothing but the silence can end it.
  const [verdict] = await Promise.all([asked.catch((error: unknown) => error), proxy.stall(3 * SILENCE_MS)])
  expect(verdict).toEqual(new Error('the connection to the database has gone silent'))
  expect(await backend()).not.toBe(first)
})

it('an unused connection may be silent, and is used again', async () => {
  const { pool, backend } = await poolThroughProxy()
  const first = await backend()
  const { promise: silent, resolve } = Promise.withResolvers<void>()
  const client = await pool.connect()
  client.connection.stream.once('timeout', resolve)
  client.release()
  await silent
  expect(await backend()).toBe(first)
})

it('a transaction that is heard of now and then goes on for longer', async () => {
  const { pool, backend } = await poolThroughProxy()
  const first = await backend()
  const client = await pool.connect()
  try {
    const begun = performance.now()
    while (performance.now() - begun < 2 * SILENCE_MS) await client.query('SELECT pg_sleep(0.05)')
  } finally {
    client.release()
  }
  expect(await backend()).toBe(first)
})
