import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import { logCursor, vehicleCursor } from './cursor.ts'
import { fleetId, FLEETS, ownerOf, partnerOf, vehicleId, visibleTo } from './data.ts'
import type { World } from './data.ts'
import { DOCUMENTS } from './documents.ts'
import type { Tokens } from './tokens.ts'

/** A request, and a text that is in every answer that counts as one. */
export type Request = { readonly token: string; readonly body: string; readonly expects: string }

/** One of the parallel callers of a workload. */
export type Caller = {
  readonly world: World
  readonly tokens: Tokens
  readonly random: Random
  /** Its number, of so many: callers that write share no vehicle. */
  readonly place: number
  readonly callers: number
  /** Different in each cell, so that no message is sent twice. */
  readonly cell: number
  /** How far apart the numbers of vehicles are that are written one after the other: neighbors are also neighbors on disk. */
  readonly stride: number
  /** Counts its operations. */
  turn: number
}

/** The requests of the next operation, one after the other. */
export type Next = (caller: Caller) => readonly Request[]

/**
 * `read` leaves the database as it is, `write` does not; both are closed loops over HTTP. `stream` is about subscriptions,
 * and `start` about nothing but the start.
 */
export type Kind = 'read' | 'write' | 'stream' | 'start'

export type Workload = {
  readonly title: string
  readonly kind: Kind
  readonly next?: Next
  /** Only these systems are compared; all, if absent. */
  readonly systems?: readonly string[]
  /** Whether it is about the size of the data: usual where worlds are compared. */
  readonly isOfSize?: boolean
}

/** The lists that are searched, ordered and counted are written once more for the better design alone. */
const BEST = ['ours', 'before', 'joins']

const OF_SIZE = { systems: ['ours', 'before'], isOfSize: true }

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  typename: {
    title: '{ __typename }',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Typename', {}, 'Query')],
  },
  viewer: {
    title: 'the viewer with its fleet',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Viewer', {}, 'roles')],
  },
  vehicle: { title: 'a vehicle, its state, sharing and fleets', kind: 'read', next: (caller) => [oneVehicle(caller)] },
  list: {
    title: 'the first 50 of these',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Vehicles', { first: 50, after: null }, 'endCursor')],
  },
  deep: { title: '50 of these, deep in the list', kind: 'read', next: (caller) => [deepPage(caller)] },
  events: {
    title: "the first 50 of the fleet's events",
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Events', {}, 'recordedAt')],
  },
  search: {
    title: 'vehicles by a part of a license plate that few have',
    kind: 'read',
    next: (caller) => [onePlate(caller)],
    systems: BEST,
  },
  common: {
    title: '50 vehicles by a text that all have',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Search', { search: 'Volks-Wagen' }, 'licensePlate')],
    systems: BEST,
  },
  ordered: {
    title: 'the first 50 vehicles by license plate',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Ordered', {}, 'licensePlate')],
    systems: BEST,
  },
  counted: {
    title: 'the first 50 vehicles, and how many there are',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Counted', {}, 'totalCount')],
    systems: BEST,
  },
  newest: {
    title: "the last 50 of the fleet's events",
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Newest', {}, 'recordedAt')],
    systems: BEST,
  },
  commands: {
    title: 'the last 50 commands',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Commands', {}, 'requestedAt')],
    systems: BEST,
  },
  after: {
    title: "50 of the fleet's events behind any place",
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'After', { after: anyPlace(caller) }, 'recordedAt')],
    ...OF_SIZE,
  },
  before: {
    title: "50 of the fleet's events before any place",
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Before', { before: anyPlace(caller) }, 'pageInfo')],
    ...OF_SIZE,
  },
  sharings: {
    title: 'the newest 50 sharings',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Sharings', {}, 'startsAt')],
    ...OF_SIZE,
  },
  ended: {
    title: 'the oldest 50 sharings that are over',
    kind: 'read',
    next: (caller) => [request(anyFleet(caller), 'Ended', {}, 'startsAt')],
    ...OF_SIZE,
  },
  resume: { title: 'from a subscription behind any place to its first event', kind: 'stream', ...OF_SIZE },
  start: { title: 'from the start to the first answer; CPU of the start', kind: 'start' },
  // Ahead of the others, because a heap that has been used has room.
  idle: { title: '1000 subscriptions without events; CPU to open one', kind: 'stream' },
  sharing: { title: 'start and end of a sharing', kind: 'write', next: startAndEnd },
  reports: { title: 'a batch of 100 reports', kind: 'write', next: (caller) => [reports(caller, 100, caller.stride)] },
  command: { title: 'sendCommand', kind: 'write', next: (caller) => [command(caller)] },
  delivery: { title: 'from the answer to 100 subscribers, 200 events/s; CPU per delivery', kind: 'stream' },
  fanout: { title: '20 events at once to 500 subscribers of one fleet; CPU per delivery', kind: 'stream' },
}

