import type DataLoader from 'dataloader'
import { LRUCache } from 'lru-cache'
import type { Fleet } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import { asOf, isBehind } from '../../domain/handover/settle.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Query, Statement } from '../database/statement.ts'
import type { OpenVehicle, OpenVehicles, WaitForWriters } from '../services.ts'
import { isId } from '../tables/ids.ts'
import { givenThat, selectParts } from '../tables/record.ts'
import type { Row } from '../tables/kinds.ts'
import { SHARING } from '../tables/sharing.ts'
import { nonNull } from '../tables/table.ts'
import { VEHICLE } from '../tables/vehicle.ts'
import { batched } from './batch.ts'

const KNOWN_FLEETS = 10_000

export function createOpenVehicles(query: Query, waitForWriters: WaitForWriters): OpenVehicles {
  const read = async (ids: readonly string[]) => vehiclesOf(await query<Row>(VEHICLES, [ids]))
  const vehicles = batched(async (asked: readonly AskedAt[]) => {
    const latest = new Map<string, Instant>()
    for (const { id, at } of asked) if (isId(id)) latest.set(id, Math.max(at, latest.get(id) ?? at))
    const found = await settledBy(waitForWriters, await read([...latest.keys()]), ({ id }) => latest.get(id) ?? 0, read)
    const byId = new Map(found.map((vehicle) => [vehicle.id, vehicle]))
    return asked.map(({ id }) => byId.get(id) ?? null)
  })
  const recorded = byId(read)
  const fleets = byId((ids) => query<Fleet>(FLEETS, [ids]))
  const known = new LRUCache<string, Fleet>({ max: KNOWN_FLEETS })
  return {
    vehicle: (id, at) => vehicles.load({ id, at }),
    recorded: (id) => recorded.load(id),
    fleet: (id) =>
      known.get(id) ??
      fleets.load(id).then((fleet) => {
        if (fleet) known.set(fleet.id, fleet)
        return fleet
      }),
  }
}

type AskedAt = { readonly id: string; readonly at: Instant }

/** Reads vehicles with due steps again, after the decisions from before the due instants have been committed. */
async function settledBy(
  waitForWriters: WaitForWriters,
  vehicles: readonly OpenVehicle[],
  instantOf: (vehicle: OpenVehicle) => Instant,
  read: (ids: readonly string[]) => Promise<OpenVehicle[]>,
): Promise<readonly OpenVehicle[]> {
  const behind = vehicles.filter((vehicle) => isBehind(vehicle.sharings, instantOf(vehicle)))
  if (behind.length === 0) return vehicles
  const ids = behind.map(({ id }) => id)
  await waitForWriters(ids, Math.max(...behind.map(instantOf)))
  return [...vehicles.filter((vehicle) => !behind.includes(vehicle)), ...(await read(ids))]
}

/** The vehicle with its sharings and its use as they are at `at`, recorded or not. */
export const settledFor = (vehicle: OpenVehicle, at: Instant): OpenVehicle =>
  isBehind(vehicle.sharings, at) ? { ...vehicle, ...asOf(vehicle.sharings, vehicle, at) } : vehicle

/** null for each id that is not found. */
const byId = <T extends { readonly id: string }>(
  find: (ids: readonly string[]) => Promise<readonly T[]>,
): DataLoader<string, T | null> =>
  batched(async (ids) => {
    // Texts that cannot be ids are left out: PostgreSQL rejects some of them.
    const rows = await find([...new Set(ids.filter(isId))])
    const found = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => found.get(id) ?? null)
  })

const FLEETS: Statement = { name: 'fleets', text: 'SELECT id, name FROM fleet WHERE id = ANY($1::text[])' }

/** Columns that are NULL in every open sharing, and its snapshots, which are long and read separately. */
const NULL_WHILE_OPEN = ['endedAt', 'endReason', 'cancelledAt', 'handover', 'returned'] as const

/** The setting IDLE_MAX_SILENCE_MINUTES as the database has it, which all instances decide by. */
export const MAX_SILENCE_MS = {
  sql: "(SELECT value * 60000::bigint FROM setting WHERE name = 'idle_max_silence_minutes')",
  kind: 'integer',
} as const

/** Whether the outer join of a vehicle with its sharings found one. */
export const FOUND = 's.id IS NOT NULL'

const OPEN_VEHICLE = selectParts({
  vehicle: VEHICLE.of('v'),
  maxSilence: MAX_SILENCE_MS,
  sharing: givenThat(FOUND, SHARING.of('s', NULL_WHILE_OPEN)),
})

/** A vehicle with one of its open sharings. */
export const OPEN_VEHICLE_COLUMNS = OPEN_VEHICLE.sql

export const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

export const OPEN_SHARING = `s.vehicle_id = v.id AND ${IS_OPEN}`

/**
 * OFFSET 0 makes the planner look up the open sharings of each vehicle. Without it, a plan made while sharings are few reads all
 * open ones for each vehicle, and is kept when they are many.
 */
export const WITH_OPEN_SHARINGS = `LEFT JOIN LATERAL (SELECT * FROM sharing AS s WHERE ${OPEN_SHARING} OFFSET 0) AS s ON TRUE`

const VEHICLES: Statement = {
  name: 'vehicles',
  text: `SELECT ${OPEN_VEHICLE_COLUMNS} FROM vehicle AS v ${WITH_OPEN_SHARINGS}
    WHERE v.id = ANY($1::text[]) AND v.deleted_at IS NULL ORDER BY v.id`,
}

/** Puts rows, one per open sharing, together by vehicle; those of a vehicle have to be next to each other. */
export function vehiclesOf(rows: readonly Row[]): OpenVehicle[] {
  const vehicles: OpenVehicle[] = []
  let sharings: Sharing[] = []
  for (const row of rows) {
    const { vehicle, maxSilence, sharing } = OPEN_VEHICLE.read(row)
    if (vehicles.at(-1)?.id !== vehicle.id) {
      sharings = []
      vehicles.push({ ...vehicle, maxSilenceMs: nonNull(maxSilence, 'the setting'), sharings })
    }
    if (sharing) sharings.push(sharing)
  }
  return vehicles
}
