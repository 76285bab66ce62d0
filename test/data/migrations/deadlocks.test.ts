import type pg from 'pg'
import { expect, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { sql } from '../../support/databases.ts'
import { connect } from '../../support/migrations.ts'
import { olderDatabase } from '../../support/older.ts'

/** The next one locks the vehicles against writers, and then the row of each one. */
const BEFORE_SEARCH = '20261129100100_commands_by_status'
const STORED = `
  INSERT INTO fleet (id, name) VALUES ('owner', 'Owner');
  INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
    SELECT 'car' || n, 'owner', '{}', now(), now() FROM generate_series(1, 9) AS n`
/** The migration is to notice, and not the writer: no matter how slow this test is. */
const NOTICED_FIRST = '?options=-c%20deadlock_timeout%3D3s'
const NOTICED_LATER = `SET deadlock_timeout = '1min'`

it('a deadlock with a writer has a migration applied again, ahead of other writers', async () => {
  const url = (await olderDatabase('postgres', BEFORE_SEARCH)).databaseUrl ?? ''
  await sql(url, STORED)
  const [watcher, first, second] = [await connect(url), await connect(url), await connect(url)]
  /** As all writers do: the vehicle first. */
  const begin = async (writer: pg.Client, id: string) => {
    await writer.query(`${NOTICED_LATER}; BEGIN; SELECT FROM vehicle WHERE id = '${id}' FOR UPDATE`)
    const { rows } = await writer.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    return rows[0]?.pid
  }
  const isAwaited = async (pid: number | undefined) => {
    const waiting = `SELECT FROM pg_stat_activity WHERE application_name = 'fleetshare-migrate' AND $1 = ANY(pg_blocking_pids(pid))`
    while ((await watcher.query(waiting, [pid])).rowCount === 0);
  }
  const rename = (writer: pg.Client, id: string) =>
    writer.query(`UPDATE vehicle SET name = 'renamed ${id}' WHERE id = '${id}'; COMMIT`)
  const [one, nine] = [await begin(first, 'car1'), await begin(second, 'car9')]
  const again: string[] = []
  const migrating = migratePostgres(`${url}${NOTICED_FIRST}`, {
    log: (_level, line) => line.includes('applied again') && again.push(line),
  })
  await isAwaited(one)
  await rename(first, 'car1')
  await isAwaited(nine)
  await rename(second, 'car9')
  expect(await migrating).toContain('20261129100200_vehicle_search')
  expect(again).toHaveLength(1)
  const { rows } = await watcher.query(`SELECT vehicle_id AS id FROM vehicle_search WHERE text LIKE '%renamed%'`)
  expect(rows).toEqual(expect.arrayContaining([{ id: 'car1' }, { id: 'car9' }]))
})
