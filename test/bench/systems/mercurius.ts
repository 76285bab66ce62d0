import { fastify } from 'fastify'
import { mercurius } from 'mercurius'
import type { IResolvers, PubSub } from 'mercurius'
import { idOfCursor } from '../cursor.ts'
import { createLoaders } from './loaders.ts'
import type { Fleet, Loaders } from './loaders.ts'
import { openPool, rowsOf } from './pool.ts'
import { COMMANDS, COUNT, FOUND, NEWEST, ORDERED, toCommand } from './finds.ts'
import type { CommandRow } from './finds.ts'
import { EVENTS, FLEETS, JOINED_VEHICLE, JOINED_VEHICLES, VEHICLE, VEHICLES } from './reads.ts'
import { toConnection, toJoined, toVehicle } from './rows.ts'
import type { JoinedRow, Sharing, Vehicle, VehicleRow } from './rows.ts'
import { SCHEMA } from './schema.ts'
import { createCachedVerify, fleetOf, managedFleetOf, requireGateway } from './viewer.ts'
import type { Viewer } from './viewer.ts'
import { endSharing, recordReports, RefusedError, sendCommand, startSharing, toEvent } from './writes.ts'
import type { EndInput, EventRow, Report, SendInput, StartInput, Written } from './writes.ts'

/** Mercurius as somebody would write it who knows it well: compiled queries, SQL by hand, and no layer in between. */

type Context = { readonly viewer: Viewer; readonly loaders: Loaders }
type PageArgs = {
  readonly first?: number | null
  readonly after?: string | null
  readonly last?: number | null
  readonly filter?: { readonly search?: string | null } | null
  readonly orderBy?: string | null
}

const pool = openPool()
const verify = createCachedVerify()

/** Answers, and tells the subscribers of the fleets that it concerns; it is committed by then. */
async function mutate(written: Promise<Written>): Promise<object> {
  try {
    const { answer, events } = await written
    for (const event of events) {
      const payload = { vehicleEvents: toEvent(event) }
      for (const fleetId of [event.owner_id, event.partner_id]) {
        if (fleetId !== null) app.graphql.pubsub.publish({ topic: fleetId, payload })
      }
    }
    return answer
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    return { __typename: 'RequestError', code: error.message, message: error.message }
  }
}

type Input<T> = { readonly input: T }

const changes = {
  Mutation: {
    startSharing: (_root: unknown, { input }: Input<StartInput>, { viewer }: Context) =>
      mutate(startSharing(pool, managedFleetOf(viewer), input)),
    endSharing: (_root: unknown, { input }: Input<EndInput>, { viewer }: Context) =>
      mutate(endSharing(pool, managedFleetOf(viewer), input)),
    sendCommand: (_root: unknown, { input }: Input<SendInput>, { viewer }: Context) =>
      mutate(sendCommand(pool, managedFleetOf(viewer), input)),
    reportVehicleStates: (_root: unknown, { input }: Input<{ reports: Report[] }>, { viewer }: Context) => {
      requireGateway(viewer)
      return mutate(recordReports(pool, input.reports))
    },
  },
  Subscription: {
    vehicleEvents: {
      subscribe: (_root: unknown, _args: unknown, { viewer, pubsub }: Context & { readonly pubsub: PubSub }) =>
        pubsub.subscribe(fleetOf(viewer)),
    },
  },
}

const viewer = async (_root: unknown, _args: unknown, { viewer }: Context) => ({
  fleet: viewer.fleetId === null ? null : (await rowsOf(pool, FLEETS, [[viewer.fleetId]]))[0],
  ...viewer,
})

const vehicleEvents = async (_root: unknown, { first, last }: PageArgs, { viewer }: Context) => {
  const size = last ?? first ?? 50
  const rows = await rowsOf<EventRow>(pool, last == null ? EVENTS : NEWEST, [fleetOf(viewer), size + 1])
  const nodes = rows.slice(0, size).map(toEvent)
  const more = rows.length > size
  if (last == null) return { nodes, pageInfo: { hasNextPage: more, hasPreviousPage: false } }
  return { nodes: nodes.toReversed(), pageInfo: { hasNextPage: false, hasPreviousPage: more } }
}

