import { OPEN_VEHICLE_COLUMNS, WITH_OPEN_SHARINGS } from './open-vehicles.ts'
import type { Statement } from '../database/statement.ts'
import type { VehicleRelation } from '../../domain/access/access.ts'

/**
 * relationIs() and visibleTo() of visibility.ts as SQL that reads indexes in the order of the list: own vehicles, then shared ones,
 * each up to the length of the page. An OR over both would read and sort all vehicles of the fleet.
 * $1 the fleet, $2 and $3 the ids between which the page lies, $4 its length, $5 the instant.
 */
type Direction = 'asc' | 'desc'

/** Sorts after every id: ids consist of letters, digits, "_" and "-", and sort by byte. */
export const BEYOND_IDS = '~'

/**
 * Of a sharing s at the instant $5. With a policy: as it is recorded, and where something fell due since, as it is settled. The last condition is evaluated for
 * the few that meet all others.
 */
export const IN_FORCE = `s.cancelled_at IS NULL AND s.starts_at <= $5
    AND (s.ends_at IS NULL OR s.ends_at > $5 OR s.latest_ends_at > $5)
    AND CASE WHEN NOT (s.start_when_idle OR s.end_when_idle) THEN TRUE
      WHEN s.due_at <= $5 THEN in_force_when_due(s.vehicle_id, s.id, $5) ELSE s.started_at <= $5 END`

const own = (direction: Direction) => `
  (SELECT v.id FROM vehicle AS v WHERE v.owner_id = $1 AND v.deleted_at IS NULL AND v.id > $2 AND v.id < $3
    ORDER BY v.id ${direction} LIMIT $4)`

/**
 * The few sharings that have ended since the instant. Written as a separate branch with a closed range: in other forms the planner
 * overestimates their number, and reads all sharings.
 */
export const SINCE = `since AS MATERIALIZED (
  SELECT s.* FROM sharing AS s WHERE s.ended_at > $5 AND s.ended_at < 'infinity' AND ${IN_FORCE})`

/** The open sharings, and those that have ended since the instant. */
const sharedIn = (direction: Direction) => `
  (SELECT s.vehicle_id AS id FROM sharing AS s
    WHERE s.partner_id = $1 AND s.ended_at IS NULL AND ${IN_FORCE} AND s.vehicle_id > $2 AND s.vehicle_id < $3
    ORDER BY s.vehicle_id ${direction} LIMIT $4)
  UNION ALL
  (SELECT since.vehicle_id FROM since WHERE since.partner_id = $1 AND since.vehicle_id > $2 AND since.vehicle_id < $3)`

/** Whether the sharing of a row f of lent_search is in force; looked up for each (OFFSET 0) instead of hashing all sharings in force. */
export const IS_IN_FORCE = `EXISTS (SELECT FROM sharing AS s
  WHERE s.vehicle_id = f.vehicle_id AND s.id = f.sharing_id AND s.ended_at IS NULL AND ${IN_FORCE} OFFSET 0)`

/** The same for the owner, by the table that has its open sharings in the order of the list. */
const sharedOut = (direction: Direction) => `
  (SELECT f.vehicle_id AS id FROM lent_search AS f
    WHERE (f.owner_id, f.vehicle_id) > ($1, $2) AND (f.owner_id, f.vehicle_id) < ($1, $3) AND ${IS_IN_FORCE}
    ORDER BY f.owner_id ${direction}, f.vehicle_id ${direction} LIMIT $4)
  UNION ALL
  (SELECT since.vehicle_id FROM since WHERE since.owner_id = $1 AND since.vehicle_id > $2 AND since.vehicle_id < $3)`

const ids = {
  ALL: (direction) => `${own(direction)} UNION ALL ${sharedIn(direction)}`,
  OWNED: (direction) => own(direction),
  SHARED_OUT: sharedOut,
  SHARED_IN: sharedIn,
} satisfies Record<VehicleRelation | 'ALL', (direction: Direction) => string>

const statement = (relation: keyof typeof ids, direction: Direction): Statement => ({
  name: `vehicles_${relation}_${direction}`,
  text: `WITH ${SINCE}, page AS MATERIALIZED (
    SELECT id FROM (${ids[relation](direction)}) AS seen ORDER BY id ${direction} LIMIT $4
  )
  SELECT ${OPEN_VEHICLE_COLUMNS} FROM page
    JOIN vehicle AS v ON v.id = page.id AND v.deleted_at IS NULL ${WITH_OPEN_SHARINGS}
  ORDER BY page.id ${direction}`,
})

const both = (relation: keyof typeof ids) => ({ asc: statement(relation, 'asc'), desc: statement(relation, 'desc') })

export const VEHICLE_LISTS = {
  ALL: both('ALL'),
  OWNED: both('OWNED'),
  SHARED_OUT: both('SHARED_OUT'),
  SHARED_IN: both('SHARED_IN'),
} as const
