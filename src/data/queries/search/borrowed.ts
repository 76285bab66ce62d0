import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import { BEYOND_IDS, IN_FORCE } from '../vehicle-lists.ts'
import { all, found, HAS_ID, HAS_TEXT, nearParts, pageInOrder, pageOf, textsOf } from './parts.ts'
import type { Direction, FindKind, Part } from './parts.ts'

const ENDED_IN = 'SELECT since.vehicle_id FROM since WHERE since.partner_id = $1'

/** A row for each open sharing, in force or not. */
const BORROWED = textsOf('borrowed_search', 'f.partner_id')
const ANY_BORROWED = `(f.partner_id, f.vehicle_id) > ($1, '') AND (f.partner_id, f.vehicle_id) < ($1, '${BEYOND_IDS}')`

const IS_IN_FORCE = `EXISTS (SELECT FROM sharing AS s
  WHERE s.vehicle_id = f.vehicle_id AND s.id = f.sharing_id AND s.ended_at IS NULL AND ${IN_FORCE} OFFSET 0)`

/** Looks the sharings up for those alone that have the text. A text that is too long for the index is in the other table. */
const IS_FOUND = `CASE WHEN f.text IS NOT NULL THEN ${HAS_TEXT} ELSE EXISTS (
    SELECT FROM (SELECT * FROM vehicle_search AS t WHERE t.vehicle_id = f.vehicle_id OFFSET 0) AS f WHERE ${HAS_TEXT}) END`
const IS_FOUND_IN_FORCE = `CASE WHEN ${IS_FOUND} THEN ${IS_IN_FORCE} ELSE FALSE END`

const isWanted = ({ isSearched }: FindKind) => (isSearched ? IS_FOUND_IN_FORCE : IS_IN_FORCE)

/** Those that are shared and meet the filter, in no order. */
const filtered = (kind: FindKind, where = '') =>
  `SELECT f.vehicle_id FROM borrowed_search AS f WHERE ${all(where, ANY_BORROWED, kind.hasIds && HAS_ID, isWanted(kind))}`

/** The rows of vehicle_search of the vehicles s. */
const searchedOf = (order: VehicleOrder, { isSearched, hasIds }: FindKind) => {
  const rows = found(order, all('f.vehicle_id = s.vehicle_id', hasIds && HAS_ID, isSearched && HAS_TEXT))
  return `CROSS JOIN LATERAL (SELECT * FROM ${rows} AS f OFFSET 0) AS f`
}
const WITHOUT_FILTER: FindKind = { relation: 'ALL', isSearched: false, hasIds: false }

const ended = (order: VehicleOrder, kind: FindKind) => `SELECT f.* FROM (${ENDED_IN}) AS s ${searchedOf(order, kind)}`

/** Vehicles that the search looks at in the order of the list, before it looks at all of them. */
const NEAR = 250

/** The shared vehicles of a page of the list. */
export function borrowed(order: VehicleOrder, direction: Direction, kind: FindKind): Part {
  const { parts, page } = open(order, direction, kind)
  return { parts, page: `${page} UNION ALL (${pageOf(order, direction, `(${ended(order, kind)})`)})` }
}

/**
 * By id the index that has the texts is in the order of the list. In another order a text that many vehicles have is soon found; else all
 * texts are read, and the matches sorted.
 */
function open(order: VehicleOrder, direction: Direction, kind: FindKind): Part {
  const { isSearched, hasIds } = kind
  const sorted = (ids: string) =>
    `(${pageOf(order, direction, `(SELECT f.* FROM (${ids}) AS s ${searchedOf(order, WITHOUT_FILTER)})`)})`
  const inOrder = `(${pageInOrder(BORROWED, order, direction, isWanted(kind))})`
  if (hasIds || order === 'LAST_CONTACT') return { parts: [], page: sorted(filtered(kind)) }
  if (order === 'ID' || !isSearched) return { parts: [], page: inOrder }
  return {
    parts: nearParts(BORROWED, 'borrowed', NEAR, [order, direction], isWanted(kind)),
    page: `SELECT * FROM borrowed_near WHERE (SELECT are FROM borrowed_enough)
      UNION ALL ${sorted(filtered(kind, 'NOT (SELECT are FROM borrowed_enough)'))}`,
  }
}

/** Their number. */
export const borrowedCount = (kind: FindKind): string =>
  `(SELECT count(*) FROM (${filtered(kind)}) AS f) + (SELECT count(*) FROM (${ended('ID', kind)}) AS f)`
