import fc from 'fast-check'
import type { Instant } from '../../src/domain/period.ts'
import { stateOf } from '../../src/domain/state.ts'
import type { Readings, Values, VehicleState } from '../../src/domain/state.ts'
import { ask } from './api.ts'
import type { Variables } from './api.ts'
import { READINGS } from './gateway.ts'
import type { TestServer } from './server.ts'
import { iso } from './world.ts'

/** One value of each kind, from a few or from many. */
const VALUES = {
  position: fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  }),
  speedKmh: fc.oneof(fc.constantFrom(0, 30), fc.double({ min: 0, max: 1e9, noNaN: true })),
  mileageKm: fc.double({ min: 0, max: 1e9, noNaN: true }),
  energyPercent: fc.double({ min: 0, max: 100, noNaN: true }),
  centralLock: fc.constantFrom('LOCKED' as const, 'UNLOCKED' as const),
  drivingEnabled: fc.boolean(),
  ignition: fc.boolean(),
}

export const PROPERTIES = Object.keys(VALUES) as (keyof Values)[]

/** Some of the readings, at least one. */
export const someReadings: fc.Arbitrary<Readings> = fc
  .tuple(fc.record(VALUES), fc.subarray(PROPERTIES, { minLength: 1 }))
  // JSON knows no -0, and PostgreSQL's JSON neither.
  .map(([all, chosen]) => JSON.parse(JSON.stringify(Object.fromEntries(chosen.map((name) => [name, all[name]])))))

export type SeenState = Readonly<
  Record<keyof Values, ({ readonly observedAt: string } & Record<string, unknown>) | null>
>

/** A state as a query that selects READINGS shows it. */
export const shown = (state: VehicleState): SeenState =>
  Object.fromEntries(
    PROPERTIES.map((name) => {
      const reading = state[name]
      if (reading === null) return [name, null]
      const observedAt = iso(reading.observedAt)
      return [name, typeof reading.value === 'object' ? { ...reading.value, observedAt } : { ...reading, observedAt }]
    }),
  ) as SeenState

export const shownReadings = (readings: Readings, at: Instant): SeenState => shown(stateOf(readings, at))

/** A StateEvent as LOG selects it. */
export type StateEvent = {
  readonly cursor: string
  readonly vehicleId: string
  readonly occurredAt: string
  readonly recordedAt: string
  readonly requestId: string | null
  readonly state: SeenState
}

export const STATE_EVENT = `cursor vehicleId occurredAt recordedAt requestId ... on StateEvent { state { ${READINGS} } }`

const LOG = `query ($after: String, $filter: VehicleEventFilter) { vehicleEvents(first: 500, after: $after, filter: $filter) {
  nodes { ${STATE_EVENT} } pageInfo { hasNextPage endCursor } } }`

/** The readings in a fleet's log, oldest first. */
export async function stateEvents(
  url: string,
  token: string,
  vehicleIds: readonly string[] | null = null,
): Promise<StateEvent[]> {
  const filter: Variables = { vehicleIds, types: ['STATE_RECORDED'] }
  const events: StateEvent[] = []
  for (let after: string | null = null; ;) {
    const { nodes, pageInfo } = (await ask(url, token, LOG, { after, filter })).vehicleEvents
    events.push(...(nodes as StateEvent[]))
    after = pageInfo.endCursor as string | null
    if (!pageInfo.hasNextPage) return events
  }
}

const STATE = `query ($id: ID!) { vehicle(id: $id) { state { ${READINGS} } } }`

export const stateOfVehicle = async (url: string, token: string, id: string): Promise<SeenState> =>
  (await ask(url, token, STATE, { id })).vehicle.state as SeenState

/** What reportVehicleStates answers if it takes everything. */
export const taken = (recorded: number, skipped = 0) => ({
  __typename: 'ReportVehicleStatesSuccess',
  recorded,
  skipped,
  rejected: [],
})

/** All that a report can leave behind. */
export async function traces({ app }: TestServer) {
  const { prisma } = app
  return {
    vehicles: await prisma.vehicle.findMany({ orderBy: { id: 'asc' } }),
    events: await prisma.event.findMany({ orderBy: { position: 'asc' } }),
  }
}
