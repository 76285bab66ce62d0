import type { Instant } from '../../../domain/period.ts'
import { phaseAt } from '../../../domain/sharing.ts'
import type { Sharing, SharingPhase, SharingStatus } from '../../../domain/sharing.ts'
import { timestamp } from '../../database/statement.ts'
import type { Statement } from '../../database/statement.ts'
import type { Services } from '../../services.ts'
import { isId } from '../../tables/ids.ts'
import { select } from '../../tables/record.ts'
import type { Row } from '../../tables/kinds.ts'
import { SHARING } from '../../tables/sharing.ts'
import type { Page, SharingKey } from '../lists.ts'
import { settledSharings, undecidedAt } from '../undecided.ts'

export type SharingListFilter = {
  readonly phase: SharingPhase | null
  readonly status: SharingStatus | null
  readonly vehicleId: string | null
}

type Direction = 'ASC' | 'DESC'

const LISTED = select(SHARING.of('s'))

/** The phase as it is recorded, which indexes have in exactly these words. */
const RECORDED = `(CASE WHEN s.cancelled_at IS NOT NULL THEN 'CANCELLED' WHEN s.ended_at IS NOT NULL THEN 'ENDED'
  WHEN s.started_at IS NOT NULL THEN 'ACTIVE' ELSE 'SCHEDULED' END) COLLATE "C"`

/**
 * phaseAt() at the instant $8. The phases of the ids $9, where something fell due with a policy and is not recorded, are $10.
 * A comparison with NULL is not true: what has no start yet is scheduled, what has no end is active.
 */
const PHASE = `CASE
  WHEN s.id = ANY ($9::text[]) THEN ($10::text[])[array_position($9::text[], s.id)]
  WHEN s.cancelled_at IS NOT NULL THEN 'CANCELLED'
  WHEN (COALESCE(s.started_at, CASE WHEN NOT s.start_when_idle THEN s.starts_at END) <= $8::timestamptz) IS NOT TRUE THEN 'SCHEDULED'
  WHEN LEAST(s.ended_at, COALESCE(s.latest_ends_at, s.ends_at)) <= $8::timestamptz THEN 'ENDED'
  ELSE 'ACTIVE' END`

const PARTIES = ['owner_id', 'partner_id'] as const
type Party = (typeof PARTIES)[number]

/** The recorded phases of which the fleet is wanted as this party. */
const PHASES_OF = { owner_id: '$2', partner_id: '$3' } as const

/**
 * $1 the fleet, $2 and $3 phases of sharings of which it is the owner, and the partner; $4 and $5 the key before which in time the
 * page lies, $6 and $7 the key behind which it lies, $11 the limit.
 */
const BETWEEN = `(s.starts_at, s.id) < ($4::timestamptz, $5::text) AND (s.starts_at, s.id) > ($6::timestamptz, $7::text)`

/** Rows of each range, and the condition that is left to them. */
type Wanted = { readonly limit: string; readonly where: string }

/** Each phase as one range of an index, in its order. */
const asParty = (party: Party, direction: Direction, { limit, where }: Wanted) => `
  (SELECT s.* FROM unnest(${PHASES_OF[party]}::text[]) AS wanted(phase) CROSS JOIN LATERAL (
    SELECT * FROM sharing AS s WHERE s.${party} = $1 AND ${RECORDED} = wanted.phase AND ${BETWEEN}
    ORDER BY s.starts_at ${direction}, s.id ${direction} LIMIT ${limit}
  ) AS s ${where})`

/**
 * The few whose recorded phase is not the one at the instant: a change fell due that is not recorded yet, or one was recorded
 * since.
 */
const MOVED = `moved AS MATERIALIZED (
  SELECT s.id FROM sharing AS s WHERE s.due_at <= $8::timestamptz
  UNION SELECT s.id FROM sharing AS s WHERE s.id = ANY ($9::text[])
  UNION SELECT s.id FROM sharing AS s WHERE s.ended_at > $8::timestamptz AND s.ended_at < 'infinity'
  UNION SELECT s.id FROM sharing AS s
    WHERE s.ended_at IS NULL AND s.started_at > $8::timestamptz AND s.started_at < 'infinity')`

const IS_WANTED = PARTIES.map((party) => `(s.${party} = $1 AND ${PHASE} = ANY (${PHASES_OF[party]}::text[]))`).join(
  ' OR ',
)

