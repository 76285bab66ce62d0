import type { VehicleRelation } from '../../../domain/access/access.ts'
import type { VehicleOrder } from '../../../domain/vehicle-order.ts'
import type { Statement } from '../../database/statement.ts'
import { OPEN_VEHICLE_COLUMNS, WITH_OPEN_SHARINGS } from '../open-vehicles.ts'
import { BEYOND_IDS, IN_FORCE, SHARED_OUT_ON, SINCE } from '../vehicle-lists.ts'

/**
 * Lists of vehicles that are searched, or in another order than by id, and their counts, from the table vehicle_search.
 * $1 the fleet, $2 and $6 the key and the id behind which the page lies, $3 and $7 those before which it lies, $4 its length, $5
 * the instant, $8 the text that is searched for, $9 ids. Every statement names all of them, whether or not it uses them.
 */
type Direction = 'asc' | 'desc'

export type FindKind = {
  readonly relation: VehicleRelation | 'ALL'
  readonly isSearched: boolean
  readonly hasIds: boolean
}

/** The last contact, newest first; never heard of comes last. Milliseconds before 1970, so that it ascends. */
const LAST_CONTACT = `COALESCE(-(extract(epoch FROM v.last_contact_at) * 1000)::bigint, ${Number.MAX_SAFE_INTEGER})`

/** The key of an order, its type, and the table that has it, under the alias f. */
const KEYS: { readonly [Order in VehicleOrder]: { readonly key: string; readonly type: string } } = {
  ID: { key: 'f.vehicle_id', type: 'text' },
  LICENSE_PLATE: { key: 'f.by_plate', type: 'text' },
  NAME: { key: 'f.by_name', type: 'text' },
  LAST_CONTACT: { key: 'f.by_contact', type: 'bigint' },
}

/** Rows of vehicle_search under the alias f; only the order by last contact reads the vehicle itself. */
const found = (order: VehicleOrder, where: string) =>
  order === 'LAST_CONTACT'
    ? `(SELECT f.*, ${LAST_CONTACT} AS by_contact FROM vehicle_search AS f
        CROSS JOIN LATERAL (SELECT * FROM vehicle AS v WHERE v.id = f.vehicle_id OFFSET 0) AS v WHERE ${where}) AS f`
    : `(SELECT f.* FROM vehicle_search AS f WHERE ${where}) AS f`

const GIVEN = `given AS (SELECT $1::text, $2::text, $3::text, $4::bigint, $5::timestamptz, $6::text, $7::text, $8::text, $9::text[]),
  pattern AS MATERIALIZED (SELECT p.text, wanted_grams($1, p.text) AS grams FROM (SELECT search_fold($8) AS text) AS p)`

const HAS_TEXT = 'strpos(f.text, (SELECT text FROM pattern)) > 0'

/** The parts name the fleet. Written so that no other index serves it: the number of matches is not known to a plan. */
const HAS_GRAMS = `search_grams(f.owner_id, f.text) @> (SELECT grams FROM pattern) AND f.owner_id || '' = $1`
const HAS_ID = 'f.vehicle_id = ANY ($9)'
const OWN = 'f.owner_id = $1'

const all = (...conditions: readonly (string | false)[]) => conditions.filter((one) => one !== false).join(' AND ')

/** Between the two places, as one range of the index of the order. */
function range(order: VehicleOrder, ahead = ''): string {
  const { key, type } = KEYS[order]
  const [columns, after, before] = order === 'ID' ? [key, '$6', '$7'] : [`${key}, f.vehicle_id`, '$2', '$3']
  const bound = (place: string, id: string) => (order === 'ID' ? `${place}::text` : `${place}::${type}, ${id}::text`)
  const [prefix, value] = ahead === '' ? ['', ''] : [`${ahead}, `, '$1, ']
  return `(${prefix}${columns}) > (${value}${bound(after, '$6')}) AND (${prefix}${columns}) < (${value}${bound(before, '$7')})`
}

