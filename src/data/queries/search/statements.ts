import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import type { Statement } from '../../database/statement.ts'
import { OPEN_VEHICLE_COLUMNS, WITH_OPEN_SHARINGS } from '../open-vehicles.ts'
import { SHARED_OUT_ON, SINCE } from '../vehicle-lists.ts'
import { borrowed, borrowedCount } from './borrowed.ts'
import { own } from './own.ts'
import { all, GIVEN, HAS_GRAMS, HAS_ID, HAS_TEXT, OWN } from './parts.ts'
import type { Direction, FindKind } from './parts.ts'

/** Lists of vehicles that are searched, or in another order than by id, and their counts. Their values: parts.ts. */

const moreOf = ({ relation }: FindKind) => (relation === 'SHARED_OUT' ? SHARED_OUT_ON('f.vehicle_id') : '')

const nameOf = ({ relation, isSearched, hasIds }: FindKind) =>
  `${relation}${isSearched ? '_searched' : ''}${hasIds ? '_ids' : ''}`

/** Made at their first use: there are a hundred. */
const statements = new Map<string, Statement>()

function made(name: string, text: () => string): Statement {
  const statement = statements.get(name) ?? { name, text: text() }
  statements.set(name, statement)
  return statement
}

/** A page of the list that a filter and an order select. */
export const findStatement = (kind: FindKind, order: VehicleOrder, direction: Direction): Statement =>
  made(`find_${nameOf(kind)}_${order}_${direction}`, () => findText(kind, order, direction))

/** How many vehicles a filter selects. */
export const countStatement = (kind: FindKind): Statement => made(`count_${nameOf(kind)}`, () => countText(kind))

function findText(kind: FindKind, order: VehicleOrder, direction: Direction): string {
  const { relation } = kind
  const both = [
    ...(relation === 'SHARED_IN' ? [] : [own(order, direction, kind, moreOf(kind))]),
    ...(relation === 'ALL' || relation === 'SHARED_IN' ? [borrowed(order, direction, kind)] : []),
  ]
  const seen = both.map(({ page }) => `(${page})`).join(' UNION ALL ')
  return `WITH RECURSIVE ${[GIVEN, SINCE, ...both.flatMap(({ parts }) => parts)].join(', ')}, page AS MATERIALIZED (
      SELECT * FROM (${seen}) AS seen ORDER BY key ${direction}, vehicle_id ${direction} LIMIT $4)
    SELECT ${OPEN_VEHICLE_COLUMNS} FROM page
      JOIN vehicle AS v ON v.id = page.vehicle_id AND v.deleted_at IS NULL ${WITH_OPEN_SHARINGS}
    ORDER BY page.key ${direction}, page.vehicle_id ${direction}`
}

function countText(kind: FindKind): string {
  const { relation, isSearched, hasIds } = kind
  const where = all(isSearched && !hasIds ? HAS_GRAMS : OWN, hasIds && HAS_ID, isSearched && HAS_TEXT, moreOf(kind))
  const owned = `(SELECT count(*) FROM vehicle_search AS f WHERE ${where})`
  const shared = borrowedCount(kind)
  const counts = relation === 'ALL' ? `${owned} + ${shared}` : relation === 'SHARED_IN' ? shared : owned
  return `WITH ${GIVEN}, ${SINCE} SELECT (${counts})::int AS count`
}
