import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import type { Statement } from '../../database/statement.ts'
import { OPEN_VEHICLE_COLUMNS, WITH_OPEN_SHARINGS } from '../open-vehicles.ts'
import { SINCE } from '../vehicle-lists.ts'
import { lent, lentCount } from './lent.ts'
import type { Side } from './lent.ts'
import { own, ownCount } from './own.ts'
import { GIVEN } from './parts.ts'
import type { Direction, FindKind } from './parts.ts'

/** Lists of vehicles that are searched, or in another order than by id, and their counts. Their values: parts.ts. */

/** The sharings that bring vehicles of a relation, and whether the fleet's own are among them by themselves. */
const SOURCES: { readonly [R in FindKind['relation']]: { readonly own: boolean; readonly sides: readonly Side[] } } = {
  ALL: { own: true, sides: ['partner'] },
  OWNED: { own: true, sides: [] },
  SHARED_OUT: { own: false, sides: ['owner'] },
  SHARED_IN: { own: false, sides: ['partner'] },
  SHARED: { own: false, sides: ['owner', 'partner'] },
}

const nameOf = ({ relation, isSearched, hasIds, hasPartner }: FindKind) =>
  `${relation}${isSearched ? '_searched' : ''}${hasIds ? '_ids' : ''}${hasPartner ? '_partner' : ''}`

/** Made at their first use: there are some hundred. */
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
  const { own: hasOwn, sides } = SOURCES[kind.relation]
  const all = [
    ...(hasOwn ? [own(order, direction, kind)] : []),
    ...sides.map((side) => lent(side, order, direction, kind)),
  ]
  const seen = all.map(({ page }) => `(${page})`).join(' UNION ALL ')
  return `WITH ${[GIVEN, SINCE, ...all.flatMap(({ parts }) => parts)].join(', ')}, page AS MATERIALIZED (
      SELECT * FROM (${seen}) AS seen ORDER BY key ${direction}, vehicle_id ${direction} LIMIT $4)
    SELECT ${OPEN_VEHICLE_COLUMNS} FROM page
      JOIN vehicle AS v ON v.id = page.vehicle_id AND v.deleted_at IS NULL ${WITH_OPEN_SHARINGS}
    ORDER BY page.key ${direction}, page.vehicle_id ${direction}`
}

function countText(kind: FindKind): string {
  const { own: hasOwn, sides } = SOURCES[kind.relation]
  const counts = [...(hasOwn ? [ownCount(kind)] : []), ...sides.map((side) => lentCount(side, kind))]
  return `WITH ${GIVEN}, ${SINCE} SELECT (${counts.join(' + ')})::int AS count`
}