const MOVED_PAGE = `
  (SELECT s.* FROM moved CROSS JOIN LATERAL (SELECT * FROM sharing AS s WHERE s.id = moved.id OFFSET 0) AS s
    WHERE (${IS_WANTED}) AND ${PHASE} <> ${RECORDED} AND ${BETWEEN})`

const asParties = (direction: Direction, wanted: Wanted) =>
  PARTIES.map((party) => asParty(party, direction, wanted)).join(' UNION ALL ')

/** Sharings of every phase. The statement names the parameters that it has no use for. */
const ofFleet = (direction: Direction) => `FROM (${asParties(direction, { limit: '$11', where: '' })}) AS s
  WHERE ($8::timestamptz, $9::text[], $10::text[]) IS NOT NULL`

/** So many more as have moved away: no others of a range are left out. */
const OF_PHASE = { limit: '$11 + (SELECT count(*) FROM moved)', where: `WHERE ${PHASE} = wanted.phase` }

const ofPhase = (direction: Direction) => `FROM (${asParties(direction, OF_PHASE)} UNION ALL ${MOVED_PAGE}) AS s`

/** Of one vehicle, $12, whose phases are told apart as they are read. */
const ofVehicle = (direction: Direction) => `FROM (
    SELECT * FROM sharing AS s
    WHERE (s.vehicle_id, s.starts_at, s.id) < ($12, $4::timestamptz, $5::text)
      AND (s.vehicle_id, s.starts_at, s.id) > ($12, $6::timestamptz, $7::text) AND (${IS_WANTED})
    ORDER BY s.vehicle_id ${direction}, s.starts_at ${direction}, s.id ${direction} LIMIT $11
  ) AS s`

const statement = (name: string, direction: Direction, parts: string, from: string): Statement => ({
  name: `sharings_${name}_${direction.toLowerCase()}`,
  text: `${parts} SELECT ${LISTED.sql} ${from}
    ORDER BY s.starts_at ${direction}, s.id ${direction} LIMIT $11`,
})

const both = (name: string, parts: string, from: (direction: Direction) => string) => ({
  ASC: statement(name, 'ASC', parts, from('ASC')),
  DESC: statement(name, 'DESC', parts, from('DESC')),
})

export const SHARING_LISTS = {
  ofFleet: both('of_fleet', '', ofFleet),
  ofPhase: both('of_phase', `WITH ${MOVED}`, ofPhase),
  ofVehicle: both('of_vehicle', '', ofVehicle),
} as const

const ALL: readonly SharingPhase[] = ['SCHEDULED', 'ACTIVE', 'ENDED', 'CANCELLED']

/** Attempts to read a page while sharings move to other phases. */
const ATTEMPTS = 3

/** The sharings that the fleet is or was a party to, newest start first. */
export async function listSharings(
  services: Services,
  fleetId: string,
  at: Instant,
  filter: SharingListFilter,
  page: Page<SharingKey>,
): Promise<Sharing[]> {
  // A decision from before a due instant may be committed after it, between the statements.
  for (let left = ATTEMPTS; ; left--) {
    const found = await readPage(services, fleetId, at, filter, page)
    if (left === 1 || filter.phase === null || found.every((sharing) => phaseAt(sharing, at) === filter.phase))
      return found
  }
}

async function readPage(
  services: Services,
  fleetId: string,
  at: Instant,
  { phase, status, vehicleId }: SharingListFilter,
  { after, before, limit, backwards }: Page<SharingKey>,
): Promise<Sharing[]> {
  if (vehicleId !== null && !isId(vehicleId)) return []
  const { query } = services
  const phases = phase === null ? ALL : [phase]
  const undecided = phase === null ? [] : await undecidedAt(query, at)
  const kind = vehicleId !== null ? 'ofVehicle' : phase === null ? 'ofFleet' : 'ofPhase'
  const values: unknown[] = [
    fleetId,
    status === 'SHARED_PARTNER_VEHICLE' ? [] : phases,
    status === 'SHARED_OWN_VEHICLE' ? [] : phases,
    ...(after ? [timestamp(after[0]), after[1]] : ['infinity', '']),
    ...(before ? [timestamp(before[0]), before[1]] : ['-infinity', '']),
    timestamp(at),
    undecided.map(({ id }) => id),
    undecided.map((one) => one.phase),
    limit,
  ]
  if (vehicleId !== null) values.push(vehicleId)
  const rows = await query<Row>(SHARING_LISTS[kind][backwards ? 'ASC' : 'DESC'], values)
  const sharings = rows.map(LISTED.read)
  return settledSharings(services, sharings, at)
}
