import type DataLoader from 'dataloader'
import { LRUCache } from 'lru-cache'
import { COMMAND_TYPES } from '../domain/command.ts'
import type { CommandType } from '../domain/command.ts'
import type { Fleet } from '../domain/fleet.ts'
import type { Instant } from '../domain/period.ts'
import { isBehind } from '../domain/settle.ts'
import type { Sharing, SharingEndReason } from '../domain/sharing.ts'
import type { CentralLock, Reading, VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { batched } from './batched.ts'
import { flag, flagAt, float, floatAt, instant, instantAt, packing, present, word, wordAt } from './packed.ts'
import type { Packed, Places } from './packed.ts'
import { isId } from './rows.ts'
import type { Query, Statement } from './sql.ts'
import { waitForWriters } from './waited.ts'

/** A vehicle with those of its sharings that are not over by the log: what decides who may see it, and what with it. */
export type OpenVehicle = Vehicle & { readonly sharings: readonly Sharing[] }

/** What all requests of an instance read together, before anybody's rights are applied. */
export type Reads = {
  /**
   * Whoever may see it, for an answer that holds at `at`; null for one that is deleted, or never was. A start or an end that
   * has come by then stands: nobody who decided before it can still undo it.
   */
  readonly vehicle: (id: string, at: Instant) => Promise<OpenVehicle | null>
  /** Fleets neither go nor change, so that one which was read is known. */
  readonly fleet: (id: string) => Fleet | Promise<Fleet | null>
}

const KNOWN_FLEETS = 10_000

export function createReads(query: Query): Reads {
  const read = async (ids: readonly string[]) => vehiclesOf(await query<OpenVehicleRow>(VEHICLES, [ids]))
  const vehicles = batched(async (asked: readonly AskedAt[]) => {
    const latest = new Map<string, Instant>()
    for (const { id, at } of asked) if (isId(id)) latest.set(id, Math.max(at, latest.get(id) ?? at))
    const found = await settledBy(query, await read([...latest.keys()]), ({ id }) => latest.get(id) ?? 0, read)
    const byId = new Map(found.map((vehicle) => [vehicle.id, vehicle]))
    return asked.map(({ id }) => byId.get(id) ?? null)
  })
  const fleets = byId((ids) => query<Fleet>(FLEETS, [ids]))
  const known = new LRUCache<string, Fleet>({ max: KNOWN_FLEETS })
  return {
    vehicle: (id, at) => vehicles.load({ id, at }),
    fleet: (id) =>
      known.get(id) ??
      fleets.load(id).then((fleet) => {
        if (fleet) known.set(fleet.id, fleet)
        return fleet
      }),
  }
}

type AskedAt = { readonly id: string; readonly at: Instant }

/** Those that are behind once more, after everybody who decided on them before what has come. */
async function settledBy(
  query: Query,
  vehicles: readonly OpenVehicle[],
  instantOf: (vehicle: OpenVehicle) => Instant,
  read: (ids: readonly string[]) => Promise<OpenVehicle[]>,
): Promise<readonly OpenVehicle[]> {
  const behind = vehicles.filter((vehicle) => isBehind(vehicle.sharings, instantOf(vehicle)))
  if (behind.length === 0) return vehicles
  const ids = behind.map(({ id }) => id)
  await waitForWriters(query, ids, Math.max(...behind.map(instantOf)))
  return [...vehicles.filter((vehicle) => !behind.includes(vehicle)), ...(await read(ids))]
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

/** Those of `vehicle AS v` that are no free text. */
export const VEHICLE = {
  id: word('v.id'),
  ownerId: word('v.owner_id'),
  supportedCommands: word('v.supported_commands'),
  latitude: float('v.latitude'),
  longitude: float('v.longitude'),
  positionAt: instant('v.position_at'),
  speedKmh: float('v.speed_kmh'),
  speedAt: instant('v.speed_at'),
  mileageKm: float('v.mileage_km'),
  mileageAt: instant('v.mileage_at'),
  energyPercent: float('v.energy_percent'),
  energyAt: instant('v.energy_at'),
  centralLock: word('v.central_lock'),
  centralLockAt: instant('v.central_lock_at'),
  drivingEnabled: flag('v.driving_enabled'),
  drivingEnabledAt: instant('v.driving_enabled_at'),
  ignition: flag('v.ignition'),
  ignitionAt: instant('v.ignition_at'),
}

/** Those of `sharing AS s` that say something of one that is open. */
export const SHARING = {
  sharingId: word('s.id'),
  partnerId: word('s.partner_id'),
  startsAt: instant('s.starts_at'),
  endsAt: instant('s.ends_at'),
  allowedCommands: word('s.allowed_commands'),
  startRecorded: flag('s.start_recorded'),
  endRequestedAt: instant('s.end_requested_at'),
  endRequestedBy: word('s.end_requested_by'),
  createdAt: instant('s.created_at'),
}

const OPEN_VEHICLE = packing({ ...VEHICLE, ...SHARING })

export const VEHICLE_TEXTS = 'v.name, v.license_plate, v.vin, v.brand, v.model'

/** A vehicle with its open sharing, of which there may be several. */
export const OPEN_VEHICLE_COLUMNS = `${OPEN_VEHICLE.sql}, ${VEHICLE_TEXTS}`

export const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

export const OPEN_SHARING = `s.vehicle_id = v.id AND ${IS_OPEN}`

/**
 * Each vehicle's own are looked up (OFFSET 0): while there are few sharings, the planner would rather read all that are open
 * for each vehicle, and would go on doing so when there are many.
 */
export const WITH_OPEN_SHARINGS = `LEFT JOIN LATERAL (SELECT * FROM sharing AS s WHERE ${OPEN_SHARING} OFFSET 0) AS s ON TRUE`

const VEHICLES: Statement = {
  name: 'vehicles',
  text: `SELECT ${OPEN_VEHICLE_COLUMNS} FROM vehicle AS v ${WITH_OPEN_SHARINGS}
    WHERE v.id = ANY($1::text[]) AND v.deleted_at IS NULL`,
}

/** As VEHICLE_TEXTS names them. */
export type VehicleTexts = {
  readonly name: string | null
  readonly license_plate: string | null
  readonly vin: string | null
  readonly brand: string | null
  readonly model: string | null
}

/** As OPEN_VEHICLE_COLUMNS names them. */
export type OpenVehicleRow = VehicleTexts & Packed

/** One row for each open sharing, those of a vehicle side by side or not; the vehicles in the order of their first rows. */
export function vehiclesOf(rows: readonly OpenVehicleRow[]): OpenVehicle[] {
  const { at } = OPEN_VEHICLE
  const found = new Map<string, OpenVehicle & { sharings: Sharing[] }>()
  for (const row of rows) {
    OPEN_VEHICLE.open(row)
    const id = present(wordAt(at.id))
    let vehicle = found.get(id)
    if (!vehicle) {
      vehicle = { ...toVehicle(row, at), sharings: [] }
      found.set(id, vehicle)
    }
    if (wordAt(at.sharingId) !== null) vehicle.sharings.push(toOpenSharing(at, vehicle))
  }
  return [...found.values()]
}

/** Of the row that is open. */
export const toVehicle = (texts: VehicleTexts, at: Places<typeof VEHICLE>): Vehicle => ({
  id: present(wordAt(at.id)),
  ownerId: present(wordAt(at.ownerId)),
  name: texts.name,
  licensePlate: texts.license_plate,
  vin: texts.vin,
  brand: texts.brand,
  model: texts.model,
  supportedCommands: commandsOf(present(wordAt(at.supportedCommands))),
  state: toState(at),
})

function toState(at: Places<typeof VEHICLE>): VehicleState {
  const latitude = floatAt(at.latitude)
  const longitude = floatAt(at.longitude)
  return {
    position: reading(
      latitude === null || longitude === null ? null : { latitude, longitude },
      instantAt(at.positionAt),
    ),
    speedKmh: reading(floatAt(at.speedKmh), instantAt(at.speedAt)),
    mileageKm: reading(floatAt(at.mileageKm), instantAt(at.mileageAt)),
    energyPercent: reading(floatAt(at.energyPercent), instantAt(at.energyAt)),
    centralLock: reading(wordAt(at.centralLock) as CentralLock | null, instantAt(at.centralLockAt)),
    drivingEnabled: reading(flagAt(at.drivingEnabled), instantAt(at.drivingEnabledAt)),
    ignition: reading(flagAt(at.ignition), instantAt(at.ignitionAt)),
  }
}

const reading = <T>(value: T | null, observedAt: Instant | null): Reading<T> | null =>
  value === null || observedAt === null ? null : { value, observedAt }

/** Of the row that is open, neither ended nor cancelled. Its snapshots are long, rarely asked for, and read on their own. */
export function toOpenSharing(
  at: Places<typeof SHARING>,
  vehicle: { readonly id: string; readonly ownerId: string },
): Sharing {
  const allowed = present(wordAt(at.allowedCommands))
  return {
    id: present(wordAt(at.sharingId)),
    vehicleId: vehicle.id,
    ownerId: vehicle.ownerId,
    partnerId: present(wordAt(at.partnerId)),
    startsAt: present(instantAt(at.startsAt)),
    endsAt: instantAt(at.endsAt),
    endedAt: null,
    endReason: null as SharingEndReason | null,
    cancelledAt: null,
    allowedCommands: allowed === '{}' ? null : commandsOf(allowed),
    startRecorded: present(flagAt(at.startRecorded)),
    endRequestedAt: instantAt(at.endRequestedAt),
    endRequestedBy: wordAt(at.endRequestedBy),
    handover: null,
    returned: null,
    createdAt: present(instantAt(at.createdAt)),
  }
}

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
