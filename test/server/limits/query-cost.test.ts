import { getOperationAST, GraphQLError, isObjectType, parse, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../../src/graphql/schema.ts'
import { queryCostOf } from '../../../src/server/limits/query-cost.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

function costOf(query: string) {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const operation = getOperationAST(document)
  if (!operation) throw new Error('there is one operation')
  return queryCostOf(document, operation)
}

function weightOf(query: string, variables: Readonly<Record<string, unknown>> = {}) {
  const { nodes, points, maxNodes, maxPoints } = costOf(query)
  expect(nodes(variables)).toBeLessThanOrEqual(maxNodes)
  expect(points(variables)).toBeLessThanOrEqual(Math.max(1, maxPoints))
  return [nodes(variables), points(variables)]
}

/** The body of a page of events: 3 points for an event of a sharing, 2 for one of a command, 1 for others. */
const EVENTS =
  '{ nodes { id ... on SharingEvent { sharing { partner { id } } } ... on CommandEvent { command { id } } } }'

describe('the cost of an operation', () => {
  it.each<[string, string, number, number]>([
    ['at least a point', '{ __typename }', 0, 1],
    ['nothing for values', '{ viewer { roles tokenExpiresAt } }', 0, 1],
    ['a point for each object', '{ viewer { fleet { id } } vehicle(id: "1") { fleet { name } } }', 0, 4],
    ['as much behind an alias again', '{ a: viewer { roles } b: viewer { roles } }', 0, 2],
    [
      'as much behind fragments',
      '{ ...A ...A } fragment A on Query { ... on Query { viewer { ...B } } } fragment B on Viewer { fleet { id } }',
      0,
      4,
    ],
    ['a page of the usual size', '{ vehicles { nodes { id } } }', 50, 51],
    ['a page of that size', '{ vehicles(first: 10) { nodes { id } pageInfo { hasNextPage } } }', 10, 12],
    ['a page from the end', '{ vehicles(last: 7) { nodes { id } } }', 7, 8],
    ['a page without a look at its nodes', '{ vehicles(first: 10) { pageInfo { endCursor } } }', 10, 12],
    ['a page of edges', '{ vehicles(first: 10) { edges { cursor node { id } } } }', 10, 21],
    ['a page of no nodes as one', '{ vehicles(first: 0) { nodes { id } } }', 1, 2],
    ['not more than the largest page', '{ vehicles(first: 5000) { nodes { id } } }', 100, 101],
    ['the history, whose pages are larger', '{ vehicleEvents(first: 500) { nodes { id } } }', 500, 501],
    ['pages in pages', '{ vehicles(first: 10) { nodes { sharings(first: 5) { nodes { id } } } } }', 50, 71],
    [
      'two pages in each node',
      '{ vehicles(first: 10) { nodes { a: sharings(first: 5) { nodes { id } } b: sharings(first: 1) { nodes { id } } } } }',
      60,
      91,
    ],
    ['a mutation 10', 'mutation { deleteVehicle(input: { id: "1" }) { ... on DeleteVehicleSuccess { id } } }', 0, 10],
    ['a subscription 10', 'subscription { vehicleEvents { vehicle { id } } }', 0, 11],
    ['one of several types: the dearest', `{ vehicleEvents(first: 10) ${EVENTS} }`, 10, 31],
    ['the same behind edges', `{ vehicleEvents(first: 10) { edges { node ${EVENTS.slice(8, -2)} } } }`, 10, 41],
    [
      'the types that its filter lets through',
      `{ vehicleEvents(first: 10, filter: { types: [COMMAND_UPDATED, STATE_RECORDED] }) ${EVENTS} }`,
      10,
      21,
    ],
    ['one type that is no list', `{ vehicleEvents(first: 10, filter: { types: VEHICLE_CHANGED }) ${EVENTS} }`, 10, 11],
    ['no types as an empty page', `{ vehicleEvents(first: 10, filter: { types: [] }) ${EVENTS} }`, 1, 2],
    ['no vehicles as an empty page', `{ vehicleEvents(first: 10, filter: { vehicleIds: [] }) ${EVENTS} }`, 1, 4],
    ['any vehicles as all', `{ vehicleEvents(first: 10, filter: { vehicleIds: ["1"] }) ${EVENTS} }`, 10, 31],
    ['null types as all', `{ vehicleEvents(first: 10, filter: { types: null }) ${EVENTS} }`, 10, 31],
    ['as many nodes as its filter names', '{ vehicles(filter: { ids: ["1", "2"] }) { nodes { id } } }', 2, 3],
    ['no more than its size', '{ vehicles(first: 1, filter: { ids: ["1", "2"] }) { nodes { id } } }', 1, 2],
    ['no names as an empty page', '{ vehicles(filter: { ids: [], relation: OWNED }) { nodes { id } } }', 1, 2],
    ['null names as all', '{ vehicles(filter: { ids: null, relation: OWNED }) { nodes { id } } }', 50, 51],
    [
      'one result of several, with what all errors have',
      `mutation { startSharing(input: { vehicleId: "1", fleetId: "2" }) { ... on StartSharingSuccess { sharing { id } vehicle { id } }
        ... on UserError { code ... on SharingConflictError { conflict { vehicle { fleet { id } } } } } } }`,
      0,
      13,
    ],
    ['nothing for what is skipped', '{ vehicles(first: 10) @skip(if: true) { nodes { id } } }', 0, 1],
    ['nothing for what is not included', '{ vehicles(first: 10) @include(if: false) { nodes { id } } }', 0, 1],
    [
      'nothing for a fragment that is skipped, with what it spreads',
      '{ viewer { roles } ...A @skip(if: true) } fragment A on Query { ...B } fragment B on Query { viewer { fleet { id } } }',
      0,
      1,
    ],
    [
      'the rest of a page',
      '{ vehicles(first: 3) @skip(if: false) { nodes { id fleet @skip(if: true) { id } } } }',
      3,
      4,
    ],
  ])('%s: %s', (_what, query, nodes, points) => {
    expect(weightOf(query)).toEqual([nodes, points])
  })

  const paged = 'query ($first: Int = 20) { vehicles(first: $first) { nodes { sharings(last: 2) { nodes { id } } } } }'
  it.each<[string, object, number]>([
    ['that is given', { first: 3 }, 6],
    ['that is not given', {}, 40],
    ['that is null', { first: null }, 100],
    ['that is no number', { first: '9' }, 100],
    ['that bears the name of what every object has', Object.create({ first: 1 }) as object, 40],
    ['that is negative', { first: -1 }, 100],
    ['that is too large', { first: 1e9 }, 200],
  ])('by a variable %s', (_what, variables, nodes) => {
    expect(weightOf(paged, { ...variables })[0]).toBe(nodes)
  })
})

describe('the cost of what variables may leave out', () => {
  const page = 'vehicles(first: 10) { nodes { id fleet { id } } }'
  const skipped = `query ($no: Boolean! = true) { viewer { roles } ${page.replace(' {', ' @skip(if: $no) {')} }`
  const inFragments = `query ($a: Boolean!, $b: Boolean!) { ... @include(if: $a) { viewer { roles } ...P @skip(if: $b) } }
    fragment P on Query { ${page} }`
  const oneOfTwo = `query ($a: Boolean!) { x: ${page.replace(' {', ' @include(if: $a) {')} y: ${page.replace(' {', ' @skip(if: $a) {')} }`
  const both = `query ($a: Boolean!, $b: Boolean!) { ${page.replace(' {', ' @skip(if: $a) @include(if: $b) {')} }`
  const list = 'query ($a: Boolean!) { vehicles(first: 10) { nodes @include(if: $a) { id fleet { id } } totalCount } }'
  const typed = `query ($a: Boolean!) { vehicleEvents(first: 10, filter: { types: [COMMAND_UPDATED] }) {
    nodes { ... on CommandEvent @include(if: $a) { command { id } } ... on SharingEvent { sharing { partner { id } } } } } }`
  it.each<[string, string, Readonly<Record<string, unknown>>, number, number]>([
    ['it is skipped', skipped, { no: true }, 0, 1],
    ['it is not', skipped, { no: false }, 10, 22],
    ['it is by a default', skipped, {}, 0, 1],
    ['the value is invalid', skipped, { no: 'true' }, 10, 22],
    ['the fragment around it is left out', inFragments, { a: false, b: false }, 0, 1],
    ['the fragment is included', inFragments, { a: true, b: false }, 10, 22],
    ['the one in it is skipped', inFragments, { a: true, b: true }, 0, 1],
    ['the other of two is included', oneOfTwo, { a: true }, 10, 21],
    ['the one of two is included', oneOfTwo, { a: false }, 10, 21],
    ['one of two directives leaves it out', both, { a: false, b: false }, 0, 1],
    ['two directives include it', both, { a: false, b: true }, 10, 21],
    ['the nodes of a page are shown', list, { a: true }, 10, 21],
    ['they are not, and the page is read all the same', list, { a: false }, 10, 11],
    ['what comes with a type is included', typed, { a: true }, 10, 21],
    ['it is not', typed, { a: false }, 10, 11],
  ])('where %s', (_what, query, variables, nodes, points) => {
    expect(weightOf(query, variables)).toEqual([nodes, points])
  })
})

describe('the cost of a page by a variable of its filter', () => {
  const named =
    'query ($filter: VehicleFilter = { ids: "1" }) { vehicles(first: 100, filter: $filter) { nodes { id } } }'
  const typed = `query ($types: [VehicleEventType!]) { vehicleEvents(first: 10, filter: { types: $types }) ${EVENTS} }`
  it.each<[string, string, Readonly<Record<string, unknown>>, number]>([
    ['that is given', named, { filter: { ids: ['1', '2', '3'] } }, 4],
    ['that is not given, with a default', named, {}, 2],
    ['that is null', named, { filter: null }, 101],
    ['that is something else', named, { filter: 'all' }, 101],
    ['that names nothing of it', named, { filter: { search: 'x' } }, 101],
    ['that has it of its prototype', named, { filter: Object.create({ ids: [] }) }, 101],
    ['with types', typed, { types: ['STATE_RECORDED'] }, 11],
    ['with one type', typed, { types: 'COMMAND_UPDATED' }, 21],
    ['without types', typed, {}, 31],
    ['with types that there are not', typed, { types: ['NONE', 7] }, 31],
  ])('%s', (_what, query, variables, points) => {
    expect(weightOf(query, variables)[1]).toBe(points)
  })
})

describe('the cost of an answer', () => {
  const paged = '{ vehicles(first: 10) { nodes { id sharings(first: 5) { nodes { id } } } pageInfo { endCursor } } }'
  const vehicle = (...ids: string[]) => ({ id: '1', sharings: { nodes: ids.map((id) => ({ id })) } })
  const answer = (...nodes: object[]) => ({ vehicles: { nodes, pageInfo: { endCursor: null } } })
  const deleted =
    'mutation { a: deleteVehicle(input: { id: "1" }) { __typename } b: deleteVehicle(input: { id: "2" }) { __typename } }'
  const closed = '{ vehicles(first: 10) { nodes { sharings(first: 5) { pageInfo { endCursor } } } } }'
  it.each<[string, string, object | null, number]>([
    ['its objects', paged, answer(vehicle('a', 'b'), vehicle('c')), 2 + 2 + 2 + 3],
    ['an empty page as one node', paged, answer(), 2 + 1],
    ['empty pages in nodes likewise', paged, answer(vehicle(), vehicle()), 2 + 2 * 3],
    [
      'a page that shows no nodes in full',
      closed,
      { vehicles: { nodes: [{ sharings: { pageInfo: {} } }] } },
      1 + 1 + 7,
    ],
    ['a list of other values as nothing', '{ viewer { roles } }', { viewer: { roles: ['A', 'B'] } }, 1],
    ['null as nothing, and at least a point', '{ vehicle(id: "1") { id } }', { vehicle: null }, 1],
    ['no answer as the whole', paged, null, 72],
    ['a change ten', deleted, { a: { __typename: 'RequestError' }, b: { __typename: 'DeleteVehicleSuccess' } }, 20],
    ['what is skipped as nothing', '{ vehicles(first: 10) @skip(if: true) { nodes { id } } }', {}, 1],
    ['never more than the operation', '{ __schema { types { name } } }', { __schema: { types: [{}, {}, {}] } }, 1],
  ])('counts %s', (_what, query, data, points) => {
    expect(costOf(query).actualPoints({}, { data: data as Record<string, unknown> | null })).toBe(points)
  })

  it('with an error is the whole: what was read for it does not show', () => {
    const { actualPoints } = costOf('{ vehicles(first: 10) { nodes { name } } vehicle(id: "1") { id } }')
    const data = { vehicles: { nodes: [] }, vehicle: null }
    expect(actualPoints({}, { data })).toBe(2)
    expect(actualPoints({}, { data, errors: [new GraphQLError('broken')] })).toBe(12)
  })

  it('goes by variables', () => {
    const { actualPoints } = costOf('query ($n: Int) { vehicles(first: $n) { totalCount } }')
    expect(actualPoints({ n: 7 }, { data: { vehicles: { totalCount: 3 } } })).toBe(8)
  })
})

it('every page of the schema says how large it is', () => {
  const pages = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()))
    .filter(({ type }) => String(type).endsWith('Connection!'))
  expect(pages.length).toBeGreaterThan(5)
  for (const { args } of pages) {
    const { pageSize } = args.find(({ name }) => name === 'first')?.extensions ?? {}
    expect(pageSize).toMatchObject({ usual: 50, most: expect.any(Number) })
  }
})

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: TestServer
  let world: World
  beforeAll(async () => {
    server = await startServer()
    world = await makeWorld(server)
  })
  afterAll(() => server.close())
  const send = (query: string, variables = {}) =>
    sendOver(transport)(server.url, world.as.owner, { query, variables }, { 'GraphQL-Cost': '1' })

  const below = (size: number | string) =>
    `vehicles(first: 100) { nodes { sharings(first: ${size}) { nodes { id } } } }`
  const declared = (more = '') => `query ($size: Int${more}) { ${below('$size')} }`
  const refused = [
    {
      message: expect.stringMatching(/^The pages multiply to 10100 nodes: the limit is 10,000\.$/),
      extensions: { code: 'BAD_USER_INPUT' },
    },
  ]

  it('pages may multiply to 10,000 nodes, and no more', async () => {
    expect((await send(`{ ${below(100)} }`)).errors).toBeUndefined()
    const { data, errors } = await send(`{ ${below(100)} more: ${below(1)} }`)
    expect([data, errors]).toMatchObject([undefined, refused])
  })

  it('also where variables or their defaults say so', async () => {
    const query = declared().replace(/}$/, 'more: vehicles(first: 100) { nodes { id } } }')
    expect((await send(query, { size: 99 })).errors).toBeUndefined()
    expect((await send(query, { size: 100 })).errors).toMatchObject(refused)
    const withDefault = query.replace('Int', 'Int = 100')
    expect((await send(withDefault)).errors).toMatchObject(refused)
    expect((await send(withDefault, { size: 5 })).errors).toBeUndefined()
  })

  it('pages that a variable leaves out do not count', async () => {
    const more = `more: ${below(1).replace(' {', ' @include(if: $more) {')}`
    const query = `query ($more: Boolean!) { ${below(100)} ${more} }`
    expect((await send(query, { more: false })).errors).toBeUndefined()
    expect((await send(query, { more: true })).errors).toMatchObject(refused)
  })

  it('the cost is in the result where the request asks for it', async () => {
    const { extensions } = await send(declared(), { size: 2 })
    const cost = { requestedQueryCost: 401, actualQueryCost: 2 }
    expect(extensions).toEqual(transport === 'WebSocket' ? undefined : { cost })
    const plain = await sendOver(transport)(server.url, world.as.owner, { query: declared(), variables: { size: 2 } })
    expect(plain.extensions).toBeUndefined()
  })
})
