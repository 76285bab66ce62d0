import DataLoader from 'dataloader'
import { seesAt } from '../../domain/access/access.ts'
import type { Command } from '../../domain/command.ts'
import type { Fleet } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import { isBehind } from '../../domain/handover/settle.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import type { Services } from '../services.ts'
import { listRelatedFleets, nodeTypes, partnersAmong } from './nodes.ts'
import type { NodeType } from './nodes.ts'
import { listSharingsOf } from './lists.ts'
import type { Page, SharingKey } from './lists.ts'
import type { OpenVehicle } from '../services.ts'
import { COMMAND } from '../tables/command.ts'
import { isId } from '../tables/ids.ts'
import { SHARING } from '../tables/sharing.ts'
import { VEHICLE } from '../tables/vehicle.ts'
import { settledFor } from './open-vehicles.ts'
import { settledCommands, settledSharings } from './undecided.ts'
import { partyIs } from './visibility.ts'

/**
 * The batched reads of one operation: one statement for all rows of a kind that a level of the answer needs. All reads hold at
 * one instant and for one fleet, so that neither an id nor a relation leads to an invisible record.
 */
export type Loaders = {
  readonly fleet: (id: string) => Fleet | Promise<Fleet | null>
  /** null for a vehicle that the fleet may not see. */
  readonly vehicle: (id: string) => Promise<OpenVehicle | null>
  readonly sharing: Load<string, Sharing | null>
  /** A vehicle with its open sharings, other fleets' included: for decisions, not for answers. */
  readonly anybodys: (vehicleId: string) => Promise<OpenVehicle | null>
  readonly sharingsOf: Load<SharingsRequest, Sharing[]>
  /** null for a command that the fleet did not send, of a vehicle that it does not own. */
  readonly command: Load<string, Command | null>
  /** A command as it is now: a change that the clock brought counts from its instant, whether or not it is recorded yet. */
  readonly commandNow: Load<Command, Command>
  /** null for a fleet that is neither the own one nor a partner, and has no sharing with the own one. */
  readonly relatedFleet: Load<string, Fleet | null>
  /** Whether the fleet may share vehicles with another. */
  readonly isPartner: Load<string, boolean>
  /** The type of the object that has an id, visible or not; null for an id that nothing has. */
  readonly nodeType: Load<string, NodeType | null>
  /** The vehicle of a sharing whose start or end is due and may not be recorded yet, visible or not. */
  readonly snapshots: Load<Sharing, Pick<Sharing, 'handover' | 'returned'>>
}

/** Loads values by their keys. */
type Load<K, V> = { readonly load: (key: K) => Promise<V> }

type SharingsRequest = { readonly vehicleId: string; readonly page: Page<SharingKey> }

/** Keys per batch: few enough for good plans, and for few forms of prepared statements. */
const MOST_KEYS = 500