/** Whether a system answers a workload. */
export const answers = (system: string, workload: string): boolean =>
  WORKLOADS[workload]?.systems?.includes(system) ?? true

export const isRead = (workload: string): boolean => WORKLOADS[workload]?.kind === 'read'

const request = (
  token: string,
  operationName: keyof typeof DOCUMENTS,
  variables: object,
  expects: string,
): Request => ({
  token,
  body: JSON.stringify({ operationName, query: DOCUMENTS[operationName], variables }),
  expects,
})

const tokenOf = ({ tokens }: Caller, fleet: number) => tokens.fleets[fleet] ?? ''
const anyFleet = (caller: Caller) => tokenOf(caller, Math.floor(between(caller.random, 0, FLEETS)))

const anyPlace = ({ world, random }: Caller) => logCursor(world, random)

/** As its owner sees it or, where there is one, every other time its partner. */
function oneVehicle(caller: Caller): Request {
  const number = 1 + Math.floor(between(caller.random, 0, caller.world.vehicles))
  const partner = caller.random() < 0.5 ? partnerOf(number) : null
  return request(tokenOf(caller, partner ?? ownerOf(number)), 'Vehicle', { id: vehicleId(number) }, 'licensePlate')
}

/** Of one of the fleet's own; written as people write it. */
function onePlate(caller: Caller): Request {
  const number = 1 + Math.floor(between(caller.random, 0, caller.world.vehicles))
  return request(tokenOf(caller, ownerOf(number)), 'Search', { search: `hh-fs ${number}` }, 'licensePlate')
}

const deepCursors = new Map<string, string>()

/** Behind the first nine tenths of what the fleet sees. */
function deepPage(caller: Caller): Request {
  const fleet = Math.floor(between(caller.random, 0, FLEETS))
  const key = `${fleet} of ${caller.world.vehicles}`
  const ids = deepCursors.has(key) ? [] : visibleTo(fleet, caller.world)
  const after = deepCursors.get(key) ?? vehicleCursor(ids[Math.floor(ids.length * 0.9)] ?? '')
  deepCursors.set(key, after)
  return request(tokenOf(caller, fleet), 'Vehicles', { first: 50, after }, 'endCursor')
}

/** The vehicle that is the caller's at its turn: of those that are not shared, each in turn. */
function ownVehicle({ place, callers, turn, world, stride }: Caller): number {
  const unshared = 2 * Math.floor(world.vehicles / 3)
  const index = ((place + turn * callers) * stride) % unshared
  return 1 + Math.floor(index / 2) * 3 + (index % 2)
}

function startAndEnd(caller: Caller): readonly Request[] {
  const number = ownVehicle(caller)
  const owner = ownerOf(number)
  const [token, id] = [tokenOf(caller, owner), vehicleId(number)]
  const start = { vehicleId: id, fleetId: fleetId((owner + 1) % FLEETS), endsAt: '2099-01-01T00:00:00.000Z' }
  return [
    request(token, 'Start', { input: start }, 'StartSharingSuccess'),
    request(token, 'End', { input: { vehicleId: id } }, 'EndSharingSuccess'),
  ]
}

/**
 * Of that many vehicles whose numbers are `stride` apart: with as many as there are fleets, they are all of one fleet.
 * @returns with the names of the events: the vehicle and the instant
 */
export function reports(caller: Caller, size: number, stride: number): Request & { readonly names: readonly string[] } {
  const { place, callers, turn, cell, world, tokens } = caller
  const first = (place + turn * callers) * size
  const occurredAt = new Date().toISOString()
  const batch = Array.from({ length: size }, (_, index) => ({
    vehicleId: vehicleId(stride + (((first + index) * stride) % (world.vehicles - stride))),
    messageId: `${cell}-${place}-${turn}-${index}`,
    occurredAt,
    position: { latitude: 53.5 + index / 1000, longitude: 10.1 },
    speedKmh: 30 + index / 10,
    energyPercent: 50,
    ignition: true,
  }))
  return {
    ...request(tokens.gateway, 'Report', { input: { reports: batch } }, `"recorded":${size}`),
    names: batch.map(({ vehicleId }) => vehicleId + occurredAt),
  }
}

function command(caller: Caller): Request {
  const number = ownVehicle(caller)
  const input = { vehicleId: vehicleId(number), type: 'DRAW_ATTENTION', timeoutSeconds: 300 }
  return request(tokenOf(caller, ownerOf(number)), 'Send', { input }, 'SendCommandSuccess')
}
