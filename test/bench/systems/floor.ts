import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { idOfCursor } from '../cursor.ts'
import { openPool, rowsOf } from './pool.ts'
import { EVENTS, FLEETS, JOINED_VEHICLE, JOINED_VEHICLES } from './reads.ts'
import { toConnection, toJoined } from './rows.ts'
import type { JoinedRow } from './rows.ts'
import { asSelected, createFollowers } from './followers.ts'
import { createCachedVerify, fleetOf, managedFleetOf, requireGateway, UnauthenticatedError } from './viewer.ts'
import type { Viewer } from './viewer.ts'
import { endSharing, recordReports, sendCommand, startSharing } from './writes.ts'
import type { EndInput, EventRow, Report, SendInput, StartInput, Written } from './writes.ts'

/** What the work costs without GraphQL: one statement per request, the answers written by JSON.stringify. */

type Variables = {
  readonly id: string
  readonly first?: number | null
  readonly after?: string | null
  readonly input: StartInput & EndInput & SendInput & { readonly reports: readonly Report[] }
}

const PAGE = 50

const pool = openPool()
const verify = createCachedVerify()

const OPERATIONS: Readonly<Record<string, (viewer: Viewer, variables: Variables) => Promise<object>>> = {
  Typename: async () => ({ __typename: 'Query' }),
  Viewer: async ({ fleetId, roles, tokenExpiresAt }) => ({
    viewer: { fleet: (await rowsOf(pool, FLEETS, [[fleetId]]))[0] ?? null, roles, tokenExpiresAt },
  }),
  Vehicle: async (viewer, { id }) => {
    const fleetId = fleetOf(viewer)
    const [row] = await rowsOf<JoinedRow>(pool, JOINED_VEHICLE, [fleetId, id])
    return { vehicle: row === undefined ? null : toJoined(row, fleetId) }
  },
  Vehicles: async (viewer, { first, after }) => {
    const fleetId = fleetOf(viewer)
    const size = first ?? 50
    const rows = await rowsOf<JoinedRow>(pool, JOINED_VEHICLES, [fleetId, idOfCursor(after ?? null), size + 1])
    const vehicles = rows.map((row) => toJoined(row, fleetId))
    return { vehicles: toConnection(vehicles, size) }
  },
  Events: async (viewer) => {
    const rows = await rowsOf<EventRow>(pool, EVENTS, [fleetOf(viewer), PAGE + 1])
    const nodes = rows.slice(0, PAGE).map(asSelected)
    return { vehicleEvents: { nodes, pageInfo: { hasNextPage: rows.length > PAGE } } }
  },
  Start: async (viewer, { input }) => ({
    startSharing: await mutate(startSharing(pool, managedFleetOf(viewer), input)),
  }),
  End: async (viewer, { input }) => ({ endSharing: await mutate(endSharing(pool, managedFleetOf(viewer), input)) }),
  Send: async (viewer, { input }) => ({ sendCommand: await mutate(sendCommand(pool, managedFleetOf(viewer), input)) }),
  Report: async (viewer, { input }) => {
    requireGateway(viewer)
    return { reportVehicleStates: await mutate(recordReports(pool, input.reports)) }
  },
}

async function mutate(written: Promise<Written>): Promise<object> {
  const { answer, events } = await written
  for (const event of events) followers.tell(event)
  return answer
}

async function answer(request: IncomingMessage): Promise<string> {
  const { promise: body, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => resolve(Buffer.concat(chunks)))
  request.on('error', reject)
  const viewer = await verify(request.headers.authorization)
  const { operationName, variables } = JSON.parse((await body).toString()) as {
    operationName: string
    variables: Variables
  }
  const operation = OPERATIONS[operationName]
  if (operation === undefined) throw new Error('there is no such operation')
  return JSON.stringify({ data: await operation(viewer, variables) })
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) =>
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
        .end(body),
    (error: Error) => response.writeHead(error instanceof UnauthenticatedError ? 401 : 500).end(error.message),
  )
})
const followers = createFollowers(server, verify)
server.listen(Number(process.env['PORT']), '127.0.0.1')
process.once('SIGTERM', () => process.exit())
