import type { Command } from '../../domain/command.ts'
import type { Instant } from '../../domain/period.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { CommandEvent, Kept, SharingEvent } from '../../domain/verify/told.ts'
import type { Query } from '../database/statement.ts'
import { COMMAND } from '../tables/command.ts'
import { EVENT, loggedEvent } from '../tables/event.ts'
import type { Row } from '../tables/kinds.ts'
import { SHARING } from '../tables/sharing.ts'

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`

/**
 * All vehicles with their sharings, commands and the events of these, one JSON object for each row: sorted by the
 * database, on its disk where memory does not do, so that one vehicle after the other can be read.
 */
const WORLD = `DECLARE world NO SCROLL CURSOR FOR SELECT vehicle_id, kind, place, body FROM (
  SELECT v.id AS vehicle_id, 'vehicle' AS kind, 0::bigint AS place, to_jsonb(${ms('v.last_instant')}) AS body FROM vehicle AS v
  UNION ALL SELECT s.vehicle_id, 'sharing', 0, to_jsonb(s) FROM sharing AS s
  UNION ALL SELECT c.vehicle_id, 'command', 0, to_jsonb(c) FROM command AS c
  UNION ALL SELECT e.vehicle_id, 'asker', 0, jsonb_build_array(e.request_id, a.actor_id)
    FROM event AS e JOIN audit AS a ON a.request_id = e.request_id AND a.sharing_id = e.sharing_id
      AND a.vehicle_id = e.vehicle_id AND a.reader_id = e.owner_id AND a.refusal IS NULL
    WHERE e.type = 'SHARING_END_REQUESTED'
  UNION ALL SELECT e.vehicle_id, 'event', e.position, to_jsonb(e)
    FROM event AS e WHERE e.sharing_id IS NOT NULL OR e.command_id IS NOT NULL
) AS rows ORDER BY vehicle_id COLLATE "C", place`

type WorldRow = { readonly vehicle_id: string; readonly place: string } & (
  | { readonly kind: 'vehicle'; readonly body: Instant }
  | { readonly kind: 'sharing' | 'command' | 'event'; readonly body: Row }
  | { readonly kind: 'asker'; readonly body: readonly [requestId: string, fleetId: string] }
)

/** Positions are drawn a little later than instants are taken: so much older events may have been removed before others. */
const MARGIN_MS = 60_000

/** Since when all that was made is in the log from its beginning. */
const WHOLE_SINCE = `SELECT CASE
    WHEN NOT EXISTS (SELECT FROM pruned) THEN '-Infinity'::float8
    ELSE COALESCE((SELECT ${ms('recorded_at')} + ${MARGIN_MS} FROM event ORDER BY position LIMIT 1), 'Infinity'::float8)
  END AS since`

const ROWS_AT_ONCE = 1_000

/** Every row of these tables, past every index. For the rest of the transaction. */
export const PAST_INDEXES = {
  enable_seqscan: 'on',
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
} as const

export async function setLocally(query: Query, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await query({ name: '', text: `SET LOCAL ${name} = ${value}` }, [])
}

/**
 * One vehicle after the other, whatever there is of it, each as of the transaction's one snapshot; no more than one in memory,
 * and a thousand rows.
 */
export async function* readKept(query: Query): AsyncGenerator<Kept> {
  await setLocally(query, PAST_INDEXES)
  const [whole] = await query<{ since: number }>({ name: '', text: WHOLE_SINCE }, [])
  const wholeSince = whole?.since ?? -Infinity
  await query({ name: '', text: WORLD }, [])
  let kept = empty('', wholeSince)
  for (;;) {
    const rows = await query<WorldRow>({ name: '', text: `FETCH ${ROWS_AT_ONCE} FROM world` }, [])
    for (const row of rows) {
      if (row.vehicle_id !== kept.vehicleId) {
        if (kept.vehicleId !== '') yield kept
        kept = empty(row.vehicle_id, wholeSince)
      }
      add(kept, row)
    }
    if (rows.length < ROWS_AT_ONCE) break
  }
  if (kept.vehicleId !== '') yield kept
  await query({ name: '', text: 'CLOSE world' }, [])
}

type Filling = Omit<Kept, 'lastInstant' | 'sharings' | 'commands' | 'events' | 'askers'> & {
  lastInstant: Instant | null
  readonly sharings: Sharing[]
  readonly commands: Command[]
  readonly events: (SharingEvent | CommandEvent)[]
  readonly askers: Map<string, string>
}

const empty = (vehicleId: string, wholeSince: Instant): Filling => ({
  vehicleId,
  lastInstant: null,
  sharings: [],
  commands: [],
  events: [],
  askers: new Map(),
  wholeSince,
})

/** The row of a sharing, also of a database of before there were policies, when a start was recorded by a flag alone. */
const withPolicies = (row: Row): Row =>
  'started_at' in row
    ? row
    : {
        ...row,
        start_when_idle: false,
        end_when_idle: false,
        started_at: row['start_recorded'] === true ? row['starts_at'] : null,
      }

function add(kept: Filling, row: WorldRow): void {
  if (row.kind === 'vehicle') kept.lastInstant = row.body
  if (row.kind === 'sharing') kept.sharings.push(SHARING.fromJson(withPolicies(row.body)))
  if (row.kind === 'command') kept.commands.push(COMMAND.fromJson(row.body))
  if (row.kind === 'asker') kept.askers.set(...row.body)
  if (row.kind === 'event') {
    kept.events.push(
      loggedEvent(EVENT.fromJson(row.body), Number(row.place), row.body['tag'] as number | null) as
        SharingEvent | CommandEvent,
    )
  }
}
