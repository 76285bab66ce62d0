import { timestamp } from '../database/statement.ts'
import type { Query, Statement } from '../database/statement.ts'
import type { LoggedEvent, NewEvent } from '../../domain/log/event.ts'
import { IS_OPEN } from '../queries/open-vehicles.ts'
import { COMMAND } from '../tables/command.ts'
import { EVENT, rowOf } from '../tables/event.ts'
import { SHARING } from '../tables/sharing.ts'
import type { Arrays } from '../tables/table.ts'
import type { Decision } from '../services.ts'

/**
 * Vehicles that nobody holds a lock of, in the order of their ids, and of these the ones that are still as they were read. Nothing
 * waits here, so that one vehicle does not hold up the others, and two statements cannot deadlock.
 */
const KEPT = `free AS MATERIALIZED (
    SELECT v.id, w.at, w.version, w.valid_until, w.ends_use
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::boolean[])
      AS w (id, at, version, valid_until, ends_use)
      JOIN vehicle AS v ON v.id = w.id
    ORDER BY v.id FOR UPDATE OF v SKIP LOCKED),
  kept AS (UPDATE vehicle AS v SET last_instant = free.at, use = CASE WHEN free.ends_use THEN NULL ELSE v.use END FROM free
    WHERE v.id = free.id AND (free.version IS NULL OR v.xmin::text = free.version)
      AND (free.valid_until IS NULL OR clock_timestamp() < free.valid_until)
    RETURNING v.id, free.valid_until)`

const OF_KEPT = 'vehicle_id IN (SELECT id FROM kept)'

const SHARINGS = SHARING.arrays(['id', 'vehicleId'])
const COMMANDS = COMMAND.arrays(['id', 'vehicleId'])
const EVENTS = EVENT.arrays([])
/** The first parameters of the changed sharings, the changed commands and the events. */
const FROM_SHARINGS = 6
const FROM_COMMANDS = FROM_SHARINGS + SHARINGS.count
const FROM_EVENTS = FROM_COMMANDS + COMMANDS.count

const named = (rows: Arrays<never>, from: number) =>
  `(SELECT count(*) FROM ${rows.unnest(from, ['vehicle_id'])} AS n (vehicle_id) WHERE n.${OF_KEPT})::int`

/**
 * As the statements of commit.ts, for many vehicles. A changed row is one of its vehicle's open ones. No part is joined with another:
 * PostgreSQL takes each for a row or two, and would compare a thousand with a thousand.
 */
const SAVE_SET: Statement = {
  name: 'save_set',
  text: `WITH ${KEPT},
    changed_sharings AS (UPDATE sharing AS s SET ${SHARING.assignments('n')} FROM ${SHARINGS.unnest(FROM_SHARINGS)} AS n (${SHARINGS.names})
      WHERE s.vehicle_id = n.vehicle_id AND s.id = n.id AND ${IS_OPEN} AND n.${OF_KEPT} RETURNING 1),
    changed_commands AS (UPDATE command AS c SET ${COMMAND.assignments('n')} FROM ${COMMANDS.unnest(FROM_COMMANDS)} AS n (${COMMANDS.names})
      WHERE c.vehicle_id = n.vehicle_id AND c.id = n.id AND c.status IN ('PENDING', 'DISPATCHED') AND n.${OF_KEPT} RETURNING 1),
    appended AS (INSERT INTO event (${EVENT.names})
      SELECT ${EVENT.names} FROM ${EVENTS.unnest(FROM_EVENTS)} WITH ORDINALITY AS e (${EVENTS.names}, ordinality)
      WHERE e.${OF_KEPT} ORDER BY e.ordinality RETURNING position, tag, vehicle_id),
    demanded AS (SELECT demand_rows((SELECT min(valid_until) FROM kept), ARRAY['sharings', 'commands', 'events'],
      ARRAY[(SELECT count(*) FROM changed_sharings), (SELECT count(*) FROM changed_commands), (SELECT count(*) FROM appended)],
      ARRAY[${named(SHARINGS, FROM_SHARINGS)}, ${named(COMMANDS, FROM_COMMANDS)}, ${named(EVENTS, FROM_EVENTS)}]) AS holds)
    SELECT * FROM (SELECT position, tag, vehicle_id FROM appended UNION ALL SELECT NULL, NULL, id FROM kept) AS w
    WHERE (SELECT holds FROM demanded) ORDER BY position`,
}

/** The events by position, then each vehicle that was written, without one. */
export type PositionRow = {
  readonly position: string | null
  readonly tag: number
  readonly vehicle_id: string
}

/**
 * Writes decisions on several vehicles in one statement, each with its instant, its changed sharings and commands and its events.
 * A vehicle that has changed, that somebody holds, or whose validUntil has passed is left out.
 * @param decisions have a version each, unless the transaction holds the vehicle's lock, no new rows, no use that is set, and no requester
 * @returns the events of each vehicle that was written, by its id
 * @throws the errors of demand_rows(), then nothing is written
 */
export async function saveSet(
  query: Query,
  decisions: readonly Decision[],
): Promise<ReadonlyMap<string, readonly LoggedEvent[]>> {
  const events = decisions.flatMap((decision) => decision.events)
  const rows = await query<PositionRow>(SAVE_SET, [
    decisions.map(({ vehicle }) => vehicle.id),
    decisions.map(({ moment }) => timestamp(moment.at)),
    decisions.map(({ version }) => version),
    decisions.map(({ validUntil }) => (validUntil === null ? null : timestamp(validUntil))),
    decisions.map(({ changes }) => changes.use === null),
    ...SHARINGS.values(decisions.flatMap(({ changes }) => [...changes.sharings.values()].map(({ row }) => row))),
    ...COMMANDS.values(decisions.flatMap(({ changes }) => [...changes.commands.values()].map(({ row }) => row))),
    ...EVENTS.values(events.map(rowOf)),
  ])
  return writtenBy(rows, events)
}

/**
 * @param rows as PostgreSQL sent them: with positions in the order of the events
 * @returns the events of each vehicle that was written, by its id
 */
export function writtenBy(
  rows: readonly PositionRow[],
  events: readonly NewEvent[],
): ReadonlyMap<string, readonly LoggedEvent[]> {
  const written = new Map<string, LoggedEvent[]>()
  for (const { vehicle_id: id } of rows) written.set(id, [])
  let next = 0
  for (const event of events) {
    const logged = written.get(event.vehicleId)
    const row = logged && rows[next++]
    if (row && row.position !== null) logged.push({ ...event, position: Number(row.position), tag: row.tag })
  }
  return written
}
