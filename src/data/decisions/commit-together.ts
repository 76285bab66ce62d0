import type { LoggedEvent } from '../../domain/log/event.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import { timestamp } from '../database/statement.ts'
import type { Query } from '../database/statement.ts'
import { isLockTimeout, isUnavailable, sqlFailureOf } from '../database/unavailable.ts'
import { batched } from '../queries/batch.ts'
import type { CommitOptimistic, Decision } from '../services.ts'
import { EVENT } from '../tables/event.ts'
import { changing, eventsJson, newPartnerOf, PARTS, partsIn, rowsByPart, save, statementsFor } from './commit.ts'
import type { Part } from './commit.ts'
import { writtenBy } from './commit-set.ts'
import type { PositionRow } from './commit-set.ts'

/** Decisions in one statement: enough to share what a commit takes, few enough that nobody waits long for its own. */
const MOST = 32

/** The decisions, one row each; `more` has the use, the parties of a new sharing, and the number of rows in each part. */
const DECISIONS = `unnest($1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::jsonb[])
  AS w (id, at, version, valid_until, more)`

/** Partnerships of owners with the partners of new sharings, which cannot be removed until the commit. */
const PARTNERS = `partners AS MATERIALIZED (
  SELECT w.id FROM ${DECISIONS} CROSS JOIN LATERAL (
    SELECT FROM partnership AS p WHERE p.fleet_id = w.more ->> 'owner' AND p.partner_id = w.more ->> 'partner'
    FOR KEY SHARE SKIP LOCKED) AS p), `

/**
 * Vehicles that nobody holds a lock of, and of these the ones that are still as they were read. Nothing waits here, so that one
 * vehicle does not hold up the others, and two statements cannot deadlock. What the constraints wait for, such as a fleet, is
 * waited for no longer than the row of a vehicle is elsewhere: the statement holds the log's horizon by then.
 */
const keeping = (partners: boolean) => `${partners ? PARTNERS : ''}
  free AS MATERIALIZED (
    SELECT w.* FROM ${DECISIONS} CROSS JOIN LATERAL (
      SELECT FROM vehicle AS v WHERE v.id = w.id FOR NO KEY UPDATE SKIP LOCKED) AS v
    ${partners ? `WHERE w.more ->> 'partner' IS NULL OR w.id IN (SELECT id FROM partners)` : ''}),
  kept AS (UPDATE vehicle AS v SET last_instant = free.at,
      use = CASE WHEN free.more ? 'use' THEN NULLIF(free.more -> 'use', 'null') ELSE v.use END
    FROM ${WITH_LOCK_TIMEOUT}, free WHERE v.id = free.id AND v.xmin::text = free.version
      AND (free.valid_until IS NULL OR clock_timestamp() < free.valid_until)
    RETURNING v.id, free.valid_until, free.more)`

const OF_KEPT = 'vehicle_id IN (SELECT id FROM kept)'

/** $6 has the events, $7 the changed rows by part. No part is joined with another, as in commit-set.ts. */
const CHANGING = changing(
  (table, part) => `jsonb_populate_recordset(NULL::${table}, $7::jsonb -> '${part}') AS n`,
  'n.vehicle_id',
  `n.${OF_KEPT}`,
)

/** Sharings that end give their periods back before new ones take them. */
const afterEnds = (part: Part, parts: readonly Part[]): string =>
  part === 'newSharings' && parts.includes('sharings') ? 'AND (SELECT count(*) FROM changed_sharings) >= 0' : ''

/** As in commit.ts, of the vehicles that are kept. */
const demanding = (parts: readonly Part[]) =>
  `demanded AS (SELECT demand_rows((SELECT min(valid_until) FROM kept), ARRAY[${[...parts.map((part) => `'${part}'`), `'events'`].join()}],
    ARRAY[${[...parts.map((part) => `(SELECT count(*) FROM changed_${part})`), '(SELECT count(*) FROM appended)'].join()}],
    ARRAY[${[...parts, 'events'].map((part) => `(SELECT sum((more -> '${part}')::int) FROM kept)::int`).join()}]) AS holds
    WHERE EXISTS (SELECT FROM kept))`

