import { expect, inject, it } from 'vitest'
import { openDatabase } from '../../../src/data/connection/open.ts'
import type { Connection } from '../../../src/data/connection/open.ts'
import { isUnavailable } from '../../../src/data/database/unavailable.ts'
import { newPostgresDatabase } from '../../support/databases.ts'
import { waiting } from '../../support/locks.ts'
import { connect } from '../../support/migrations.ts'

const ONE = { name: 'one', text: 'SELECT 1 AS one' }
/** How long a statement waits for a connection. Milliseconds. */
const CONNECT_MS = 10_000
const HELD = { name: 'held', text: 'SELECT pg_advisory_xact_lock_shared(7)' }

/** Of these the pool has two connections. */
const CASES: readonly (readonly [string, (connection: Connection) => Promise<unknown>])[] = [
  ['a statement', ({ query }) => query(ONE, [])],
  ['a transaction', ({ transaction }) => transaction(({ query }) => query(ONE, []))],
  ['a statement that may wait for a lock', ({ query }) => query({ ...ONE, waits: 'row' }, [])],
  ['one that may wait for many', ({ query }) => query({ ...ONE, waits: 'rows' }, [])],
  ["one of Prisma's", ({ prisma }) => prisma.fleet.findMany()],
  ["a transaction of Prisma's", ({ prisma }) => prisma.$transaction((tx) => tx.fleet.findMany())],
]

it('what waits for a connection is refused as the pool ends, before the statements that hold them', async () => {
  const url = await newPostgresDatabase(inject('postgresUrl'))
  const other = await connect(url)
  await other.query('SELECT pg_advisory_lock(7)')
  const connection = await openDatabase({ databaseUrl: url, dataDir: '', poolSize: 2 })
  const order: string[] = []
  const holding = [HELD, { ...HELD, name: 'held too', waits: 'row' } as const].map(async (statement) => {
    await connection.query(statement, [])
    order.push('held')
  })
  await waiting(other, 2)
  const refused = CASES.map(async ([what, run]) => {
    const failed = await run(connection).catch((error: unknown) => error)
    order.push(what)
    expect([what, isUnavailable(failed)]).toEqual([what, true])
  })
  await expect.poll(() => connection.pool?.waitingCount).toBe(3)
  const begun = performance.now()
  const closed = connection.close()
  await Promise.all(refused)
  expect(performance.now() - begun).toBeLessThan(CONNECT_MS / 2)
  await other.query('SELECT pg_advisory_unlock(7)')
  await Promise.all(holding)
  await closed
  expect(order.slice(CASES.length)).toEqual(['held', 'held'])
  expect(isUnavailable(await connection.query(ONE, []).catch((error: unknown) => error))).toBe(true)
})
