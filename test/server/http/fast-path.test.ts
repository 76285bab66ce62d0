import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../../src/graphql/schema.ts'
import { mutations, post, run } from '../../support/api.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { operationsOf } from '../../support/operations.ts'
import type { Operation } from '../../support/operations.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver } from '../../support/transports.ts'
import { iso, makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

let server: TestServer
let world: World
let ids: string[]
const HOUR = 3_600_000

beforeAll(async () => {
  // Nothing happens in this world meanwhile, so that one question has one answer.
  server = await startServer({ announce: false })
  world = await makeWorld(server)
  ids = [await world.newVehicle({ name: 'Ünïcode' }), await world.newVehicle(), await world.newVehicle()]
  const gateway = await server.token(null, 'gateway')
  const readings = { position: { latitude: 1.5, longitude: -2 }, speedKmh: 0, centralLock: 'LOCKED', ignition: true }
  await report(server.url, gateway, [reportAt(ids[0] ?? '', 'm', Date.now() - 1000, readings)])
  const lend = (vehicleId: string | undefined, period: object) =>
    run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, ...period })
  await lend(ids[0], { endsAt: iso(Date.now() + 5 * HOUR), allowedCommands: ['DRAW_ATTENTION'] })
  await run(server.url, world.as.partner, 'endSharing', { vehicleId: ids[0] })
  await lend(ids[0], {})
  await lend(ids[1], { startsAt: iso(Date.now() + 5 * HOUR) })
})
afterAll(() => server.close())

async function answer(token: string, body: object | string, accept?: string) {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${token}`,
      'X-Request-Id': 'the-same',
      ...(accept === undefined ? {} : { Accept: accept }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const { status, headers } = response
  const told = [...headers].filter(([name]) => !['date', 'content-length', 'transfer-encoding'].includes(name))
  return { status, headers: Object.fromEntries(told), body: await response.text() }
}

/** What comes first goes Yoga's way, what comes again the short one; a comment makes it new. */
async function both(token: string, { query, variables }: Operation, accept?: string) {
  const unseen = await answer(token, { query: `# ${Math.random()}\n${query}`, variables }, accept)
  for (let time = 0; time < 2; time++) await answer(token, { query, variables }, accept)
  return { unseen, compiled: await answer(token, { query, variables }, accept) }
}

/** Where in a document an error stands is moved by the comment. */
const placed = <T extends { body: string }>(told: T): T => ({
  ...told,
  body: told.body.replaceAll(/"line":\d+/g, '"line":0'),
})

/** Errors and data alone: on a socket a refused operation has no data. */
function alone(body: string): string {
  const { errors, data } = JSON.parse(body) as { errors?: unknown; data?: unknown }
  return JSON.stringify({ errors, data })
}

