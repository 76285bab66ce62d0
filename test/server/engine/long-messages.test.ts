import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import type { Params } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

let server: TestServer
let world: World
beforeAll(async () => {
  server = await startServer({ announce: false })
  world = await makeWorld(server)
})
afterAll(() => server.close())

/** Nearly as long as a body may be, and nearly as long as a document may be. */
const LONG = 'x'.repeat(900_000)
const NAME = 'x'.repeat(40_000)
const MANY = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`key${n}`, 'xxxxxxx']))

const variable = (type: string, field: string, v: unknown): Params => ({
  query: `query ($v: ${type}) { ${field} { __typename } }`,
  variables: { v },
})
const mutation = (field: string, type: string, i: unknown): Params => ({
  query: `mutation ($i: ${type}!) { ${field}(input: $i) { __typename ... on UserError { message } } }`,
  variables: { i },
})

const IN_VARIABLES: readonly [what: string, params: Params][] = [
  ['an Int', variable('Int', 'vehicles(first: $v)', LONG)],
  ['an ID', variable('ID!', 'vehicle(id: $v)', { x: LONG })],
  ['a text', variable('String', 'vehicles(after: $v)', [LONG])],
  ['a cursor', variable('String', 'vehicles(after: $v)', LONG)],
  ['a place in the log', variable('String', 'vehicleEvents(after: $v)', LONG)],
  ['an enum', variable('VehicleRelation', 'vehicles(filter: { relation: $v })', LONG)],
  ['an object', variable('VehicleFilter', 'vehicles(filter: $v)', LONG)],
  ['an object with many fields', variable('VehicleFilter', 'vehicles(filter: $v)', MANY)],
  ['a field that there is not', variable('VehicleFilter', 'vehicles(filter: $v)', { [LONG]: 1 })],
  ['a list', variable('[ID!]', 'vehicles(filter: { ids: $v })', [[LONG]])],
  ['a name of an operation', { query: 'query A { __typename }', operationName: LONG }],
]
const IN_MUTATIONS: readonly [what: string, params: Params][] = [
  ['an instant', mutation('startSharing', 'StartSharingInput', { vehicleId: 'V', fleetId: 'F', startsAt: LONG })],
  ['a text', mutation('createVehicle', 'CreateVehicleInput', { name: LONG })],
  ['a command', mutation('sendCommand', 'SendCommandInput', { vehicleId: 'V', type: LONG })],
  [
    'a key',
    mutation('sendCommand', 'SendCommandInput', { vehicleId: 'V', type: 'DRAW_ATTENTION', idempotencyKey: LONG }),
  ],
  ['an id', mutation('deleteVehicle', 'DeleteVehicleInput', { id: LONG })],
]
const IN_DOCUMENTS: readonly [what: string, query: string][] = [
  ['a field', `{ ${NAME} }`],
  ['an alias', `{ ${NAME}: vehicles(first: 1000) { nodes { id } } }`],
  ['an argument', `{ vehicle(${NAME}: 1) { id } }`],
  ['a literal', `{ vehicles(first: "${NAME}") { nodes { id } } }`],
  ['a text in three quotes', `{ vehicles(first: """${NAME} " ${NAME.slice(0, 9_000)}""") { nodes { id } } }`],
  ['a number', `{ vehicles(first: 1${'0'.repeat(40_000)}) { nodes { id } } }`],
  ['an enum', `{ vehicles(filter: { relation: ${NAME} }) { nodes { id } } }`],
  ['a type', `query ($v: ${NAME}) { vehicle(id: $v) { id } }`],
  ['a variable', `{ vehicle(id: $${NAME}) { id } }`],
  ['a fragment', `{ ...${NAME} }`],
  ['a directive', `{ __typename @${NAME} }`],
  ['an operation', `query ${NAME} { __typename } query ${NAME} { __typename }`],
  ['what is no document', `${NAME} {`],
  ['two fields that do not merge', `{ ${NAME}: vehicles { nodes { id } } ${NAME}: vehicle(id: "V") { id } }`],
]

function look(told: Awaited<ReturnType<ReturnType<typeof sendOver>>>): void {
  const messages = [...(told.errors ?? []), ...Object.values((told.data ?? {}) as object)].map(
    (found: { message?: unknown } | null) => found?.message,
  )
  expect(messages.length).toBeGreaterThan(0)
  for (const message of messages) {
    expect(String(message).length).toBeLessThanOrEqual(400)
    expect(message).not.toMatch(/x{101}|0{101}/)
  }
}

describe.each(TRANSPORTS.filter((transport) => transport !== 'SSE'))('over %s no message repeats', (transport) => {
  const send = (params: Params) => sendOver(transport)(server.url, world.as.owner, params)
  const isLongUrl = transport === 'GET'

  it.each(isLongUrl ? [] : IN_VARIABLES)('%s in a variable', async (_what, params) => look(await send(params)))
  it.each(isLongUrl ? [] : IN_MUTATIONS)('%s in a mutation', async (_what, params) => look(await send(params)))
  it.each(isLongUrl ? [] : IN_DOCUMENTS)('%s in a document', async (_what, query) => look(await send({ query })))
  it.each(IN_DOCUMENTS)('%s in a short document', async (_what, query) => {
    look(
      await send({
        query: query.replaceAll(NAME, 'x'.repeat(5_000)).replaceAll('0'.repeat(40_000), '0'.repeat(5_000)),
      }),
    )
  })
})

it.each(['SSE', 'WebSocket'] as const)('over %s no message repeats the values of a subscription', async (transport) => {
  const query = 'subscription ($v: String, $f: VehicleEventFilter) { vehicleEvents(after: $v, filter: $f) { type } }'
  for (const variables of [{ v: LONG }, { v: [LONG] }, { f: { types: [LONG] } }, { f: { [LONG]: 1 } }]) {
    look(await sendOver(transport)(server.url, world.as.owner, { query, variables }))
  }
})

it('no reason of a rejected report repeats it', async () => {
  const gateway = await server.token(null, 'gateway')
  const query = `mutation ($i: ReportVehicleStatesInput!) { reportVehicleStates(input: $i) {
    ... on ReportVehicleStatesSuccess { rejected { message } } } }`
  const report = {
    vehicleId: LONG.slice(0, 400_000),
    messageId: LONG.slice(0, 400_000),
    occurredAt: '2026-01-01T00:00:00Z',
  }
  const { data } = await sendOver('POST')(server.url, gateway, {
    query,
    variables: { i: { reports: [{ ...report, speedKmh: 1 }] } },
  })
  const [{ message }] = data.reportVehicleStates.rejected
  expect(message.length).toBeLessThanOrEqual(400)
})
