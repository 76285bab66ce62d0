import type DataLoader from 'dataloader'
import { LRUCache } from 'lru-cache'
import { COMMAND_TYPES } from '../domain/command.ts'
import type { CommandType } from '../domain/command.ts'
import type { Fleet } from '../domain/fleet.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing, SharingEndReason } from '../domain/sharing.ts'
import type { CentralLock, Reading, VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { batched } from './batched.ts'
import { isId } from './rows.ts'
import type { Query, Statement } from './sql.ts'

/** A vehicle with those of its sharings that are not over by the log: what decides who may see it, and what with it. */
export type OpenVehicle = Vehicle & { readonly sharings: readonly Sharing[] }

/** What all requests of an instance read together, before anybody's rights are applied. */
export type Reads = {
  /** Whoever may see it; null for one that is deleted, or never was. */
  readonly vehicle: (id: string) => Promise<OpenVehicle | null>
  /** Fleets neither go nor change, so that one which was read is known. */
  readonly fleet: (id: string) => Fleet | Promise<Fleet | null>
}

const KNOWN_FLEETS = 10_000

export function createReads(query: Query): Reads {
  const vehicles = byId(async (ids) => vehiclesOf(await query<OpenVehicleRow>(VEHICLES, [ids])))
  const fleets = byId((ids) => query<Fleet>(FLEETS, [ids]))
  const known = new LRUCache<string, Fleet>({ max: KNOWN_FLEETS })
  return {
    vehicle: (id) => vehicles.load(id),
    fleet: (id) =>
      known.get(id) ??
      fleets.load(id).then((fleet) => {
        if (fleet) known.set(id, fleet)
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

/** The columns of `vehicle AS v`. */
export const VEHICLE_COLUMNS = `v.id, v.owner_id, v.name, v.license_plate, v.vin, v.brand, v.model,
  v.supported_commands, v.latitude, v.longitude, v.position_at, v.speed_kmh, v.speed_at, v.mileage_km, v.mileage_at,
  v.energy_percent, v.energy_at, v.central_lock, v.central_lock_at, v.driving_enabled, v.driving_enabled_at, v.ignition,
  v.ignition_at`

/** Those of `sharing AS s` that say something of one that is open. */
export const SHARING_COLUMNS = `s.id AS sharing_id, s.partner_id, s.starts_at, s.ends_at, s.allowed_commands,
  s.start_recorded, s.end_requested_at, s.end_requested_by, s.created_at`

/** A vehicle with its open sharing, of which there may be several. */
export const OPEN_VEHICLE_COLUMNS = `${VEHICLE_COLUMNS}, ${SHARING_COLUMNS}`

export const OPEN_SHARING = 's.vehicle_id = v.id AND s.cancelled_at IS NULL AND s.ended_at IS NULL'

const VEHICLES: Statement = {
  name: 'vehicles',
  text: `SELECT ${OPEN_VEHICLE_COLUMNS} FROM vehicle AS v LEFT JOIN sharing AS s ON ${OPEN_SHARING}
    WHERE v.id = ANY($1::text[]) AND v.deleted_at IS NULL`,
}

/** As VEHICLE_COLUMNS names them. */
export type VehicleRow = {
  readonly id: string
  readonly owner_id: string
  readonly name: string | null
  readonly license_plate: string | null
  readonly vin: string | null
  readonly brand: string | null
  readonly model: string | null
  readonly supported_commands: string
  readonly latitude: number | null
  readonly longitude: number | null
  readonly position_at: Instant | null
  readonly speed_kmh: number | null
  readonly speed_at: Instant | null
  readonly mileage_km: number | null
  readonly mileage_at: Instant | null
  readonly energy_percent: number | null
  readonly energy_at: Instant | null
  readonly central_lock: CentralLock | null
  readonly central_lock_at: Instant | null
  readonly driving_enabled: boolean | null
  readonly driving_enabled_at: Instant | null
  readonly ignition: boolean | null
  readonly ignition_at: Instant | null
}

/** As SHARING_COLUMNS names them. */
export type OpenSharingRow = {
  readonly sharing_id: string
  readonly partner_id: string
  readonly starts_at: Instant
  readonly ends_at: Instant | null
  readonly allowed_commands: string
  readonly start_recorded: boolean
  readonly end_requested_at: Instant | null
  readonly end_requested_by: string | null
  readonly created_at: Instant
}

/** As OPEN_VEHICLE_COLUMNS names them. */
export type OpenVehicleRow = VehicleRow & (OpenSharingRow | { readonly sharing_id: null })

/** One row for each open sharing, those of a vehicle side by side or not; the vehicles in the order of their first rows. */
export function vehiclesOf(rows: readonly OpenVehicleRow[]): OpenVehicle[] {
  const found = new Map<string, OpenVehicle & { sharings: Sharing[] }>()
  for (const row of rows) {
    let vehicle = found.get(row.id)
    if (!vehicle) {
      vehicle = { ...toVehicle(row), sharings: [] }
      found.set(row.id, vehicle)
    }
    if (row.sharing_id !== null) vehicle.sharings.push(toOpenSharing(row, row.id, row.owner_id))
  }
  return [...found.values()]
}

export const toVehicle = (row: VehicleRow): Vehicle => ({
  id: row.id,
  ownerId: row.owner_id,
  name: row.name,
  licensePlate: row.license_plate,
  vin: row.vin,
  brand: row.brand,
  model: row.model,
  supportedCommands: commandsOf(row.supported_commands),
  state: toState(row),
})

const toState = (row: VehicleRow): VehicleState => ({
  position:
    row.latitude === null || row.longitude === null || row.position_at === null
      ? null
      : { value: { latitude: row.latitude, longitude: row.longitude }, observedAt: row.position_at },
  speedKmh: reading(row.speed_kmh, row.speed_at),
  mileageKm: reading(row.mileage_km, row.mileage_at),
  energyPercent: reading(row.energy_percent, row.energy_at),
  centralLock: reading(row.central_lock, row.central_lock_at),
  drivingEnabled: reading(row.driving_enabled, row.driving_enabled_at),
  ignition: reading(row.ignition, row.ignition_at),
})

const reading = <T>(value: T | null, observedAt: Instant | null): Reading<T> | null =>
  value === null || observedAt === null ? null : { value, observedAt }

/** An open one: neither ended nor cancelled. Its snapshots are long, rarely asked for, and read on their own. */
export const toOpenSharing = (row: OpenSharingRow, vehicleId: string, ownerId: string): Sharing => ({
  id: row.sharing_id,
  vehicleId,
  ownerId,
  partnerId: row.partner_id,
  startsAt: row.starts_at,
  endsAt: row.ends_at,
  endedAt: null,
  endReason: null as SharingEndReason | null,
  cancelledAt: null,
  allowedCommands: row.allowed_commands === '{}' ? null : commandsOf(row.allowed_commands),
  startRecorded: row.start_recorded,
  endRequestedAt: row.end_requested_at,
  endRequestedBy: row.end_requested_by,
  handover: null,
  returned: null,
  createdAt: row.created_at,
})

/** Vehicles support the same few sets of commands; each is read once. */
const sets = new LRUCache<string, readonly CommandType[]>({ max: 1_000 })

export function commandsOf(text: string): readonly CommandType[] {
  const known = sets.get(text)
  if (known) return known
  const names = text.slice(1, -1).split(',')
  const commands = names.filter((name): name is CommandType => COMMAND_TYPES.some((type) => type === name))
  sets.set(text, commands)
  return commands
}