const commands = async (_root: unknown, { first }: PageArgs, { viewer }: Context) => {
  const size = first ?? 50
  const rows = await rowsOf<CommandRow>(pool, COMMANDS, [fleetOf(viewer), size + 1])
  return { nodes: rows.slice(0, size).map(toCommand), pageInfo: { hasNextPage: rows.length > size } }
}

const VehicleConnection = {
  totalCount: async (_connection: unknown, _args: unknown, { viewer }: Context) =>
    (await rowsOf<{ count: number }>(pool, COUNT, [fleetOf(viewer)]))[0]?.count,
}

/** One statement per relation. */
const withLoaders = {
  Query: {
    viewer,
    vehicleEvents,
    vehicle: async (_root: unknown, { id }: { id: string }, { viewer }: Context) => {
      const [row] = await rowsOf<VehicleRow>(pool, VEHICLE, [fleetOf(viewer), id])
      return row === undefined ? null : toVehicle(row)
    },
    vehicles: async (_root: unknown, { first, after }: PageArgs, { viewer }: Context) => {
      const size = first ?? 50
      const rows = await rowsOf<VehicleRow>(pool, VEHICLES, [fleetOf(viewer), idOfCursor(after ?? null), size + 1])
      return toConnection(rows.map(toVehicle), size)
    },
  },
  Vehicle: {
    fleet: ({ ownerId }: Vehicle, _args: unknown, { loaders }: Context) => loaders.fleet.load(ownerId),
    sharing: ({ id }: Vehicle, _args: unknown, { loaders }: Context) => loaders.sharing.load(id),
  },
  Sharing: {
    partner: ({ partner, partnerId }: Sharing & { readonly partner?: Fleet }, _args: unknown, { loaders }: Context) =>
      partner ?? loaders.fleet.load(partnerId),
  },
}

/** The rows of a page, from the statement for what is asked. */
function joinedRows(fleetId: string, size: number, { after, filter, orderBy }: PageArgs): Promise<JoinedRow[]> {
  if (filter?.search != null) return rowsOf<JoinedRow>(pool, FOUND, [fleetId, filter.search, size + 1])
  if (orderBy === 'LICENSE_PLATE') return rowsOf<JoinedRow>(pool, ORDERED, [fleetId, size + 1])
  return rowsOf<JoinedRow>(pool, JOINED_VEHICLES, [fleetId, idOfCursor(after ?? null), size + 1])
}

/** One statement per root field, whatever is asked of it. */
const withJoins = {
  VehicleConnection,
  Query: {
    viewer,
    vehicleEvents,
    commands,
    vehicle: async (_root: unknown, { id }: { id: string }, { viewer }: Context) => {
      const fleetId = fleetOf(viewer)
      const [row] = await rowsOf<JoinedRow>(pool, JOINED_VEHICLE, [fleetId, id])
      return row === undefined ? null : toJoined(row, fleetId)
    },
    vehicles: async (_root: unknown, args: PageArgs, { viewer }: Context) => {
      const fleetId = fleetOf(viewer)
      const size = args.first ?? 50
      const rows = await joinedRows(fleetId, size, args)
      return toConnection(
        rows.map((row) => toJoined(row, fleetId)),
        size,
      )
    },
  },
}

const reads = process.argv[2] === 'joins' ? withJoins : withLoaders

const app = fastify()
await app.register(mercurius, {
  schema: SCHEMA,
  resolvers: { ...reads, ...changes } as unknown as IResolvers,
  jit: 1,
  context: async ({ headers }): Promise<Context> => {
    const viewer = await verify(headers.authorization)
    return { viewer, loaders: createLoaders(pool, viewer.fleetId ?? '') }
  },
  subscription: {
    onConnect: async ({ payload }: { payload: { Authorization: string } }) => ({
      viewer: await verify(payload.Authorization),
    }),
  },
})
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) })
process.once('SIGTERM', () => void app.close().then(() => process.exit()))