const sorted = (order: VehicleOrder, direction: Direction, ahead = ''): string => {
  const columns = order === 'ID' ? [KEYS.ID.key] : [KEYS[order].key, 'f.vehicle_id']
  const keys = ahead === '' ? columns : [ahead, ...columns]
  return `ORDER BY ${keys.map((key) => `${key} ${direction}`).join(', ')}`
}

/** Vehicles that the search looks at in the order of the list, before it asks the index of parts. */
const NEAR = 1_000

/** Named parts of the statement, and what selects the page of own vehicles from them. */
type Part = { readonly parts: readonly string[]; readonly page: string }

/**
 * A text that many vehicles have is soon found in the order of the list; one that few have is found by the index of parts, whose
 * matches are then sorted. Which of the two it is shows after the first vehicles of the range.
 */
function searchedOwn(order: VehicleOrder, direction: Direction, more: string): Part {
  const key = `f.vehicle_id, ${KEYS[order].key} AS key`
  // Set apart from the range, for which the planner would read another index, too.
  const matches = (more: string) =>
    `matches AS MATERIALIZED (SELECT f.* FROM ${found(order, all(HAS_GRAMS, HAS_TEXT))} ${more})`
  const page = (rows: string) => `SELECT ${key} FROM ${rows} AS f WHERE ${range(order)} ${more}
    ${sorted(order, direction)} LIMIT $4`
  if (order === 'LAST_CONTACT') return { parts: [matches('')], page: page('matches') }
  return {
    parts: [
      `looked AS MATERIALIZED (SELECT * FROM vehicle_search AS f WHERE ${range(order, 'f.owner_id')}
        ${sorted(order, direction, 'f.owner_id')} LIMIT ${NEAR})`,
      `near AS MATERIALIZED (${page(`(SELECT * FROM looked AS f WHERE ${HAS_TEXT})`)})`,
      `enough AS MATERIALIZED (SELECT (SELECT count(*) FROM near) >= $4 OR (SELECT count(*) FROM looked) < ${NEAR} AS are)`,
      matches('WHERE NOT (SELECT are FROM enough)'),
    ],
    page: `SELECT * FROM near WHERE (SELECT are FROM enough) UNION ALL (${page('matches')})`,
  }
}

/** The fleet's own vehicles in a page of the list. */
function own(order: VehicleOrder, direction: Direction, { isSearched, hasIds }: FindKind, more: string): Part {
  if (isSearched && !hasIds) return searchedOwn(order, direction, more)
  const key = `f.vehicle_id, ${KEYS[order].key} AS key`
  if (hasIds) {
    const where = all(OWN, HAS_ID, isSearched && HAS_TEXT)
    return {
      parts: [],
      page: `SELECT ${key} FROM ${found(order, where)} WHERE ${range(order)} ${more} ${sorted(order, direction)} LIMIT $4`,
    }
  }
  if (order === 'LAST_CONTACT') {
    const rows = `(SELECT v.id AS vehicle_id, ${LAST_CONTACT} AS by_contact FROM vehicle AS v
      WHERE v.owner_id = $1 AND v.deleted_at IS NULL) AS f`
    return {
      parts: [],
      page: `SELECT ${key} FROM ${rows} WHERE ${range(order)} ${more} ${sorted(order, direction)} LIMIT $4`,
    }
  }
  return {
    parts: [],
    page: `SELECT ${key} FROM vehicle_search AS f WHERE ${range(order, 'f.owner_id')} ${more}
      ${sorted(order, direction, 'f.owner_id')} LIMIT $4`,
  }
}

/**
 * Vehicles that are shared with the fleet: by its open sharings, and by those that have ended since the instant. The comparison of
 * rows is true of all: no other index could serve it than that of a partner's open sharings.
 */
const OPEN_IN = `s.partner_id = $1 AND s.ended_at IS NULL AND ${IN_FORCE}`
const ENDED_IN = 'SELECT since.vehicle_id FROM since WHERE since.partner_id = $1'
const betweenIds = (after: string, before: string) =>
  `(s.partner_id, s.vehicle_id) > ($1, ${after}) AND (s.partner_id, s.vehicle_id) < ($1, ${before})`
