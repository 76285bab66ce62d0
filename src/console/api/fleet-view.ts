import type { Event, Fleet, Vehicle, VehicleState, Viewer } from './documents.ts'
import type { Connection } from './event-subscription.ts'

/** The number of events that are shown; older ones are in the server's log. */
const MAX_EVENTS = 60

/** An event in the list. `isBacklog`: it waited in the log while the connection was down. */
export type ListedEvent = { readonly event: Event; readonly isBacklog: boolean }

/** The data of one fleet that the page shows. */
export type FleetView = {
  readonly fleet: Fleet | null
  readonly viewer: Viewer | null
  readonly partners: readonly Fleet[]
  readonly vehicles: readonly Vehicle[]
  /** Whether the fleet sees more vehicles than these. */
  readonly hasMore: boolean
  /** Newest first. Events with readings are only counted, in `readingCount`. */
  readonly events: readonly ListedEvent[]
  readonly readingCount: number
  readonly cursor: string | null
  readonly connection: Connection
  /** The message of the last query if it failed, else null. */
  readonly error: string | null
  /** How many events, including readings, the last reconnection caught up with; null before the first. */
  readonly backlogCount: number | null
  /** Grows whenever anything but readings may have changed. */
  readonly revision: number
}

export const EMPTY_VIEW: FleetView = {
  fleet: null,
  viewer: null,
  partners: [],
  vehicles: [],
  hasMore: false,
  events: [],
  readingCount: 0,
  cursor: null,
  connection: { status: 'connecting' },
  error: null,
  backlogCount: null,
  revision: 0,
}

/** The view after an event has arrived. */
export function withEvent(view: FleetView, event: Event, isBacklog: boolean): FleetView {
  const backlogCount = isBacklog ? (view.backlogCount ?? 0) + 1 : view.backlogCount
  const common = { ...view, cursor: event.cursor, backlogCount }
  if (event.__typename !== 'StateEvent') {
    return { ...common, events: [{ event, isBacklog }, ...view.events].slice(0, MAX_EVENTS) }
  }
  const vehicles = view.vehicles.map((vehicle) =>
    vehicle.id === event.vehicleId ? { ...vehicle, state: merged(vehicle.state, event.state) } : vehicle,
  )
  return { ...common, vehicles, readingCount: view.readingCount + 1 }
}

/** The view with past events, oldest first, behind the ones that it has. */
export const withHistory = (view: FleetView, history: readonly Event[]): FleetView => {
  const older = history.map((event) => ({ event, isBacklog: false })).toReversed()
  return { ...view, events: [...view.events, ...older].slice(0, MAX_EVENTS) }
}

/** Merges reading by reading: one that is older than the known one changes nothing. */
const merged = (known: VehicleState, reported: VehicleState): VehicleState => ({
  position: newer(known.position, reported.position),
  speedKmh: newer(known.speedKmh, reported.speedKmh),
  energyPercent: newer(known.energyPercent, reported.energyPercent),
  centralLock: newer(known.centralLock, reported.centralLock),
  ignition: newer(known.ignition, reported.ignition),
})

const newer = <T extends { readonly observedAt: string }>(known: T | null, reported: T | null): T | null =>
  reported === null || (known !== null && known.observedAt > reported.observedAt) ? known : reported

/** The fleet that controls a vehicle now. */
export const controllerOf = ({ sharing, fleet }: Vehicle): Fleet => sharing?.partner ?? fleet
