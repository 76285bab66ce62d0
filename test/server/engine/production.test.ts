import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, mutations, post } from '../../support/api.ts'
import { startProduction } from '../../support/production.ts'
import type { Production } from '../../support/production.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { subscribe } from '../../support/sockets.ts'

let server: Production
let development: TestServer
let token: string
beforeAll(async () => {
  server = await startProduction()
  development = await startServer()
  token = await server.token(server.owner, 'manager')
})
afterAll(() => Promise.all([server.close(), development.close()]))

/** The errors of an operation on a socket, whether as an `error` message or in a result. */
async function errorsOnSocket(url: string, bearer: string, query: string, variables: object): Promise<unknown> {
  const { socket, send, message } = await openAcknowledged(url, bearer)
  send({ id: '1', type: 'subscribe', payload: { query, variables } })
  const { payload } = await message(({ id }) => id === '1')
  socket.close()
  return Array.isArray(payload) ? payload : (payload as { errors?: unknown }).errors
}

describe('production', () => {
  it('serves', async () => {
    expect(await ask(server.url, token, '{ viewer { fleet { name } } }')).toEqual({
      viewer: { fleet: { name: 'Owner' } },
    })
    const sub = await subscribe(server.url, token, '{ viewer { __typename } }')
    expect(await sub.received(1)).toEqual([{ data: { viewer: { __typename: 'Viewer' } } }])
  })

  it.each([
    getIntrospectionQuery({ descriptions: false }).replaceAll(/\s+/g, ' '),
    '{ __schema { queryType { name } } }',
    '{ __type(name: "Vehicle") { name } }',
    '{ viewer { roles } innocent: __schema { types { name } } }',
    'query Q { ...F } fragment F on Query { ... on Query { __schema { types { name } } } }',
  ])('does not describe itself: %s', async (query) => {
    expect((await post(development.url, await development.token(null, 'admin'), query)).data).not.toBeUndefined()
    const { data, errors } = await post(server.url, token, query)
    expect(data).toBeUndefined()
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    expect(errors?.[0]?.message).toMatch(/introspection/i)
    expect(await errorsOnSocket(server.url, token, query, {})).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ])
  })

  it.each<[string, string, Record<string, unknown>?]>([
    ['a field', '{ vehicle(id: "1") { licensPlate } }'],
    ['a field of a query', '{ viewr { roles } }'],
    ['the field of another type', '{ vehicleEvents { nodes { sharing { id } } } }'],
    ['an argument', '{ vehicles(frst: 1) { nodes { id } } }'],
    ['a type', '{ viewer { ... on Viewr { roles } } }'],
    ['the type of a variable', 'query ($id: IDD) { vehicle(id: $id) { id } }'],
    ['an input field', '{ sharings(filter: { phas: ACTIVE }) { nodes { id } } }'],
    ['an enum value', '{ sharings(filter: { phase: ACTIV }) { nodes { id } } }'],
    [
      'an enum value in a variable',
      'query ($f: SharingFilter) { sharings(filter: $f) { nodes { id } } }',
      { f: { phase: 'ACTIV' } },
    ],
    [
      'an input field in a variable',
      'query ($f: SharingFilter) { sharings(filter: $f) { nodes { id } } }',
      { f: { phas: 'ACTIVE' } },
    ],
    [
      'an input field of a subscription in a variable',
      'subscription ($f: VehicleEventFilter) { vehicleEvents(filter: $f) { id } }',
      { f: { typs: [] } },
    ],
    ['an input field of a mutation', mutations.createVehicle, { input: { nam: 'x' } }],
  ])('does not suggest names: %s', async (_what, query, variables = {}) => {
    const inDevelopment = await post(development.url, await development.token(null, 'admin'), query, variables)
    expect(JSON.stringify(inDevelopment.errors)).toMatch(/did you mean/i)
    const { data, errors } = await post(server.url, token, query, variables)
    expect(data).toBeUndefined()
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    expect(JSON.stringify(errors)).not.toMatch(/did you mean/i)
    const onSocket = await errorsOnSocket(server.url, token, query, variables)
    expect(onSocket).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    expect(JSON.stringify(onSocket)).not.toMatch(/did you mean/i)
  })

  it('has no page to look around', async () => {
    expect((await fetch(`${server.url}/`)).status).toBe(404)
    const page = await fetch(`${server.url}/graphql`, { headers: { Accept: 'text/html' } })
    expect(page.status).toBe(401)
    const known = { Accept: 'text/html', Authorization: `Bearer ${token}` }
    const answer = await fetch(`${server.url}/graphql?query=%7Bviewer%7Broles%7D%7D`, { headers: known })
    expect(await answer.text()).not.toMatch(/<html/i)
  })
})
