import { beforeEach, describe, expect, it } from 'vitest'
import { mutations, post } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { stored } from '../support/stored.ts'
import { makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)
const vehicleId = await world.newVehicle({ name: 'before' })

let before: Awaited<ReturnType<typeof stored>>
beforeEach(async () => {
  before = await stored(server)
})

/** The one error of a request that is refused as a whole, after seeing that it did nothing. */
async function refusal({ data, errors }: Pick<Answer, 'data' | 'errors'>) {
  expect(data ?? null).toBeNull()
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
  expect(await stored(server)).toEqual(before)
  return errors?.[0]
}

const asOwner = (query: string, variables: Variables = {}) => post(server.url, world.as.owner, query, variables)

/** What a request must not need to be refused for: a complete input, to be spoilt in one place. */
const complete = () => ({ vehicleId, fleetId: world.partner })

describe('variables that do not fit are refused, and the message names where', () => {
  it.each<[string, string, () => unknown, string]>([
    ['no input at all', 'startSharing', () => undefined, '$input'],
    ['null for the input', 'startSharing', () => null, '$input'],
    ['a text for the input', 'startSharing', () => 'x', '$input'],
    ['a list for the input', 'startSharing', () => [1, 2], '$input'],
    ['a field too few', 'startSharing', () => ({ vehicleId }), 'fleetId'],
    ['null for what is required', 'startSharing', () => ({ ...complete(), vehicleId: null }), 'input.vehicleId'],
    ['a field too many', 'startSharing', () => ({ ...complete(), until: null }), 'until'],
    ['an object for an id', 'startSharing', () => ({ ...complete(), fleetId: {} }), 'input.fleetId'],
    ['a fraction for an id', 'startSharing', () => ({ ...complete(), fleetId: 1.5 }), 'input.fleetId'],
    ['a number for a text', 'startSharing', () => ({ ...complete(), idempotencyKey: 7 }), 'input.idempotencyKey'],
    ['a boolean for a text', 'updateVehicle', () => ({ id: vehicleId, name: true }), 'input.name'],
    ['a list for a text', 'updateVehicle', () => ({ id: vehicleId, vin: ['x'] }), 'input.vin'],
    ['no command', 'startSharing', () => ({ ...complete(), allowedCommands: ['FLY'] }), 'input.allowedCommands[0]'],
    ['null among commands', 'createVehicle', () => ({ supportedCommands: [null] }), 'input.supportedCommands[0]'],
    ['a command in small letters', 'createVehicle', () => ({ supportedCommands: ['lock_top_case'] }), 'lock_top_case'],
    ['an id for a new vehicle', 'createVehicle', () => ({ id: 'MINE' }), 'id'],
    ['an owner for a vehicle', 'updateVehicle', () => ({ id: vehicleId, fleetId: world.partner }), 'fleetId'],
  ])('%s in %s', async (_what, name, input, names) => {
    const error = await refusal(await asOwner(mutations[name as keyof typeof mutations], { input: input() }))
    expect(error?.message).toContain(names)
  })

  it.each<[string, string, Variables, string]>([
    ['query ($id: ID!) { vehicle(id: $id) { id } }', 'null', { id: null }, '$id'],
    ['query ($id: ID!) { vehicle(id: $id) { id } }', 'nothing', {}, '$id'],
    ['query ($first: Int) { vehicles(first: $first) { nodes { id } } }', 'a text', { first: '3' }, '$first'],
    ['query ($first: Int) { vehicles(first: $first) { nodes { id } } }', 'too large', { first: 2 ** 31 }, '$first'],
    ['query ($after: String) { vehicles(after: $after) { nodes { id } } }', 'a number', { after: 7 }, '$after'],
  ])('%s with %s', async (query, _what, variables, names) => {
    expect((await refusal(await asOwner(query, variables)))?.message).toContain(names)
  })
})

describe('an instant that is none', () => {
  const WRONG = [
    '2021-12-20T11:15:000Z',
    '2021-12-20T11:15:00',
    '2021-12-20',
    '2021-02-30T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999Z',
    '2021-12-20T11:15:00+25:00',
    '2021-12-20T11:15:00Z\0',
    'tomorrow',
    '',
  ]

  it.each<unknown>([...WRONG, 1_640_000_000_000, true, {}])(
    '%j is refused as a variable, by its field',
    async (endsAt) => {
      const input = { ...complete(), startsAt: '2099-01-01T00:00:00Z', endsAt }
      const error = await refusal(await asOwner(mutations.startSharing, { input }))
      expect(error?.message).toContain('"input.endsAt"')
    },
  )

  it.each([...WRONG.map((text) => JSON.stringify(text)), '1640000000000', 'true', 'TOMORROW'])(
    '%s is refused in the document, by its place',
    async (literal) => {
      const start = `mutation { startSharing(input: { vehicleId: "${vehicleId}", fleetId: "x", endsAt: `
      const error = await refusal(await asOwner(`${start}${literal} }) { __typename } }`))
      expect(error).toMatchObject({ locations: [{ line: 1, column: start.length + 1 }] })
      expect(error?.message).toContain(literal)
    },
  )
})