const ANY_ID = betweenIds("''", `'${BEYOND_IDS}'`)

/** The rows of vehicle_search of the vehicles s. */
const searchedOf = (order: VehicleOrder, { isSearched, hasIds }: FindKind) => {
  const rows = found(order, all('f.vehicle_id = s.vehicle_id', hasIds && HAS_ID, isSearched && HAS_TEXT))
  return `CROSS JOIN LATERAL (SELECT * FROM ${rows} OFFSET 0) AS f`
}

const sharedIn = (order: VehicleOrder, kind: FindKind) =>
  `SELECT f.* FROM (SELECT s.vehicle_id FROM sharing AS s WHERE ${OPEN_IN} AND ${ANY_ID} UNION ALL ${ENDED_IN}) AS s
    ${searchedOf(order, kind)}`

const sharedInPage = (order: VehicleOrder, direction: Direction, kind: FindKind) =>
  order === 'ID'
    ? sharedInById(direction, kind)
    : `SELECT f.vehicle_id, ${KEYS[order].key} AS key FROM (${sharedIn(order, kind)}) AS f WHERE ${range(order)}
    ${sorted(order, direction)} LIMIT $4`

/** In the order of the index of a partner's open sharings, no further than the page goes. */
const sharedInById = (direction: Direction, kind: FindKind) =>
  `SELECT f.vehicle_id, f.vehicle_id AS key FROM (
      (SELECT f.vehicle_id FROM sharing AS s ${searchedOf('ID', kind)}
        WHERE ${OPEN_IN} AND ${betweenIds('$6::text', '$7::text')}
        ORDER BY s.partner_id ${direction}, s.vehicle_id ${direction} LIMIT $4)
      UNION ALL SELECT f.vehicle_id FROM (${ENDED_IN}) AS s ${searchedOf('ID', kind)}
    ) AS f WHERE ${range('ID')} ${sorted('ID', direction)} LIMIT $4`

/** Their number. Where nothing is looked for, the texts of those that are shared are not read: they are not deleted. */
const sharedInCount = (kind: FindKind) =>
  kind.isSearched || kind.hasIds
    ? `(SELECT count(*) FROM (${sharedIn('ID', kind)}) AS f)`
    : `(SELECT count(*) FROM sharing AS s WHERE ${OPEN_IN} AND ${ANY_ID})
      + (SELECT count(*) FROM (${ENDED_IN}) AS s ${searchedOf('ID', kind)})`

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
  const { parts, page } = relation === 'SHARED_IN' ? { parts: [], page: '' } : own(order, direction, kind, moreOf(kind))
  const shared = relation === 'ALL' || relation === 'SHARED_IN' ? sharedInPage(order, direction, kind) : ''
  const both = [page, shared].filter((one) => one !== '').map((one) => `(${one})`)
  return `WITH ${[GIVEN, SINCE, ...parts].join(', ')}, page AS MATERIALIZED (
      SELECT * FROM (${both.join(' UNION ALL ')}) AS seen ORDER BY key ${direction}, vehicle_id ${direction} LIMIT $4)
    SELECT ${OPEN_VEHICLE_COLUMNS} FROM page
      JOIN vehicle AS v ON v.id = page.vehicle_id AND v.deleted_at IS NULL ${WITH_OPEN_SHARINGS}
    ORDER BY page.key ${direction}, page.vehicle_id ${direction}`
}

function countText(kind: FindKind): string {
  const { relation, isSearched, hasIds } = kind
  const where = all(isSearched && !hasIds ? HAS_GRAMS : OWN, hasIds && HAS_ID, isSearched && HAS_TEXT)
  const owned = `(SELECT count(*) FROM vehicle_search AS f WHERE ${where} ${moreOf(kind)})`
  const shared = sharedInCount(kind)
  const counts = relation === 'ALL' ? `${owned} + ${shared}` : relation === 'SHARED_IN' ? shared : owned
  return `WITH ${GIVEN}, ${SINCE} SELECT (${counts})::int AS count`
}
