import DataLoader from 'dataloader'
import type pg from 'pg'
import { rowsOf } from './pool.ts'
import { FLEETS, SHARINGS } from './reads.ts'
import { toSharing } from './rows.ts'
import type { Sharing, SharingRow } from './rows.ts'

export type Fleet = { readonly id: string; readonly name: string }

/** What one request reads, batched: one statement per relation. */
export type Loaders = {
  readonly fleet: DataLoader<string, Fleet | null>
  /** By the vehicle: the sharing in force. */
  readonly sharing: DataLoader<string, Sharing | null>
}

export const createLoaders = (pool: pg.Pool, fleetId: string): Loaders => ({
  fleet: new DataLoader(async (ids) => {
    const found = new Map((await rowsOf<Fleet>(pool, FLEETS, [ids])).map((fleet) => [fleet.id, fleet]))
    return ids.map((id) => found.get(id) ?? null)
  }),
  sharing: new DataLoader(async (vehicleIds) => {
    const rows = await rowsOf<SharingRow>(pool, SHARINGS, [vehicleIds])
    const found = new Map(rows.map((row) => [row.vehicle_id, toSharing(row, fleetId)]))
    return vehicleIds.map((id) => found.get(id) ?? null)
  }),
})
