import type DataLoader from 'dataloader'
import { LRUCache } from 'lru-cache'
import type { Fleet } from '../../domain/fleet.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import type { Query, Statement } from '../database/statement.ts'
import { isId } from '../tables/ids.ts'
import { selectParts } from '../tables/record.ts'
import type { Row } from '../tables/record.ts'
import { SHARING } from '../tables/sharing.ts'
import { VEHICLE } from '../tables/vehicle.ts'
import { batched } from './batch.ts'

/** A vehicle with those of its sharings that are not over by the log: what decides who may see it, and what with it. */
export type OpenVehicle = Vehicle & { readonly sharings: readonly Sharing[] }

/** What all requests of an instance read together, before anybody's rights are applied. */
export type OpenVehicles = {
  /** Whoever may see it; null for one that is deleted, or never was. */
  readonly vehicle: (id: string) => Promise<OpenVehicle | null>
  /** Fleets neither go nor change, so that one which was read is known. */
  readonly fleet: (id: string) => Fleet | Promise<Fleet | null>
}

const KNOWN_FLEETS = 10_000

export function createOpenVehicles(query: Query): OpenVehicles {
  const vehicles = byId(async (ids) => vehiclesOf(await query<Row>(VEHICLES, [ids])))
  const fleets = byId((ids) => query<Fleet>(FLEETS, [ids]))
  const known = new LRUCache<string, Fleet>({ max: KNOWN_FLEETS })
  return {
    vehicle: (id) => vehicles.load(id),
    fleet: (id) =>
      known.get(id) ??
      fleets.load(id).then((fleet) => {
        if (fleet) known.set(fleet.id, fleet)
        return fleet
      }),
  }
}

/** null for those that are not found. */
const byId = <T extends { readonly id: string }>(
  find: (ids: readonly string[]) => Promise<readonly T[]>,
): DataLoader<string, T | null> =>
  batched(async (ids) => {
    // What no id of this server's can look like is not asked for: PostgreSQL refuses some of it.
    const rows = await find([...new Set(ids.filter(isId))])
    const found = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => found.get(id) ?? null)
  })

const FLEETS: Statement = { name: 'fleets', text: 'SELECT id, name FROM fleet WHERE id = ANY($1::text[])' }

/** The condition that a sharing is not over by the log makes these NULL; its snapshots are long and read by themselves. */
const NULL_WHILE_OPEN = ['endedAt', 'endReason', 'cancelledAt', 'handover', 'returned'] as const

const OPEN_VEHICLE = selectParts({ vehicle: VEHICLE.of('v'), sharing: SHARING.of('s', NULL_WHILE_OPEN) })

/** A vehicle with its open sharing, of which there may be several. */
export const OPEN_VEHICLE_COLUMNS = OPEN_VEHICLE.sql

export const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

export const OPEN_SHARING = `s.vehicle_id = v.id AND ${IS_OPEN}`

const VEHICLES: Statement = {
  name: 'vehicles',
  text: `SELECT ${OPEN_VEHICLE_COLUMNS} FROM vehicle AS v LEFT JOIN sharing AS s ON ${OPEN_SHARING}
    WHERE v.id = ANY($1::text[]) AND v.deleted_at IS NULL`,
}

/** One row for each open sharing, those of a vehicle side by side or not; the vehicles in the order of their first rows. */
export function vehiclesOf(rows: readonly Row[]): OpenVehicle[] {
  const { at } = OPEN_VEHICLE
  const found = new Map<string, OpenVehicle & { sharings: Sharing[] }>()
  for (const row of rows) {
    const values = OPEN_VEHICLE.read(row)
    const id = values[at.vehicle] as string
    let vehicle = found.get(id)
    if (!vehicle) {
      vehicle = { ...VEHICLE.decode(values, at.vehicle), sharings: [] }
      found.set(id, vehicle)
    }
    if (values[at.sharing] != null) vehicle.sharings.push(SHARING.decode(values, at.sharing))
  }
  return [...found.values()]
}
