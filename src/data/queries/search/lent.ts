import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import { BEYOND_IDS, IS_IN_FORCE } from '../vehicle-lists.ts'
import { all, found, HAS_ID, HAS_TEXT, nearParts, pageInOrder, pageOf, textsOf } from './parts.ts'
import type { Direction, FindKind, Part } from './parts.ts'

/** The fleet as the owner or as the partner of sharings: its column in the table that has a row for each open one, in force or not. */
const SIDES = {
  owner: { fleet: 'owner_id', other: 'partner_id', texts: textsOf('lent_search', 'f.owner_id') },
  partner: { fleet: 'partner_id', other: 'owner_id', texts: textsOf('lent_search', 'f.partner_id') },
} as const
export type Side = keyof typeof SIDES

/** Looks the sharings up for those alone that have the text. A text that is too long for the index is in the other table. */
const IS_FOUND = `CASE WHEN f.text IS NOT NULL THEN ${HAS_TEXT} ELSE EXISTS (
    SELECT FROM (SELECT * FROM vehicle_search AS t WHERE t.vehicle_id = f.vehicle_id OFFSET 0) AS f WHERE ${HAS_TEXT}) END`
const IS_FOUND_IN_FORCE = `CASE WHEN ${IS_FOUND} THEN ${IS_IN_FORCE} ELSE FALSE END`

const isWanted = (side: Side, { isSearched, hasPartner }: FindKind) =>
  all(hasPartner && `f.${SIDES[side].other} = $10`, isSearched ? IS_FOUND_IN_FORCE : IS_IN_FORCE)

/** Those that are shared and meet the filter, in no order. */
function filtered(side: Side, kind: FindKind, where = ''): string {
  const { fleet } = SIDES[side]
  const any = `(f.${fleet}, f.vehicle_id) > ($1, '') AND (f.${fleet}, f.vehicle_id) < ($1, '${BEYOND_IDS}')`
  return `SELECT f.vehicle_id FROM lent_search AS f WHERE ${all(where, any, kind.hasIds && HAS_ID, isWanted(side, kind))}`
}

/** The rows of vehicle_search of the vehicles s. */
const searchedOf = (order: VehicleOrder, { isSearched, hasIds }: FindKind) => {
  const rows = found(order, all('f.vehicle_id = s.vehicle_id', hasIds && HAS_ID, isSearched && HAS_TEXT))
  return `CROSS JOIN LATERAL (SELECT * FROM ${rows} AS f OFFSET 0) AS f`
}
const WITHOUT_FILTER: FindKind = { relation: 'ALL', isSearched: false, hasIds: false, hasPartner: false }

/** By the sharings that have ended since the instant. */
function ended(side: Side, order: VehicleOrder, kind: FindKind): string {
  const { fleet, other } = SIDES[side]
  const where = all(`since.${fleet} = $1`, kind.hasPartner && `since.${other} = $10`)
  return `SELECT f.* FROM (SELECT since.vehicle_id FROM since WHERE ${where}) AS s ${searchedOf(order, kind)}`
}

/** Vehicles that the search looks at in the order of the list, before it looks at all of them. */
const NEAR = 250

/** The vehicles of a page of the list that the fleet has lent, or borrowed. */
export function lent(side: Side, order: VehicleOrder, direction: Direction, kind: FindKind): Part {
  const { parts, page } = open(side, order, direction, kind)
  return { parts, page: `${page} UNION ALL (${pageOf(order, direction, `(${ended(side, order, kind)})`)})` }
}

/**
 * By id the index that has the texts is in the order of the list. In another order a text that many vehicles have is soon found; else all
 * texts are read, and the matches sorted.
 */
function open(side: Side, order: VehicleOrder, direction: Direction, kind: FindKind): Part {
  const { isSearched, hasIds } = kind
  const { texts } = SIDES[side]
  const sorted = (ids: string) =>
    `(${pageOf(order, direction, `(SELECT f.* FROM (${ids}) AS s ${searchedOf(order, WITHOUT_FILTER)})`)})`
  if (hasIds || order === 'LAST_CONTACT') return { parts: [], page: sorted(filtered(side, kind)) }
  if (order === 'ID' || !isSearched) {
    return { parts: [], page: `(${pageInOrder(texts, order, direction, isWanted(side, kind))})` }
  }
  const isEnough = `(SELECT are FROM ${side}_enough)`
  return {
    parts: nearParts(texts, side, NEAR, [order, direction], isWanted(side, kind)),
    page: `SELECT * FROM ${side}_near WHERE ${isEnough} UNION ALL ${sorted(filtered(side, kind, `NOT ${isEnough}`))}`,
  }
}

/** Their number. */
export const lentCount = (side: Side, kind: FindKind): string =>
  `(SELECT count(*) FROM (${filtered(side, kind)}) AS f) + (SELECT count(*) FROM (${ended(side, 'ID', kind)}) AS f)`
