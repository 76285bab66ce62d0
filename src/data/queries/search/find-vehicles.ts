import type { VehicleRelation } from '../../../domain/access/access.ts'
import type { Instant } from '../../../domain/period.ts'
import type { VehicleKey, VehicleOrder } from '../../../domain/vehicle-order.ts'
import type { Statement } from '../../database/statement.ts'
import type { OpenVehicle, Services } from '../../services.ts'
import { isId } from '../../tables/ids.ts'
import type { Row } from '../../tables/kinds.ts'
import type { Page } from '../lists.ts'
import { settledFor, vehiclesOf } from '../open-vehicles.ts'
import { countStatement, findStatement } from './statements.ts'
import type { FindKind } from './parts.ts'
import { BEYOND_IDS } from '../vehicle-lists.ts'

/** Vehicles that meet all of it; null for no condition. */
export type VehicleFind = {
  readonly relation: VehicleRelation | null
  readonly ids: readonly string[] | null
  /** A part of the id, name, license plate, VIN, brand or model; compared without case, spaces and dashes. */
  readonly search: string | null
  /** The other party of the sharing in force. */
  readonly partnerId: string | null
}

/** The vehicles that the fleet may see at `at` and that meet a filter, in an order, as they are committed. */
export async function findVehicles(
  { query }: Services,
  fleetId: string,
  at: Instant,
  find: VehicleFind,
  order: VehicleOrder,
  { after, before, limit, backwards }: Page<VehicleKey>,
): Promise<OpenVehicle[]> {
  if (isNobody(find)) return []
  const statement = findStatement(kindOf(find), order, backwards ? 'desc' : 'asc')
  const [lower, upper] = BOUNDS[order]
  const [afterKey, afterId] = after ? [textOf(order, after), after[1]] : [lower, '']
  const [beforeKey, beforeId] = before ? [textOf(order, before), before[1]] : [upper, BEYOND_IDS]
  const values = valuesOf(fleetId, at, find, [afterKey, beforeKey, limit], [afterId, beforeId])
  return vehiclesOf(await query<Row>(statement, values)).map((vehicle) => settledFor(vehicle, at))
}

/** How many vehicles findVehicles() finds on all pages. */
export async function countVehicles(
  { query }: Services,
  fleetId: string,
  at: Instant,
  find: VehicleFind,
): Promise<number> {
  if (isNobody(find)) return 0
  const values = valuesOf(fleetId, at, find, [null, null, null], [null, null])
  const [row] = await query<{ count: number }>(countStatement(kindOf(find)), values)
  return row?.count ?? 0
}

/** Whether the other party cannot be a fleet: PostgreSQL rejects some texts. */
const isNobody = ({ partnerId }: VehicleFind): boolean => partnerId !== null && !isId(partnerId)

function kindOf({ relation, ids, search, partnerId }: VehicleFind): FindKind {
  const rest = { isSearched: search !== null, hasIds: ids !== null, hasPartner: partnerId !== null }
  if (partnerId === null) return { relation: relation ?? 'ALL', ...rest }
  return { relation: relation === null ? 'SHARED' : relation === 'OWNED' ? 'SHARED_OUT' : relation, ...rest }
}

const valuesOf = (
  fleetId: string,
  at: Instant,
  { ids, search, partnerId }: VehicleFind,
  [after, before, limit]: readonly [string | null, string | null, number | null],
  placeIds: readonly [string | null, string | null],
): unknown[] => [
  fleetId,
  after,
  before,
  limit,
  new Date(at),
  ...placeIds,
  search ?? '',
  ids?.filter(isId) ?? [],
  partnerId,
]

/** Below and above every key. Texts are stored behind a digit: 0 with a text, 1 without one. */
const BOUNDS: { readonly [Order in VehicleOrder]: readonly [string, string] } = {
  ID: ['', BEYOND_IDS],
  LICENSE_PLATE: ['', '2'],
  NAME: ['', '2'],
  LAST_CONTACT: ['-9223372036854775808', '9223372036854775807'],
}

/** A key as it is stored. */
function textOf(order: VehicleOrder, [value]: VehicleKey): string {
  if (order === 'LAST_CONTACT') return String(value === null ? Number.MAX_SAFE_INTEGER : -Number(value))
  if (order === 'ID') return String(value)
  return value === null ? '1' : `0${value}`
}

/** For tests: every statement that there is. */
export function allFinds(): Statement[] {
  const whole = (['ALL', 'OWNED', 'SHARED_OUT', 'SHARED_IN'] as const).map((relation) => ({
    relation,
    hasPartner: false,
  }))
  const parts = (['SHARED', 'SHARED_OUT', 'SHARED_IN'] as const).map((relation) => ({ relation, hasPartner: true }))
  const kinds = [...whole, ...parts].flatMap((kind) =>
    [true, false].flatMap((isSearched) => [true, false].map((hasIds): FindKind => ({ ...kind, isSearched, hasIds }))),
  )
  const orders = ['ID', 'LICENSE_PLATE', 'NAME', 'LAST_CONTACT'] as const
  return kinds.flatMap((kind) => [
    countStatement(kind),
    ...orders.flatMap((order) => (['asc', 'desc'] as const).map((direction) => findStatement(kind, order, direction))),
  ])
}