describe('a document that came before is answered byte for byte as when it was new', () => {
  it('for all kinds of operations, valid or not', async () => {
    const asking = ['owner', 'partner', 'stranger', 'admin'] as const
    const outcomes = { data: 0, errors: 0 }
    await fc.assert(
      fc.asyncProperty(operationsOf(schema, ids), fc.constantFrom(...asking), async (operation, who) => {
        const { unseen, compiled } = await both(world.as[who], operation)
        expect(placed(compiled)).toEqual(placed(unseen))
        const { data, errors } = await sendOver('WebSocket')(server.url, world.as[who], operation)
        expect(placed({ body: JSON.stringify({ errors, data }) }).body).toBe(placed({ body: alone(unseen.body) }).body)
        outcomes[compiled.body.includes('"errors"') ? 'errors' : 'data']++
      }),
      { numRuns: 250 },
    )
    // Neither alone would tell much.
    expect(Math.min(outcomes.data, outcomes.errors)).toBeGreaterThan(20)
  })

  it.each([
    undefined,
    '*/*',
    'application/json',
    'application/json, */*',
    'application/graphql-response+json',
    'text/html',
    'image/png',
    'application/json; charset=utf-8',
    'application/graphql-response+json, application/json;q=0.9',
    'APPLICATION/JSON',
    'constructor',
  ])('in the media type that is asked for: %s', async (accept) => {
    const query = '{ viewer { fleet { id name } roles } vehicles { nodes { name } } }'
    const { unseen, compiled } = await both(world.as.owner, { query, variables: {} }, accept)
    expect(compiled).toEqual(unseen)
    const wrong = await both(world.as.admin, { query, variables: {} }, accept)
    expect(placed(wrong.compiled)).toEqual(placed(wrong.unseen))
  })

  it('also mutations: successes, expected failures and refusals', async () => {
    for (const [who, input] of [
      ['owner', { id: ids[2], name: 'the same' }],
      ['partner', { id: ids[2], name: 'not to be seen' }],
      ['owner', { id: ids[2], name: 'x'.repeat(201) }],
      ['owner', { id: ids[2], name: 5 }],
      ['owner', { id: ids[2], stranger: 1 }],
      ['admin', { id: ids[2] }],
    ] as const) {
      for (const accept of ['application/json', 'application/graphql-response+json']) {
        const { unseen, compiled } = await both(
          world.as[who],
          { query: mutations.updateVehicle, variables: { input } },
          accept,
        )
        expect(placed(compiled)).toEqual(placed(unseen))
      }
    }
  })

  it.each([
    ['a page that is too long', 'sharings(first: 1000) { nodes { id } }'],
    ['two of them', 'a: sharings(first: 1000) { nodes { id } } b: sharings(last: -1) { nodes { id } }'],
    ['a place that is none', 'fleet { name }\n\r\n\r  sharings(after: "é") { nodes { id } }'],
  ])('also a mutation that is done, while part of its answer fails: %s', async (_, part) => {
    const query = `mutation ($input: UpdateVehicleInput!) {\r\n updateVehicle(input: $input) {
      ... on UpdateVehicleSuccess { vehicle { id ${part} name } } } }`
    const { unseen, compiled } = await both(world.as.owner, {
      query,
      variables: { input: { id: ids[2], name: 'the same' } },
    })
    expect(compiled).toEqual({
      ...unseen,
      body: unseen.body.replaceAll(/"line":(\d+)/g, (_all, n) => `"line":${n - 1}`),
    })
    expect(JSON.parse(compiled.body)).toMatchObject({
      errors: expect.arrayContaining([
        expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' }, locations: [expect.anything()] }),
      ]),
    })
  })

  it('leaves several mutations of one operation to follow each other', async () => {
    const id = ids[2]
    const query = `mutation ($id: ID!) {
      a: updateVehicle(input: { id: $id, name: "a" }) { ... on UpdateVehicleSuccess { vehicle { name } } }
      b: updateVehicle(input: { id: $id, name: "the same" }) { ... on UpdateVehicleSuccess { vehicle { name } } } }`
    const { unseen, compiled } = await both(world.as.owner, { query, variables: { id } })
    expect(compiled).toEqual(unseen)
    expect(JSON.parse(compiled.body).data).toEqual({
      a: { vehicle: { name: 'a' } },
      b: { vehicle: { name: 'the same' } },
    })
  })

  it('does a mutation once', async () => {
    const { as } = world
    const names = Array.from({ length: 6 }, (_, n) => `once ${n}`)
    for (const name of names) await post(server.url, as.owner, mutations.createVehicle, { input: { name } })
    const { data } = await post(server.url, as.owner, '{ vehicles(first: 100) { nodes { name } } }')
    const found = data.vehicles.nodes.map(({ name }: { name: string | null }) => name)
    expect(found.filter((name: string | null) => name?.startsWith('once')).toSorted()).toEqual(names)
  })

  it.each([
    [
      'several operations, of which one is named',
      { query: 'query A { viewer { roles } } query B { __typename }', operationName: 'B' },
    ],
    ['several operations, of which none is', { query: 'query A { viewer { roles } } query B { __typename }' }],
    ['a name that there is not', { query: 'query A { __typename }', operationName: 'C' }],
    ['extensions', { query: '{ __typename }', extensions: { persistedQuery: { version: 1 } } }],
    ['what nobody knows', { query: '{ __typename }', more: 1 }],
    ['variables that are none', { query: '{ __typename }', variables: [] }],
    ['a subscription', { query: 'subscription { vehicleEvents { id } }' }],
  ])('with %s', async (_, body) => {
    const first = await answer(world.as.owner, body, 'application/json')
    for (let time = 0; time < 3; time++) expect(await answer(world.as.owner, body, 'application/json')).toEqual(first)
  })
})
