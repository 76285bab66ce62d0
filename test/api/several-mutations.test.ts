import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../support/api.ts'
import { DATABASE_KINDS, startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { stored } from '../support/stored.ts'
import { sendOver } from '../support/transports.ts'
import type { Transport } from '../support/transports.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const CREATE = 'createVehicle(input: {}) { __typename }'
const fleetWhen = (condition: string) => `createFleet(input: { name: "Sneaky" }) ${condition} { __typename }`
const FLEET = fleetWhen('')
const FRAGMENT = `fragment More on Mutation { ${FLEET} }`

/** Documents with a manager's mutation and an admin's; what is skipped does not count. */
const REFUSED: readonly [what: string, query: string, variables: object, keys: readonly string[]][] = [
  ['the second of two', `mutation { a: ${CREATE} b: ${FLEET} }`, {}, ['b']],
  ['the first of two', `mutation { b: ${FLEET} a: ${CREATE} }`, {}, ['b']],
  ['two of three', `mutation { b: ${FLEET} a: ${CREATE} c: ${FLEET} }`, {}, ['b', 'c']],
  ['one alone', `mutation { ${FLEET} }`, {}, ['createFleet']],
  ['one in a fragment', `mutation { a: ${CREATE} ...More } ${FRAGMENT}`, {}, ['createFleet']],
  ['one in an inline fragment', `mutation { a: ${CREATE} ... on Mutation { ... { b: ${FLEET} } } }`, {}, ['b']],
  [
    'one that a variable includes',
    `mutation ($v: Boolean!) { ${CREATE} b: ${fleetWhen('@include(if: $v)')} }`,
    { v: true },
    ['b'],
  ],
  [
    'one that a variable does not skip',
    `mutation ($v: Boolean = false) { ${CREATE} b: ${fleetWhen('@skip(if: $v)')} }`,
    {},
    ['b'],
  ],
  [
    'one in a fragment that is included',
    `mutation ($v: Boolean!) { ${CREATE} ...More @include(if: $v) } ${FRAGMENT}`,
    { v: true },
    ['createFleet'],
  ],
  ['one named twice', `mutation { a: ${CREATE} b: ${FLEET} b: ${FLEET} }`, {}, ['b']],
]

const DONE: readonly [what: string, query: string, variables: object][] = [
  ['one that is skipped', `mutation { a: ${CREATE} b: ${fleetWhen('@skip(if: true)')} }`, {}],
  [
    'one that a variable leaves out',
    `mutation ($v: Boolean!) { a: ${CREATE} b: ${fleetWhen('@include(if: $v)')} }`,
    { v: false },
  ],
  [
    'one in a fragment that is skipped',
    `mutation ($v: Boolean!) { a: ${CREATE} ...More @skip(if: $v) } ${FRAGMENT}`,
    { v: true },
  ],
  ['another operation of the document', `mutation A { a: ${CREATE} } mutation B { b: ${FLEET} }`, {}],
]

/** Each of which an operation can be a mutation on. */
const WAYS: readonly Transport[] = ['POST', 'POST again', 'WebSocket']

describe.each(DATABASE_KINDS)('on %s', (database) => {
  let server: TestServer
  let world: World
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
  })
  afterAll(() => server.close())

  describe.each(WAYS)('over %s', (way) => {
    const send = (query: string, variables: object, more: object = {}) =>
      sendOver(way)(server.url, world.as.owner, { query, variables, ...more })

    it.each(REFUSED)(
      'a mutation with fields that are not for the token does nothing: %s',
      async (_what, query, variables, keys) => {
        const before = await stored(server)
        const { data, errors, status } = await send(query, variables)
        expect({ data, errors, status }).toEqual({
          data: null,
          errors: keys.map((key) => ({
            message: 'The token does not allow this.',
            path: [key],
            locations: [expect.anything()],
            extensions: { code: 'FORBIDDEN' },
          })),
          status: way === 'WebSocket' ? null : 200,
        })
        expect(await stored(server)).toEqual(before)
      },
    )

    it.each(DONE)('fields that do not run do not count: %s', async (_what, query, variables) => {
      const { data, errors } = await send(query, variables, query.includes('mutation A') ? { operationName: 'A' } : {})
      expect({ data, errors }).toEqual({ data: { a: { __typename: 'CreateVehicleSuccess' } }, errors: undefined })
    })

    it.each([
      ['a null where there is a default', 'mutation ($v: ID = "x")', 'deleteVehicle(input: { id: $v }) { __typename }'],
      [
        'a page that is too long',
        'mutation ($v: String)',
        `createVehicle(input: { name: $v }) { ... on CreateVehicleSuccess {
          vehicle { sharings(first: 1000) { nodes { id } } } } }`,
      ],
    ])('a field that fails is null, and leaves what the others answered: %s', async (_what, head, failing) => {
      const { data, errors } = await send(`${head} { a: ${CREATE} b: ${failing} c: ${CREATE} }`, { v: null })
      const created = { __typename: 'CreateVehicleSuccess' }
      expect(data).toEqual({ a: created, b: null, c: created })
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
      expect(errors?.[0]?.path?.[0]).toBe('b')
    })

    it('errors of variables come before refusals of the token', async () => {
      const query = `mutation ($i: CreateFleetInput!) { createFleet(input: $i) { __typename } }`
      const { data, errors } = await send(query, { i: [] })
      expect(data).toBeUndefined()
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    })
  })
})

it('a trusted document is checked as any other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-trusted-'))
  const path = join(folder, 'documents.json')
  await writeFile(path, JSON.stringify({ id: `mutation { a: ${CREATE} b: ${FLEET} }` }))
  const open = await startServer({ announce: false })
  const { as } = await makeWorld(open)
  const server = await startSecond(open, { announce: false, env: { TRUSTED_DOCUMENTS: path } })
  for (const way of WAYS) {
    const { data, errors } = await sendOver(way)(server.url, as.owner, { documentId: 'id' })
    expect([data, errors]).toMatchObject([null, [{ path: ['b'], extensions: { code: 'FORBIDDEN' } }]])
  }
  await server.close()
  await open.close()
  await rm(folder, { recursive: true })
})

it('a refused mutation takes its points from the budget, and is in no audit trail', async () => {
  const server = await startServer({ announce: false, env: { RATE_LIMIT: '100' } })
  const { as } = await makeWorld(server)
  const { extensions } = await sendOver('POST')(server.url, as.owner, {
    query: `mutation { a: ${CREATE} b: ${FLEET} }`,
  })
  expect(extensions?.['cost']).toMatchObject({ requestedQueryCost: 20, actualQueryCost: 20 })
  expect(await ask(server.url, as.owner, '{ auditTrail { nodes { action } } }')).toEqual({ auditTrail: { nodes: [] } })
  await server.close()
})
