import type { Fleet } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Services } from '../services.ts'
import { settledFor, vehiclesOf } from './open-vehicles.ts'
import { undecidedAt } from './undecided.ts'
import type { OpenVehicle } from '../services.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement } from '../database/statement.ts'
import { isId } from '../tables/ids.ts'
import { select } from '../tables/record.ts'
import type { Row } from '../tables/kinds.ts'
import { SHARING } from '../tables/sharing.ts'
import { relationIs, visibleTo } from './visibility.ts'
import { seesAt, standsAs } from '../../domain/access/access.ts'
import type { Control, VehicleRelation } from '../../domain/access/access.ts'
import { BEYOND_IDS, VEHICLE_LISTS } from './vehicle-lists.ts'

/**
 * A page of an ordered list: at most `limit` rows strictly between two keys. `backwards` reads from the end, the last row first.
 * A key is a position: the page stays valid after the row of the key was removed.
 */
export type Page<Key> = {
  readonly after: Key | null
  readonly before: Key | null
  readonly limit: number
  readonly backwards: boolean
}

const between = ({ after, before }: Page<string>) => ({
  ...(after === null ? {} : { gt: after }),
  ...(before === null ? {} : { lt: before }),
})

const order = ({ backwards }: Page<unknown>) => (backwards ? 'desc' : 'asc')

export type VehicleListFilter = { readonly relation: VehicleRelation | null; readonly ids: readonly string[] | null }

/** Ids per statement: PostgreSQL's protocol allows 32,767 parameters. */
const MOST_IDS = 10_000

/**
 * The vehicles that the fleet may see at `at`, by id, as they are committed. Other than reads.vehicle(), a list does not wait for
 * decisions that are being committed, because it would have to lock every row. A request that acts on a vehicle does wait.
 */
export async function listVehicles(
  db: Services,
  fleetId: string,
  at: Instant,
  { relation, ids }: VehicleListFilter,
  page: Page<string>,
): Promise<OpenVehicle[]> {
  if (ids === null) {
    const statement = VEHICLE_LISTS[relation ?? 'ALL'][order(page)]
    const { after, before, limit } = page
    const found = vehiclesOf(
      await db.query(statement, [fleetId, after ?? '', before ?? BEYOND_IDS, limit, new Date(at)]),
    )
    return found.map((vehicle) => settledFor(vehicle, at))
  }
  // In the list's order, so that a full page leaves the rest of the ids unread.
  const wanted = [...new Set(ids.filter(isId))].toSorted()
  if (page.backwards) wanted.reverse()
  const found: OpenVehicle[] = []
  for (let from = 0; from < wanted.length && found.length < page.limit; from += MOST_IDS) {
    const rest = { ...page, limit: page.limit - found.length }
    found.push(...(await listSome(db, fleetId, at, relation, wanted.slice(from, from + MOST_IDS), rest)))
  }
  return found
}

/**
 * A page of at most MOST_IDS vehicles. They are found and read by two statements: one whose control has passed in between is left
 * out, so that nobody sees what was reported after that.
 */
async function listSome(
  { prisma, query, openVehicles }: Services,
  fleetId: string,
  at: Instant,
  relation: VehicleRelation | null,
  ids: readonly string[],
  page: Page<string>,
): Promise<OpenVehicle[]> {
  const undecided = await undecidedAt(query, at)
  const where = relation === null ? visibleTo(fleetId, at, undecided) : relationIs(relation, fleetId, at, undecided)
  const found: OpenVehicle[] = []
  for (let rest = page; ;) {
    const take = page.limit - found.length
    const rows = await prisma.vehicle.findMany({
      where: { AND: [where, { id: between(rest) }, { id: { in: [...ids] } }] },
      orderBy: { id: order(page) },
      take,
      select: { id: true },
    })
    for (const vehicle of await Promise.all(rows.map(({ id }) => openVehicles.vehicle(id, at)))) {
      const settled = vehicle && settledFor(vehicle, at)
      if (settled && isListed(relation, fleetId, { vehicle: settled, sharings: settled.sharings }, at))
        found.push(settled)
    }
    const last = rows.at(-1)
    if (found.length === page.limit || rows.length < take || !last) return found
    rest = { ...page, [page.backwards ? 'before' : 'after']: last.id }
  }
}

const isListed = (relation: VehicleRelation | null, fleetId: string, control: Control, at: Instant): boolean =>
  relation === null ? seesAt(fleetId, control, at) : standsAs(relation, fleetId, control, at)

const FLEET = { id: true, name: true } as const

/** The fleets that a fleet may share with, by name. */
export async function listPartners({ prisma }: Services, fleetId: string, page: Page<string>): Promise<Fleet[]> {
  if (!isId(fleetId)) return []
  return prisma.fleet.findMany({
    where: { partnerOf: { some: { fleetId } }, name: between(page) },
    orderBy: { name: order(page) },
    take: page.limit,
    select: FLEET,
  })
}

/** Every fleet, by id. */
export const listFleets = ({ prisma }: Services, page: Page<string>): Promise<Fleet[]> =>
  prisma.fleet.findMany({ where: { id: between(page) }, orderBy: { id: order(page) }, take: page.limit, select: FLEET })

/** Newest start first, then by id. */
export type SharingKey = readonly [startsAt: Instant, id: string]

const LISTED = select(SHARING.of('s'))

/** $1 vehicles, $2 fleet, $3 limit, $4 the key after which the page begins, $5 the key before which it ends. */
const sharingsOf = (direction: 'ASC' | 'DESC', after: boolean, before: boolean): Statement => ({
  name: `sharings_of_${direction}_${after}_${before}`,
  text: `SELECT ${LISTED.sql} FROM unnest($1::text[]) WITH ORDINALITY AS v (id, place) CROSS JOIN LATERAL (
      SELECT * FROM sharing AS s
      WHERE s.vehicle_id = v.id AND (s.owner_id = $2 OR s.partner_id = $2)
        ${after ? 'AND (s.starts_at, s.id) < ($4::timestamptz, $5::text)' : ''}
        ${before ? `AND (s.starts_at, s.id) > ($${after ? 6 : 4}::timestamptz, $${after ? 7 : 5}::text)` : ''}
      ORDER BY s.starts_at ${direction}, s.id ${direction} LIMIT $3
    ) AS s
    ORDER BY v.place, s.starts_at ${direction}, s.id ${direction}`,
})

/** The same page for each vehicle, in one statement: all of its sharings for its owner, a partner's own for the partner. */
export async function listSharingsOf(
  { query }: Services,
  fleetId: string,
  vehicleIds: readonly string[],
  { after, before, limit, backwards }: Page<SharingKey>,
): Promise<Sharing[][]> {
  const statement = sharingsOf(backwards ? 'ASC' : 'DESC', after !== null, before !== null)
  const keys = [after, before].flatMap((key) => (key === null ? [] : [timestamp(key[0]), key[1]]))
  const rows = await query<Row>(statement, [vehicleIds, fleetId, limit, ...keys])
  const sharings = rows.map(LISTED.read)
  const byVehicle = Map.groupBy(sharings, ({ vehicleId }) => vehicleId)
  return vehicleIds.map((id) => byVehicle.get(id) ?? [])
}
