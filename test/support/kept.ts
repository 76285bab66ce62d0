import type { Instant } from '../../src/domain/period.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import type { Kept } from '../../src/domain/verify/told.ts'
import type { Sql } from '../../src/data/database/statement.ts'

type Run = (text: string, ...values: readonly unknown[]) => Promise<void>

const iso = (at: Instant | null): string | null => (at === null ? null : new Date(at).toISOString())

/** Runs a statement without a result. */
export const runOn =
  ({ query }: Pick<Sql, 'query'>): Run =>
  async (text, ...values) =>
    void (await query({ name: '', text }, values))

/** The fleets of `aSharing()`, so that vehicles can be stored. */
export const storeFleets = (sql: Sql, ...ids: readonly string[]): Promise<void> =>
  runOn(sql)('INSERT INTO fleet (id, name) SELECT id, id FROM unnest($1::text[]) AS id', ids)

/**
 * Stores a vehicle with its rows and its part of the log as they are, agreeing or not: the exclusion constraint's index sees
 * none of the sharings, as if they had been lost from it. Needs a superuser.
 */
export async function storeKept(
  sql: Sql,
  { vehicleId, lastInstant, sharings, commands, events, askers }: Kept,
): Promise<void> {
  await sql.transaction(async (tx) => {
    const run = runOn(tx)
    await run(
      `INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
        VALUES ($1, 'owner', '{DRAW_ATTENTION}', $2, to_timestamp(0))`,
      vehicleId,
      iso(lastInstant ?? 0),
    )
    // Those that there are in the database's version.
    const [{ names } = { names: '' }] = await tx.query<{ names: string }>(WRITTEN, [])
    await losing(tx, 'sharing_one_at_a_time', () =>
      run(
        `INSERT INTO sharing (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::sharing, $1)`,
        json(sharings.map(columnsOf)),
      ),
    )
    await run(
      'INSERT INTO command SELECT * FROM jsonb_populate_recordset(NULL::command, $1)',
      json(commands.map(snakeOf)),
    )
    const columns =
      'type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, sharing_id, command_id, facts'
    await run(
      `INSERT INTO event (${columns}) SELECT ${columns}
        FROM jsonb_populate_recordset(NULL::event, $1) WITH ORDINALITY AS e ORDER BY e.ordinality`,
      json(events.map(snakeOf)),
    )
    for (const [requestId, fleetId] of askers) {
      const event = events.find((one) => one.requestId === requestId)
      await run(
        `INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, sharing_id, request_id)
          VALUES ('owner', $1, 'END_SHARING', $2, $3, $4, $5)`,
        iso(event?.recordedAt ?? 0),
        fleetId,
        vehicleId,
        event && 'sharingId' in event ? event.sharingId : null,
        requestId,
      )
    }
  })
}

/** Whatever is written meanwhile is lost from an index. */
export async function losing(sql: Pick<Sql, 'query'>, index: string, work: () => Promise<void>): Promise<void> {
  const setReady = (ready: boolean) =>
    runOn(sql)(`UPDATE pg_index SET indisready = $2 WHERE indexrelid = $1::text::regclass`, index, ready)
  await setReady(false)
  await work()
  await setReady(true)
}

const json = (rows: readonly object[]): string => JSON.stringify(rows)

const WRITTEN = {
  name: '',
  text: `SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
    WHERE table_name = 'sharing' AND is_generated = 'NEVER'`,
}

const columnsOf = (sharing: Sharing) => ({
  ...snakeOf(sharing),
  allowed_commands: sharing.allowedCommands ?? [],
  start_when_idle: sharing.startPolicy === 'WHEN_IDLE',
  end_when_idle: sharing.endPolicy === 'WHEN_IDLE',
  start_recorded: sharing.startedAt !== null,
})

const snakeOf = (row: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      /(At|Since|deadline)$/.test(key) ? iso(value as Instant | null) : value,
    ]),
  )
