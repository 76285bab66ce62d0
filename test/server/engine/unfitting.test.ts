import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../support/api.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { DATABASE_KINDS, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { stored } from '../../support/stored.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import type { Params, Told, Transport } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const parsed = (json: string) => JSON.parse(json) as object

/** Of no input of a mutation. */
const UNFITTING: readonly unknown[] = [
  [],
  [[]],
  [{}],
  null,
  1,
  '',
  'x',
  true,
  { stranger: 1 },
  parsed('{"__proto__":{"name":"x","subject":"x"}}'),
  parsed('{"constructor":{"name":"x"}}'),
]

const MUTATIONS = [
  ['createVehicle', 'CreateVehicleInput', 'owner'],
  ['startSharing', 'StartSharingInput', 'owner'],
  ['sendCommand', 'SendCommandInput', 'owner'],
  ['createFleet', 'CreateFleetInput', 'admin'],
  ['revokeTokens', 'RevokeTokensInput', 'admin'],
] as const

const MUTATING = TRANSPORTS.filter((transport) => transport !== 'GET' && transport !== 'SSE')
const NAMED = 'query constructor { viewer { roles } } query toString { __typename }'

/** What is refused, on every transport, however often it comes. */
const REFUSED: readonly [what: string, params: Params][] = [
  ['a null where a default is', { query: 'query ($v: ID = "A") { vehicle(id: $v) { id } }', variables: { v: null } }],
  [
    'the same behind an alias and a fragment',
    {
      query: 'query ($v: ID = "A") { ...F } fragment F on Query { a: vehicle(id: $v) { id } }',
      variables: { v: null },
    },
  ],
  [
    'a null in @skip at the root',
    { query: 'query ($v: Boolean = true) { viewer @skip(if: $v) { roles } __typename }', variables: { v: null } },
  ],
  [
    'a null in @skip',
    { query: 'query ($v: Boolean = true) { viewer { roles @skip(if: $v) fleet { id } } }', variables: { v: null } },
  ],
  [
    'a null in @include',
    {
      query: 'query ($v: Boolean = true) { viewer { ... @include(if: $v) { roles } fleet { id } } }',
      variables: { v: null },
    },
  ],
  [
    'a text in @include',
    { query: 'query ($v: Boolean!) { viewer { roles @include(if: $v) } }', variables: { v: 'true' } },
  ],
  ['nothing in @include', { query: 'query ($v: Boolean!) { viewer { roles @include(if: $v) } }' }],
  [
    'a null in a list',
    { query: 'query ($v: ID = "A") { vehicles(filter: { ids: [$v] }) { nodes { id } } }', variables: { v: null } },
  ],
  [
    'a list for an object',
    { query: 'query ($v: VehicleFilter) { vehicles(filter: $v) { nodes { id } } }', variables: { v: [] } },
  ],
  [
    'an enum by the name of what objects have',
    {
      query: 'query ($v: VehicleRelation) { vehicles(filter: { relation: $v }) { nodes { id } } }',
      variables: { v: 'constructor' },
    },
  ],
  [
    'a number that is too large for an Int',
    { query: 'query ($v: Int) { vehicles(first: $v) { nodes { id } } }', variables: { v: 2 ** 31 } },
  ],
  ['an operation that there is not', { query: NAMED, operationName: '__proto__' }],
  ['an operation without a name', { query: NAMED, operationName: '' }],
]

/** What is answered. */
const ANSWERED: readonly [what: string, params: Params, data: unknown][] = [
  [
    'an alias that objects have',
    { query: '{ __proto__: viewer { constructor: roles } toString: __typename }' },
    parsed('{"__proto__":{"constructor":["MANAGER"]},"toString":"Query"}'),
  ],
  [
    'a variable that objects have',
    { query: 'query ($__proto__: ID!) { vehicle(id: $__proto__) { id } }', variables: parsed('{"__proto__":"NONE"}') },
    { vehicle: null },
  ],
  [
    'another one',
    { query: 'query ($constructor: ID!) { vehicle(id: $constructor) { id } }', variables: { constructor: 'NONE' } },
    { vehicle: null },
  ],
  ['an operation that objects have', { query: NAMED, operationName: 'toString' }, { __typename: 'Query' }],
  [
    'a fragment that objects have',
    { query: '{ viewer { ...__proto__ } } fragment __proto__ on Viewer { roles }' },
    { viewer: { roles: ['MANAGER'] } },
  ],
  [
    'one value for a list',
    { query: 'query ($v: [ID!]) { vehicles(filter: { ids: $v }) { nodes { id } } }', variables: { v: 'NONE' } },
    { vehicles: { nodes: [] } },
  ],
  [
    'a number for an ID',
    { query: 'query ($v: ID!) { vehicle(id: $v) { id } }', variables: { v: 7 } },
    { vehicle: null },
  ],
  [
    'a variable that is absent in an object',
    { query: 'query ($v: VehicleRelation) { vehicles(filter: { relation: $v, ids: [] }) { nodes { id } } }' },
    { vehicles: { nodes: [] } },
  ],
]

const SUBSCRIPTIONS: readonly [what: string, query: string, variables: object][] = [
  ['a field that is skipped', 'subscription { vehicleEvents @skip(if: true) { type } }', {}],
  ['a field that is not included', 'subscription { vehicleEvents @include(if: false) { type } }', {}],
  [
    'a fragment that is skipped',
    'subscription { ...F @skip(if: true) } fragment F on Subscription { vehicleEvents { type } }',
    {},
  ],
  [
    'a field that a variable skips',
    'subscription ($v: Boolean!) { vehicleEvents @skip(if: $v) { type } }',
    { v: true },
  ],
  [
    'a field that a variable may skip',
    'subscription ($v: Boolean = true) { vehicleEvents @skip(if: $v) { type } }',
    { v: null },
  ],
  [
    'a filter that is a list',
    'subscription ($v: VehicleEventFilter) { vehicleEvents(filter: $v) { type } }',
    { v: [] },
  ],
  [
    'a filter with a strange field',
    'subscription ($v: VehicleEventFilter) { vehicleEvents(filter: $v) { type } }',
    { v: parsed('{"__proto__":{}}') },
  ],
]

/** Each code once: one value may be wrong in several ways. */
const codesOf = (errors: Told['errors']) => errors && [...new Set(errors.map(({ extensions }) => extensions.code))]

describe.each(DATABASE_KINDS)('on %s', (database) => {
  let server: TestServer
  let world: World
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
  })
  afterAll(() => server.close())

  /** Three times: what comes again goes another way. */
  async function thrice(transport: Transport, who: keyof World['as'], params: Params) {
    const answers: Pick<Told, 'data' | 'errors' | 'status'>[] = []
    for (let time = 0; time < 3; time++) {
      const { data, errors, status } = await sendOver(transport)(server.url, world.as[who], params)
      answers.push({ data, errors, status })
    }
    expect(answers).toEqual(answers.map(() => answers[0]))
    return { data: answers[0]?.data, codes: codesOf(answers[0]?.errors) }
  }

  describe.each(MUTATING)('over %s', (transport) => {
    it.each(MUTATIONS)('%s refuses values that do not fit', async (field, type, who) => {
      const before = await stored(server)
      const query = `mutation ($i: ${type}!) { ${field}(input: $i) { __typename } }`
      for (const i of UNFITTING) {
        expect(await thrice(transport, who, { query, variables: { i } })).toEqual({
          data: undefined,
          codes: ['BAD_USER_INPUT'],
        })
      }
      expect(await stored(server)).toEqual(before)
      expect(await ask(server.url, world.as.admin, '{ viewer { roles } }')).toEqual({ viewer: { roles: ['ADMIN'] } })
    })

    it('a list of reports that are none is refused', async () => {
      const gateway = await server.token(null, 'gateway')
      const query = 'mutation ($i: ReportVehicleStatesInput!) { reportVehicleStates(input: $i) { __typename } }'
      for (const reports of [[[]], [null], 'x', { vehicleId: 'V' }, [{ position: [] }], null]) {
        const { errors } = await sendOver(transport)(server.url, gateway, { query, variables: { i: { reports } } })
        expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
      }
    })

    it('a number that is infinite is no reading', async () => {
      const gateway = await server.token(null, 'gateway')
      const vehicleId = await world.newVehicle()
      await report(server.url, gateway, [reportAt(vehicleId, 'm', Date.now(), { speedKmh: 1 })])
      const before = await stored(server)
      for (const speed of ['1e400', '-1e400', `1${'0'.repeat(400)}`]) {
        const query = `mutation { reportVehicleStates(input: { reports: [{ vehicleId: "${vehicleId}", messageId: "n",
          occurredAt: "2026-01-01T00:00:00Z", speedKmh: ${speed} }] }) { __typename } }`
        expect(await thrice(transport, 'admin', { query })).toEqual({ data: undefined, codes: ['BAD_USER_INPUT'] })
      }
      expect(await stored(server)).toEqual(before)
    })
  })

  describe.each(TRANSPORTS.filter((transport) => transport !== 'SSE'))('over %s', (transport) => {
    it.each(REFUSED)('a query is refused: %s', async (_what, params) => {
      expect((await thrice(transport, 'owner', params)).codes).toEqual(['BAD_USER_INPUT'])
    })

    it.each(ANSWERED)('a query is answered: %s', async (_what, params, data) => {
      expect(await thrice(transport, 'owner', params)).toEqual({ data, codes: undefined })
    })
  })

  describe.each(['SSE', 'WebSocket'] as const)('over %s', (transport) => {
    it.each(SUBSCRIPTIONS)('a subscription is refused: %s', async (_what, query, variables) => {
      const { codes } = await thrice(transport, 'owner', { query, variables })
      expect(codes).toEqual(['BAD_USER_INPUT'])
    })
  })
})