const saving = statementsFor('save_together', (parts) => ({
  text: `WITH ${keeping(parts.includes('newSharings'))},
    ${parts.map((part) => `changed_${part} AS (${CHANGING[part]} ${afterEnds(part, parts)} RETURNING 1), `).join('')}
    appended AS (INSERT INTO event (${EVENT.names})
      SELECT ${EVENT.names} FROM ROWS FROM (jsonb_to_recordset($6::jsonb) AS (${EVENT.typed})) WITH ORDINALITY AS e
      WHERE e.${OF_KEPT} ORDER BY e.ordinality RETURNING position, tag, vehicle_id),
    ${demanding(parts)}
    SELECT * FROM (SELECT position, tag, vehicle_id FROM appended UNION ALL SELECT NULL, NULL, id FROM kept) AS w
    WHERE (SELECT holds FROM demanded) ORDER BY position`,
}))

/**
 * Writes decisions on several vehicles in one statement. A vehicle that has changed, that somebody holds, or whose validUntil has
 * passed is left out, and so is one whose new sharing is with a fleet that is no partner, or may soon be none.
 * @param decisions each on another vehicle, with a version
 * @returns the events of each vehicle that was written, by its id
 * @throws the errors of demand_rows(), then nothing is written
 */
export async function saveTogether(
  query: Query,
  decisions: readonly Decision[],
): Promise<ReadonlyMap<string, readonly LoggedEvent[]>> {
  const rows = decisions.map(rowsByPart)
  const all = Object.fromEntries(PARTS.map((part) => [part, rows.flatMap((own) => own[part])])) as Record<
    Part,
    object[]
  >
  const parts = partsIn(all)
  const events = decisions.flatMap((decision) => decision.events)
  const values: unknown[] = [
    decisions.map(({ vehicle }) => vehicle.id),
    decisions.map(({ moment }) => timestamp(moment.at)),
    decisions.map(({ version }) => version),
    decisions.map(({ validUntil }) => (validUntil === null ? null : timestamp(validUntil))),
    decisions.map((decision, index) =>
      JSON.stringify({
        use: decision.changes.use,
        owner: decision.vehicle.ownerId,
        partner: newPartnerOf(decision),
        events: decision.events.length,
        ...Object.fromEntries(parts.map((part) => [part, rows[index]?.[part].length])),
      }),
    ),
    eventsJson(events),
  ]
  if (parts.length > 0) values.push(JSON.stringify(all))
  return writtenBy(await query<PositionRow>(saving(parts), values), events)
}

/** Commits decisions that were taken without a lock, those that wait at the same time in one statement. */
export function createOptimisticCommits(query: Query): CommitOptimistic {
  const loader = batched((decisions: readonly Decision[]) => commitAll(query, decisions), MOST)
  return (decision) => loader.load(decision)
}

type Outcome = readonly LoggedEvent[] | null

/** Whether PostgreSQL has refused the statement, or would not wait for what its constraints look at: nothing was written. */
const isRefusal = (error: unknown): boolean =>
  sqlFailureOf(error) !== null && (isLockTimeout(error) || !isUnavailable(error))

async function commitAll(query: Query, decisions: readonly Decision[]): Promise<(Outcome | Error)[]> {
  // In their order, so that their events are handed on in the order of their positions. A second decision on a vehicle is of a
  // version that the first one changes.
  const byVehicle = new Map<string, Decision>()
  for (const decision of decisions) {
    if (!byVehicle.has(decision.vehicle.id)) byVehicle.set(decision.vehicle.id, decision)
  }
  try {
    const written = await saveTogether(query, [...byVehicle.values()])
    return decisions.map((decision) => {
      const { id } = decision.vehicle
      return byVehicle.get(id) === decision ? (written.get(id) ?? null) : null
    })
  } catch (error) {
    if (decisions.length === 1 || !isRefusal(error)) throw error
    // For the sake of one of them, which the others are not to notice.
    return Promise.all(decisions.map((decision) => save({ query }, decision).catch((reason: Error) => reason)))
  }
}
