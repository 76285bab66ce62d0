import pg from 'pg'
import type { TestServer } from './server.ts'

/** A session of its own on a server's PostgreSQL. To be ended. */
export async function session({ settings }: TestServer): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: settings.databaseUrl ?? '' })
  await client.connect()
  return client
}

/** Resolves once so many sessions of the database wait for a lock. */
export async function waiting(client: pg.Client, count: number): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    if ((rows[0]?.waiting ?? 0) >= count) return
  }
}

/** Locks a vehicle's row, as a writer does that never commits. @returns lets go of it */
export async function holdVehicle(server: TestServer, vehicleId: string): Promise<() => Promise<void>> {
  const client = await session(server)
  await client.query('BEGIN')
  await client.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
  return () => client.end()
}
