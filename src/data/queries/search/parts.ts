import type { VehicleRelation } from '../../../domain/access/access.ts'
import type { VehicleOrder } from '../../../domain/vehicle-order.ts'

/**
 * Parts of the statements of this folder. $1 the fleet, $2 and $6 the key and the id behind which the page lies, $3 and $7 those before
 * which it lies, $4 its length, $5 the instant, $8 the text that is searched for, $9 ids, $10 the other party of the sharing. Every
 * statement names all of them, whether or not it uses them.
 */
export type Direction = 'asc' | 'desc'

export type FindKind = {
  /** SHARED: lent or borrowed. */
  readonly relation: VehicleRelation | 'ALL' | 'SHARED'
  readonly isSearched: boolean
  readonly hasIds: boolean
  /** Whether the other party is a given one: of vehicles that are shared. */
  readonly hasPartner: boolean
}

/** The last contact, newest first; never heard of comes last. Milliseconds before 1970, so that it ascends. */
export const LAST_CONTACT = `COALESCE(-(date_part('epoch', v.last_contact_at) * 1000)::bigint, ${Number.MAX_SAFE_INTEGER})`

/** The key of an order, its type, and the table that has it, under the alias f. */
export const KEYS: { readonly [Order in VehicleOrder]: { readonly key: string; readonly type: string } } = {
  ID: { key: 'f.vehicle_id', type: 'text' },
  LICENSE_PLATE: { key: 'f.by_plate', type: 'text' },
  NAME: { key: 'f.by_name', type: 'text' },
  LAST_CONTACT: { key: 'f.by_contact', type: 'bigint' },
}

/** Rows of vehicle_search under the alias f; only the order by last contact reads the vehicle itself. */
export const found = (order: VehicleOrder, where: string) =>
  order === 'LAST_CONTACT'
    ? `(SELECT f.*, ${LAST_CONTACT} AS by_contact FROM vehicle_search AS f
        CROSS JOIN LATERAL (SELECT * FROM vehicle AS v WHERE v.id = f.vehicle_id OFFSET 0) AS v WHERE ${where})`
    : `(SELECT f.* FROM vehicle_search AS f WHERE ${where})`

export const GIVEN = `given AS (SELECT $1::text, $2::text, $3::text, $4::bigint, $5::timestamptz, $6::text, $7::text, $8::text, $9::text[],
  $10::text),
  pattern AS MATERIALIZED (SELECT p.text, wanted_grams($1, p.text) AS grams FROM (SELECT search_fold($8) AS text) AS p)`

export const HAS_TEXT = 'strpos(f.text, (SELECT text FROM pattern)) > 0'

/** The parts name the fleet. Written so that no other index serves it: the number of matches is not known to a plan. */
export const HAS_GRAMS = `search_grams(f.owner_id, f.text) @> (SELECT grams FROM pattern) AND f.owner_id || '' = $1`
export const HAS_ID = 'f.vehicle_id = ANY ($9)'
export const OWN = 'f.owner_id = $1'

export const all = (...conditions: readonly (string | false)[]) =>
  conditions.filter((one) => one !== false && one !== '').join(' AND ')

/** A column of an order, and the values between which the page lies. */
type Column = { readonly sql: string; readonly after: string; readonly before: string }

const VEHICLE_ID: Column = { sql: 'f.vehicle_id', after: '$6::text', before: '$7::text' }

function columnsOf(order: VehicleOrder): readonly Column[] {
  const { key, type } = KEYS[order]
  return order === 'ID' ? [VEHICLE_ID] : [{ sql: key, after: `$2::${type}`, before: `$3::${type}` }, VEHICLE_ID]
}

/** Between the two places, as one range of the index of the order. */
const range = (columns: readonly Column[]): string => {
  const row = (part: keyof Column) => `(${columns.map((column) => column[part]).join(', ')})`
  return `${row('sql')} > ${row('after')} AND ${row('sql')} < ${row('before')}`
}

const sorted = (columns: readonly Column[], direction: Direction): string =>
  `ORDER BY ${columns.map(({ sql }) => `${sql} ${direction}`).join(', ')}`

/** Named parts of the statement, and what selects a page from them. */
export type Part = { readonly parts: readonly string[]; readonly page: string }

/** The page of rows f. */
export const pageOf = (order: VehicleOrder, direction: Direction, rows: string): string =>
  `SELECT f.vehicle_id, ${KEYS[order].key} AS key FROM ${rows} AS f WHERE ${range(columnsOf(order))}
    ${sorted(columnsOf(order), direction)} LIMIT $4`

/** A table of texts, and the columns of its index for each order. */
export type Texts = { readonly name: string; readonly columnsOf: (order: VehicleOrder) => readonly Column[] }

/**
 * A table whose rows begin with a fleet. The fleet and a key are one value in the index of the key: what begins with the fleet alone is
 * the index of the ids, so that no plan reads another order, and sorts.
 */
export const textsOf = (name: string, fleet: string): Texts => ({
  name,
  columnsOf(order) {
    if (order === 'ID') return [{ sql: fleet, after: '$1', before: '$1' }, VEHICLE_ID]
    return columnsOf(order).map((column) =>
      column === VEHICLE_ID
        ? column
        : {
            sql: `(${fleet} || ' ' || ${column.sql})`,
            after: `$1 || ' ' || ${column.after}`,
            before: `$1 || ' ' || ${column.before}`,
          },
    )
  },
})

/** The page of those rows f that meet a condition, in the order of the table's index. */
export const pageInOrder = (table: Texts, order: VehicleOrder, direction: Direction, where = ''): string => {
  const columns = table.columnsOf(order)
  return `SELECT f.vehicle_id, ${KEYS[order].key} AS key FROM ${table.name} AS f WHERE ${all(range(columns), where)}
    ${sorted(columns, direction)} LIMIT $4`
}

/**
 * Looks for the text among the first vehicles of the range, in the order of the list: a text that many have fills the page there.
 * The parts NAME_near, the page that was found, and NAME_enough, whether it is the whole page.
 */
export function nearParts(
  table: Texts,
  name: string,
  near: number,
  [order, direction]: readonly [VehicleOrder, Direction],
  where: string,
): readonly string[] {
  const columns = table.columnsOf(order)
  return [
    `${name}_looked AS MATERIALIZED (SELECT * FROM ${table.name} AS f WHERE ${range(columns)}
      ${sorted(columns, direction)} LIMIT ${near})`,
    // Its rows come in their order, one by one: what fills the page soon ends the reading.
    `${name}_near AS MATERIALIZED (
      SELECT f.vehicle_id, ${KEYS[order].key} AS key FROM ${name}_looked AS f WHERE ${where} LIMIT $4)`,
    `${name}_enough AS MATERIALIZED (
      SELECT (SELECT count(*) FROM ${name}_near) >= $4 OR (SELECT count(*) FROM ${name}_looked) < ${near} AS are)`,
  ]
}
