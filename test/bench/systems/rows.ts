import { vehicleCursor } from '../cursor.ts'

/** What the statements of reads.ts give, and how it is answered. Instants are ISO texts throughout. */

export type VehicleRow = {
  readonly id: string
  readonly owner_id: string
  readonly name: string | null
  readonly license_plate: string | null
  readonly vin: string | null
  readonly brand: string | null
  readonly model: string | null
  readonly supported_commands: readonly string[]
  readonly latitude: number | null
  readonly longitude: number | null
  readonly position_at: string | null
  readonly speed_kmh: number | null
  readonly speed_at: string | null
  readonly mileage_km: number | null
  readonly mileage_at: string | null
  readonly energy_percent: number | null
  readonly energy_at: string | null
  readonly central_lock: string | null
  readonly central_lock_at: string | null
  readonly driving_enabled: boolean | null
  readonly driving_enabled_at: string | null
  readonly ignition: boolean | null
  readonly ignition_at: string | null
}

export type SharingRow = {
  readonly sharing_id: string
  readonly vehicle_id: string
  readonly owner_id: string
  readonly partner_id: string
  readonly starts_at: string
  readonly ends_at: string | null
}

/** A vehicle with the sharing in force, if there is one, and the names of both fleets. */
export type JoinedRow = VehicleRow & {
  readonly owner_name: string
  readonly sharing_id: string | null
  readonly partner_id: string | null
  readonly partner_name: string | null
  readonly starts_at: string | null
  readonly ends_at: string | null
}

const reading = <T>(value: T | null, observedAt: string | null) =>
  value === null || observedAt === null ? null : { value, observedAt }

export const toVehicle = (row: VehicleRow) => ({
  id: row.id,
  ownerId: row.owner_id,
  name: row.name,
  licensePlate: row.license_plate,
  vin: row.vin,
  brand: row.brand,
  model: row.model,
  supportedCommands: row.supported_commands,
  state: {
    position:
      row.position_at === null
        ? null
        : { latitude: row.latitude, longitude: row.longitude, observedAt: row.position_at },
    speedKmh: reading(row.speed_kmh, row.speed_at),
    mileageKm: reading(row.mileage_km, row.mileage_at),
    energyPercent: reading(row.energy_percent, row.energy_at),
    centralLock: reading(row.central_lock, row.central_lock_at),
    drivingEnabled: reading(row.driving_enabled, row.driving_enabled_at),
    ignition: reading(row.ignition, row.ignition_at),
  },
})

export type Vehicle = ReturnType<typeof toVehicle>

/** A sharing that is in force, as a fleet stands to it. */
export const toSharing = (row: SharingRow, fleetId: string) => ({
  id: row.sharing_id,
  status: row.owner_id === fleetId ? 'SHARED_OWN_VEHICLE' : 'SHARED_PARTNER_VEHICLE',
  phase: 'ACTIVE',
  startsAt: row.starts_at,
  endsAt: row.ends_at,
  partnerId: row.partner_id,
})

export type Sharing = ReturnType<typeof toSharing>

/** In the order in which the documents ask, so that it can be answered as it is. */
export function toJoined(row: JoinedRow, fleetId: string) {
  const { id, ownerId, name, licensePlate, vin, brand, model, supportedCommands, state } = toVehicle(row)
  return {
    id,
    name,
    licensePlate,
    vin,
    brand,
    model,
    supportedCommands,
    fleet: { id: ownerId, name: row.owner_name },
    state,
    sharing:
      row.sharing_id === null
        ? null
        : {
            id: row.sharing_id,
            status: ownerId === fleetId ? 'SHARED_OWN_VEHICLE' : 'SHARED_PARTNER_VEHICLE',
            phase: 'ACTIVE',
            startsAt: row.starts_at,
            endsAt: row.ends_at,
            partner: { id: row.partner_id, name: row.partner_name },
          },
  }
}

/** @param found one more than asked for tells whether there is more */
export function toConnection<T extends { readonly id: string }>(found: readonly T[], size: number) {
  const nodes = found.slice(0, size)
  const last = nodes.at(-1)
  return {
    nodes,
    pageInfo: { hasNextPage: found.length > size, endCursor: last === undefined ? null : vehicleCursor(last.id) },
  }
}