describe('a document that does not fit the schema is refused', () => {
  it.each([
    ['an unknown field', '{ vehicle(id: "x") { colour } }', 'colour'],
    ['an unknown field of a mutation', 'mutation { sellVehicle { id } }', 'sellVehicle'],
    ['an unknown argument', '{ vehicles(limit: 3) { nodes { id } } }', 'limit'],
    ['an argument too few', '{ vehicle { id } }', '"id"'],
    ['a text for a number', '{ vehicles(first: "3") { nodes { id } } }', 'Int'],
    ['an unknown enum value', '{ vehicles(filter: { relation: BORROWED }) { nodes { id } } }', 'BORROWED'],
    ['an unknown input field', '{ sharings(filter: { partner: "x" }) { nodes { id } } }', 'partner'],
    ['a variable that is not declared', '{ vehicle(id: $id) { id } }', '$id'],
    ['a variable of another type', 'query ($id: Int) { vehicle(id: $id) { id } }', '$id'],
    ['a variable of an unknown type', 'query ($id: UUID!) { vehicle(id: $id) { id } }', 'UUID'],
    ['a mutation asked for as a query', 'query { deleteVehicle(input: { id: "x" }) { __typename } }', 'deleteVehicle'],
    ['nothing to select', '{ vehicle(id: "x") }', 'vehicle'],
    ['a bracket too few', '{ vehicle(id: "x") { id }', 'Syntax Error'],
    ['a text without an end', '{ vehicle(id: "x) { id } }', 'Syntax Error'],
    ['a lone surrogate in a text', '{ vehicle(id: "\ud800") { id } }', 'Syntax Error'],
    ['no operation', 'fragment Id on Vehicle { id }', 'operation'],
    ['a fragment of itself', '{ ...A } fragment A on Query { ...A }', '"A"'],
  ])('for %s', async (_what, query, names) => {
    expect((await refusal(await asOwner(query)))?.message).toContain(names)
  })

  it.each([
    ['that is not in the document', 'query A { viewer { roles } }', 'B'],
    [
      'that is left out where there are two',
      'query A { viewer { roles } } mutation B { createVehicle(input: {}) { __typename } }',
      null,
    ],
  ])('for an operation name %s', async (_what, query, operationName) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${world.as.owner}` },
      body: JSON.stringify({ query, operationName }),
    })
    const error = await refusal((await response.json()) as Answer)
    expect(error?.message).toContain('operation')
  })
})

describe('ids that cannot be any are unknown, and no failure', () => {
  const IDS = ['', ' ', 'x\0', '\0', '\ud800', '🛵', '%', "'; DROP TABLE vehicle; --", 'x'.repeat(100_000), 7]

  it.each(IDS.map((id) => [JSON.stringify(id).slice(0, 30), id] as const))('%s', async (_text, id) => {
    const reads = `query ($id: ID!) {
      vehicle(id: $id) { id } sharing(id: $id) { id } vehicles(filter: { ids: [$id] }) { nodes { id } }
      sharings(filter: { vehicleId: $id }) { nodes { id } }
      vehicleEvents(filter: { vehicleIds: [$id] }) { nodes { id } } }`
    const none = { nodes: [] }
    const { data, errors } = await asOwner(reads, { id })
    expect(errors).toBeUndefined()
    expect(data).toEqual({ vehicle: null, sharing: null, vehicles: none, sharings: none, vehicleEvents: none })
    const partners = await post(
      server.url,
      world.as.admin,
      'query ($id: ID!) { partnersOf(fleetId: $id) { nodes { id } } }',
      { id },
    )
    expect([partners.errors, partners.data]).toEqual([undefined, { partnersOf: none }])
    const endsAt = '2099-01-01T00:00:00Z'
    for (const [name, input] of [
      ['updateVehicle', { id, name: 'x' }],
      ['deleteVehicle', { id }],
      ['startSharing', { ...complete(), vehicleId: id }],
      ['updateSharingEnd', { vehicleId: id, sharingId: id, endsAt }],
      ['endSharing', { vehicleId: id, sharingId: id }],
    ] as const) {
      const answer = await asOwner(mutations[name], { input })
      expect(answer.errors).toBeUndefined()
      expect(answer.data[name]).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    }
    expect(await stored(server)).toEqual(before)
  })
})
