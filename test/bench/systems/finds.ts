import { EVENT_COLUMNS, IN_FORCE, JOINED_COLUMNS, JOINS } from './reads.ts'
import type { Statement } from './pool.ts'

/**
 * Vehicles that are searched, ordered and counted, the newest events, and commands: from the tables and indexes that FleetShare has for
 * them, by statements as somebody would write them for the case at hand.
 */

/** Vehicles shared with the fleet $1 now: few beside its own. */
const SHARED = `SELECT s.vehicle_id AS id FROM sharing AS s WHERE s.partner_id = $1 AND s.ended_at IS NULL AND ${IN_FORCE}`

const joined = (page: string, order: string) =>
  `WITH page AS MATERIALIZED (${page}) SELECT ${JOINED_COLUMNS} FROM page JOIN vehicle AS v ON v.id = page.id ${JOINS} ORDER BY ${order}`

/** The first $3 by id that the fleet $1 may see and whose texts have $2: from the index of parts of texts. */
export const FOUND: Statement = {
  name: 'found',
  text: joined(
    `WITH wanted AS MATERIALIZED (SELECT search_fold($2) AS text)
    SELECT id FROM (
      (SELECT f.vehicle_id AS id FROM vehicle_search AS f
        WHERE search_grams(f.owner_id, f.text) @> wanted_grams($1, search_fold($2))
          AND strpos(f.text, (SELECT text FROM wanted)) > 0 ORDER BY f.vehicle_id LIMIT $3)
      UNION ALL
      (SELECT shared.id FROM (${SHARED}) AS shared JOIN vehicle_search AS f ON f.vehicle_id = shared.id
        WHERE strpos(f.text, (SELECT text FROM wanted)) > 0 ORDER BY shared.id LIMIT $3)
    ) AS both_of_them ORDER BY id LIMIT $3`,
    'v.id',
  ),
}

/** The first $2 by license plate. */
export const ORDERED: Statement = {
  name: 'ordered',
  text: joined(
    `SELECT id, by_plate FROM (
      (SELECT f.vehicle_id AS id, f.by_plate FROM vehicle_search AS f WHERE f.owner_id = $1
        ORDER BY f.by_plate, f.vehicle_id LIMIT $2)
      UNION ALL
      (SELECT shared.id, f.by_plate FROM (${SHARED}) AS shared JOIN vehicle_search AS f ON f.vehicle_id = shared.id
        ORDER BY f.by_plate, f.vehicle_id LIMIT $2)
    ) AS both_of_them ORDER BY by_plate, id LIMIT $2`,
    'page.by_plate, v.id',
  ),
}

/** How many vehicles the fleet $1 may see. */
export const COUNT: Statement = {
  name: 'count',
  text: `SELECT ((SELECT count(*) FROM vehicle_search WHERE owner_id = $1) + (SELECT count(*) FROM (${SHARED}) AS shared))::int
    AS count`,
}

/** The last $2 events of the fleet $1, newest first. */
export const NEWEST: Statement = {
  name: 'newest',
  text: ['owner_id', 'partner_id']
    .map((column) => `(SELECT ${EVENT_COLUMNS} FROM event WHERE ${column} = $1 ORDER BY position DESC LIMIT $2)`)
    .join(' UNION ALL ')
    .concat(' ORDER BY position DESC LIMIT $2'),
}

const STATUSES = `unnest(ARRAY['PENDING', 'DISPATCHED', 'SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELLED_BY_HANDOVER',
  'OUTCOME_UNKNOWN']) AS wanted(status)`

/** The last $2 commands that the fleet $1 may read: an index for each fleet begins with the status. */
export const COMMANDS: Statement = {
  name: 'commands',
  text: `SELECT c.id, c.type, c.status, c.vehicle_id, c.requested_at, c.deadline, c.completed_at, c.fleet_id, f.name AS fleet_name
    FROM (${['c.owner_id = $1', 'c.fleet_id = $1 AND c.fleet_id <> c.owner_id']
      .map(
        (mine) => `(SELECT c.* FROM ${STATUSES} CROSS JOIN LATERAL (SELECT * FROM command AS c
          WHERE ${mine} AND c.status = wanted.status ORDER BY c.requested_at DESC, c.id DESC LIMIT $2) AS c)`,
      )
      .join(
        ' UNION ALL ',
      )}) AS c JOIN fleet AS f ON f.id = c.fleet_id ORDER BY c.requested_at DESC, c.id DESC LIMIT $2`,
}

export type CommandRow = {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly vehicle_id: string
  readonly requested_at: string
  readonly deadline: string
  readonly completed_at: string | null
  readonly fleet_id: string
  readonly fleet_name: string
}

export const toCommand = (row: CommandRow) => ({
  id: row.id,
  type: row.type,
  status: row.status,
  vehicleId: row.vehicle_id,
  requestedAt: row.requested_at,
  deadline: row.deadline,
  completedAt: row.completed_at,
  fleet: { id: row.fleet_id, name: row.fleet_name },
})
