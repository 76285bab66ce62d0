import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { postgresSql } from '../../../src/data/database/statement.ts'
import { newPostgresDatabase } from '../../support/databases.ts'

async function openPool() {
  const pool = new pg.Pool({ connectionString: await newPostgresDatabase(inject('postgresUrl')), max: 1 })
  pool.on('connect', (client) => client.on('error', () => {}))
  onTestFinished(() => pool.end())
  const { query } = postgresSql(pool, true)
  const backend = async () =>
    (await query<{ pid: number }>({ name: 'pid', text: 'SELECT pg_backend_pid() AS pid' }, []))[0]?.pid
  return { pool, query, backend }
}

const LOCK_TIMEOUT = { name: 'lock', text: `DO $$ BEGIN RAISE lock_not_available; END $$` }

it('a statement fails once its transaction is over, and its locks with it', async () => {
  const { pool, query } = await openPool()
  // Long in being undone, so that the error and the end of the transaction come apart.
  await pool.query(`CREATE TABLE many (id INT);
    CREATE FUNCTION fail() RETURNS VOID LANGUAGE plpgsql AS $$
      BEGIN
        FOR n IN 1 .. 50000 LOOP
          BEGIN
            INSERT INTO many VALUES (n);
          EXCEPTION WHEN division_by_zero THEN NULL;
          END;
        END LOOP;
        RAISE lock_not_available;
      END $$`)
  const client = await pool.connect()
  const order: string[] = []
  client.connection.on('errorMessage', () => order.push('error'))
  client.connection.on('readyForQuery', () => order.push('transaction over'))
  client.release()
  await query({ name: 'fail', text: 'SELECT fail()' }, []).catch(() => order.push('failed'))
  expect(order.slice(0, 2)).toEqual(['error', 'transaction over'])
  expect(order.at(-1)).toBe('failed')
})

it('a statement that waited too long for a lock keeps its connection', async () => {
  const { query, backend } = await openPool()
  const before = await backend()
  await expect(query(LOCK_TIMEOUT, [])).rejects.toMatchObject({ code: '55P03' })
  expect(await backend()).toBe(before)
})

it('any other failure closes the connection, for a prepared statement may be of no use any more', async () => {
  const { query, backend } = await openPool()
  const before = await backend()
  await expect(query({ name: 'divide', text: 'SELECT 1 / 0' }, [])).rejects.toMatchObject({ code: '22012' })
  expect(await backend()).not.toBe(before)
})

it('a statement with a value that cannot be sent fails once, and gives its connection back once', async () => {
  const { pool, query } = await openPool()
  const released: (Error | boolean | undefined)[] = []
  pool.on('release', (error) => released.push(error))
  const value: { self?: object } = {}
  value.self = value
  const sending = query({ name: 'value', text: 'SELECT $1::text AS value' }, [value])
  await expect(sending).rejects.toThrow(/circular/)
  expect(released).toHaveLength(1)
  expect(await query({ name: 'one', text: 'SELECT 1 AS one' }, [])).toEqual([{ one: 1 }])
})
