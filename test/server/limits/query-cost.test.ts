import { getOperationAST, isObjectType, parse, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../../src/graphql/schema.ts'
import { queryCostOf } from '../../../src/server/limits/query-cost.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

function weightOf(query: string, variables: Readonly<Record<string, unknown>> = {}) {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  const operation = getOperationAST(document)
  if (!operation) throw new Error('there is one operation')
  const { nodes, points, maxNodes } = queryCostOf(document, operation)
  expect(nodes(variables)).toBeLessThanOrEqual(maxNodes)
  return [nodes(variables), points(variables)]
}

describe('an operation weighs', () => {
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
    ['what is skipped, too', '{ vehicles(first: 10) @skip(if: true) { nodes { id } } }', 10, 11],
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

  it('the price is told to who asks', async () => {
    const { extensions } = await send(declared(), { size: 2 })
    const cost = { requestedQueryCost: 401, actualQueryCost: 401 }
    expect(extensions).toEqual(transport === 'WebSocket' ? undefined : { cost })
    const plain = await sendOver(transport)(server.url, world.as.owner, { query: declared(), variables: { size: 2 } })
    expect(plain.extensions).toBeUndefined()
  })
})