/** @param fleetId null for a viewer without a fleet, who can read fleets only */
export function createLoaders(db: Services, fleetId: string | null, at: Instant): Loaders {
  const { prisma, openVehicles } = db
  const vehicles = new Map<string, Promise<OpenVehicle | null>>()
  /** One instant per operation, so that its answer agrees with itself. */
  const recorded = (id: string) => {
    const loading = vehicles.get(id) ?? openVehicles.vehicle(id, at)
    vehicles.set(id, loading)
    return loading
  }
  const anybodys = async (id: string) => {
    const vehicle = await recorded(id)
    return vehicle && settledFor(vehicle, at)
  }
  const viewer = fleetId ?? ''
  return {
    fleet: openVehicles.fleet,
    vehicle: async (id) => {
      const vehicle = await anybodys(id)
      return vehicle && seesAt(viewer, { vehicle, sharings: vehicle.sharings }, at) ? vehicle : null
    },
    sharing: byId(async (ids) => {
      const read = async () => {
        const rows = await prisma.sharing.findMany({ where: { AND: [{ id: { in: ids } }, partyIs(viewer)] } })
        return rows.map(SHARING.fromPrisma)
      }
      const sharings = await read()
      const behind = sharings.filter((sharing) => isBehind([sharing], at)).map(({ vehicleId }) => vehicleId)
      if (behind.length === 0) return sharings
      await db.waitForWriters(behind, at)
      return settledSharings(db, await read(), at)
    }),
    anybodys,
    command: byId(async (ids) => {
      const rows = await prisma.command.findMany({
        where: { id: { in: ids }, OR: [{ ownerId: viewer }, { fleetId: viewer }] },
      })
      return rows.map(COMMAND.fromPrisma)
    }),
    commandNow: loader(
      (commands: readonly Command[]) => settledCommands(db, commands, at),
      ({ id }) => id,
    ),
    relatedFleet: byId((ids) => listRelatedFleets(db, viewer, ids)),
    isPartner: loader(async (ids) => {
      const partners = new Set(await partnersAmong(db, viewer, ids))
      return ids.map((id) => partners.has(id))
    }),
    nodeType: loader((ids) => nodeTypes(db, ids)),
    snapshots: loader(
      async (sharings: readonly Sharing[]) => {
        const vehicleIds = sharings.map(({ vehicleId }) => vehicleId)
        const rows = await prisma.vehicle.findMany({ where: { id: { in: vehicleIds } } })
        // Read after the readings: if the handover was recorded in between, the readings may be younger than it.
        const written = await prisma.sharing.findMany({ where: { id: { in: sharings.map(({ id }) => id) } } })
        const states = new Map(rows.map((row) => [row.id, VEHICLE.fromPrisma(row).state]))
        const found = new Map(written.map((row) => [row.id, SHARING.fromPrisma(row)]))
        return sharings.map(({ id, vehicleId }) => {
          const state = states.get(vehicleId) ?? null
          return { handover: found.get(id)?.handover ?? state, returned: found.get(id)?.returned ?? state }
        })
      },
      ({ id }) => id,
    ),
    sharingsOf: loader(async (requests) => {
      const found = new Map<string, Sharing[]>()
      for (const group of Map.groupBy(requests, ({ page }) => JSON.stringify(page)).values()) {
        const [first] = group
        if (first === undefined) continue
        const vehicleIds = group.map(({ vehicleId }) => vehicleId)
        const listed = await listSharingsOf(db, viewer, vehicleIds, first.page)
        const lists = await Promise.all(listed.map((list) => settledSharings(db, list, at)))
        group.forEach((request, index) => found.set(keyOf(request), lists[index] ?? []))
      }
      return requests.map((request) => found.get(keyOf(request)) ?? [])
    }, keyOf),
  }
}

/** The records that decide about a vehicle; without a statement if they were read with it. null for one that is deleted. */
export const openVehicleOf = (
  loaders: Loaders,
  vehicle: Vehicle | OpenVehicle,
): OpenVehicle | Promise<OpenVehicle | null> => ('sharings' in vehicle ? vehicle : loaders.anybodys(vehicle.id))

const keyOf = ({ vehicleId, page }: SharingsRequest): string => `${vehicleId} ${JSON.stringify(page)}`

/** Texts that cannot be ids are left out: PostgreSQL rejects some of them. */
const byId = <T extends { readonly id: string }>(find: (ids: string[]) => Promise<T[]>): Load<string, T | null> =>
  loader(async (ids) => {
    const rows = new Map((await find(ids.filter(isId))).map((row) => [row.id, row]))
    return ids.map((id) => rows.get(id) ?? null)
  })

/** Made at its first use: most operations need none or one of the loaders. */
function loader<K, V>(find: (keys: readonly K[]) => Promise<readonly V[]>, keyOf?: (key: K) => string): Load<K, V> {
  let made: DataLoader<K, V, unknown> | null = null
  return {
    load: (key) => {
      made ??= new DataLoader<K, V, unknown>(find, { maxBatchSize: MOST_KEYS, ...(keyOf && { cacheKeyFn: keyOf }) })
      return made.load(key)
    },
  }
}
