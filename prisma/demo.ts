import type { CommandType } from '../src/domain/command.ts'
import { sharingEvent, useChanged } from '../src/domain/log/event.ts'
import type { NewEvent } from '../src/domain/log/event.ts'
import { settle } from '../src/domain/handover/settle.ts'
import type { Instant } from '../src/domain/period.ts'
import { startSharing } from '../src/domain/sharing.ts'
import type { Sharing } from '../src/domain/sharing.ts'
import { newVehicle } from '../src/domain/vehicle.ts'
import type { Vehicle } from '../src/domain/vehicle.ts'

export const SHARE_ONE = { id: '78LMK', name: 'ShareOne' }
export const SHARE_TWO = { id: 'DE3P4', name: 'ShareTwo' }
const LONE_WHEELS = { id: 'Q7X2B', name: 'LoneWheels' }

/** The vehicle that documentation and the playground speak of: the first of ShareOne. */
export const DEMO_VEHICLE = 'FK852'

/** Two partner fleets, and a third that is partner of neither. */
export const DEMO_FLEETS = [SHARE_ONE, SHARE_TWO, LONE_WHEELS] as const
export const DEMO_PARTNERS = [SHARE_ONE.id, SHARE_TWO.id] as const

const MODELS = [
  ['Renault', 'Zoe'],
  ['Fiat', '500e'],
  ['Volkswagen', 'ID.3'],
  ['Hyundai', 'Kona'],
  ['Smart', 'fortwo'],
  ['NIU', 'NQi Sport'],
  ['Govecs', 'Schwalbe'],
] as const
/** Mopeds have no central lock. */
const MOPEDS: readonly (string | null)[] = ['NIU', 'Govecs']
const MOPED_COMMANDS: readonly CommandType[] = [
  'REQUEST_VEHICLE_STATE',
  'ENABLE_DRIVING',
  'DISABLE_DRIVING',
  'UNLOCK_TOP_CASE',
  'LOCK_TOP_CASE',
  'UNLOCK_BATTERY_COMPARTMENT',
  'DRAW_ATTENTION',
]

/** The vehicle of the documentation has one, so that it can be locked. */
export const isMoped = ({ id, brand }: Pick<Vehicle, 'id' | 'brand'>): boolean =>
  id !== DEMO_VEHICLE && MOPEDS.includes(brand)

const PLACES = [
  'Station',
  'Harbour',
  'Market',
  'Museum',
  'Old Town',
  'Campus',
  'Park',
  'Arena',
  'Mill',
  'Bridge',
] as const
const COUNTS = [36, 18, 6] as const

/** The same numbers for every start: the demo world is one that documentation can speak of. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; state = (state * 48271) % 2147483647) yield state
}

/** The vehicles of a small city, FK852 first: always the same. */
export function demoVehicles(): Vehicle[] {
  const random = numbers(852)
  const draw = (below: number) => random.next().value % below
  const id = () =>
    Array.from({ length: 5 }, (_, place) => (place < 2 ? 'ABCDEFGHJKLMNPRSTUVWXYZ'[draw(23)] : String(draw(10)))).join(
      '',
    )
  return DEMO_FLEETS.flatMap((fleet, index) =>
    Array.from({ length: COUNTS[index] ?? 0 }, (_, nth) => {
      const vehicleId = index === 0 && nth === 0 ? DEMO_VEHICLE : id()
      const [brand, model] = MODELS[draw(MODELS.length)] ?? MODELS[0]
      const name = `${PLACES[draw(PLACES.length)]} ${nth + 1}`
      const licensePlate = `${'HBM'[index]} ${id().slice(0, 2)} ${100 + draw(900)}`
      const vin = `WFS${String(draw(1e9)).padStart(9, '0')}${String(10_000 + nth)}`
      const commands = isMoped({ id: vehicleId, brand }) ? { supportedCommands: MOPED_COMMANDS } : {}
      return newVehicle(vehicleId, fleet.id, { name, licensePlate, vin, brand, model, ...commands })
    }),
  )
}

/** How long ago the demo world began, and how long its overrun may last. Milliseconds. */
const BEGUN_MS = 2 * 3_600_000
const DUE_MS = 15 * 60_000
const LATEST_MS = 24 * 3_600_000

/** A vehicle of the demo world that is late, what has been recorded of it, and its sharing, whose end waits. */
export type Overrun = { readonly vehicle: Vehicle; readonly sharing: Sharing; readonly events: readonly NewEvent[] }

/** @returns when the demo world began, for one that is made at an instant */
export const demoBegin = (at: Instant): Instant => at - BEGUN_MS

/**
 * ShareTwo's customer has a vehicle beyond the end of the sharing, which was due a quarter of an hour ago and waits, for a day at
 * most.
 * @param id the id of the sharing
 */
export function demoOverrun(vehicles: readonly Vehicle[], id: string, at: Instant): Overrun {
  const vehicle = vehicles.find((one) => one.ownerId === SHARE_ONE.id && one.id !== DEMO_VEHICLE && !isMoped(one))
  if (!vehicle) throw new Error('the demo world has no vehicle that could be late')
  const begin = demoBegin(at)
  const end = { endsAt: at - DUE_MS, endPolicy: 'WHEN_IDLE', latestEndsAt: at + LATEST_MS } as const
  const order = { id, partnerId: SHARE_TWO.id, startsAt: null, allowedCommands: null, ...end }
  const started = startSharing(vehicle, order, true, begin)
  const used = { ...vehicle, use: { since: begin, fleetId: SHARE_TWO.id, reference: 'Booking 4711' } }
  const due = settle({ sharings: [started], commands: [] }, { ...used, maxSilenceMs: Infinity }, at)
  const atBegin = { at: begin, requestId: null }
  const events = [
    sharingEvent('SHARING_STARTED', started, atBegin),
    useChanged(used, [started], atBegin),
    ...due.steps.flatMap((step) =>
      step.type === 'COMMAND_UPDATED' ? [] : [sharingEvent(step.type, step.sharing, { at, requestId: null }, step.at)],
    ),
  ]
  return { vehicle: used, sharing: due.sharings[0] ?? started, events }
}
