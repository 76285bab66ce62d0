import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import {
  all,
  found,
  HAS_GRAMS,
  HAS_ID,
  HAS_TEXT,
  LAST_CONTACT,
  nearParts,
  OWN,
  pageInOrder,
  pageOf,
  textsOf,
} from './parts.ts'
import type { Direction, FindKind, Part } from './parts.ts'

const OWNED = textsOf('vehicle_search', 'f.owner_id')

/** The fleet's own vehicles in a page of the list. */
export function own(order: VehicleOrder, direction: Direction, kind: FindKind): Part {
  const { isSearched, hasIds } = kind
  const from = (rows: string): Part => ({
    parts: [],
    page: pageOf(order, direction, rows),
  })
  if (isSearched && !hasIds) return searchedOwn(order, direction)
  if (hasIds) return from(found(order, all(OWN, HAS_ID, isSearched && HAS_TEXT)))
  if (order === 'LAST_CONTACT') {
    return from(`(SELECT v.id AS vehicle_id, ${LAST_CONTACT} AS by_contact FROM vehicle AS v
      WHERE v.owner_id = $1 AND v.deleted_at IS NULL OFFSET 0)`)
  }
  return { parts: [], page: pageInOrder(OWNED, order, direction) }
}

/** Vehicles that the search looks at in the order of the list, before it asks the index of parts. */
const NEAR = 1_000

/**
 * A text that many vehicles have is soon found in the order of the list; one that few have is found by the index of parts, whose
 * matches are then sorted. Which of the two it is shows after the first vehicles of the range.
 */
function searchedOwn(order: VehicleOrder, direction: Direction): Part {
  // Set apart from the range, for which the planner would read another index, too.
  const matches = (where: string) =>
    `matches AS MATERIALIZED (SELECT f.* FROM ${found(order, all(HAS_GRAMS, HAS_TEXT))} AS f ${where})`
  const page = pageOf(order, direction, 'matches')
  if (order === 'LAST_CONTACT') return { parts: [matches('')], page }
  return {
    parts: [
      ...nearParts(OWNED, 'own', NEAR, [order, direction], HAS_TEXT),
      matches('WHERE NOT (SELECT are FROM own_enough)'),
    ],
    page: `SELECT * FROM own_near WHERE (SELECT are FROM own_enough) UNION ALL (${page})`,
  }
}

/** Their number. */
export function ownCount({ isSearched, hasIds }: FindKind): string {
  const where = all(isSearched && !hasIds ? HAS_GRAMS : OWN, hasIds && HAS_ID, isSearched && HAS_TEXT)
  return `(SELECT count(*) FROM vehicle_search AS f WHERE ${where})`
}
