import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { VERSION } from '../../../src/version.ts'
import { ask, mutations, post } from '../../support/api.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { HISTORY } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const VIEWER = '{ viewer { roles } }'
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

let server: TestServer
let world: World
beforeAll(async () => {
  server = await startServer()
  world = await makeWorld(server)
})
afterAll(() => server.close())

const bearer = () => ({ Authorization: `Bearer ${world.as.owner}` })
const at = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { redirect: 'manual', ...init })

describe('paths', () => {
  it('/health and /ready answer anybody', async () => {
    const health = await at('/health')
    expect([health.status, await health.json()]).toEqual([200, { status: 'alive', version: VERSION }])
    const ready = await at('/ready')
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }])
  })

  it('/ leads a person to the console, or to GraphiQL where there is no console', async () => {
    const root = await at('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/console'])
    const other = await startServer({ env: { CONSOLE: 'off' } })
    onTestFinished(() => other.close())
    const bare = await fetch(`${other.url}/`, { redirect: 'manual' })
    expect([bare.status, bare.headers.get('location')]).toEqual([302, '/graphql'])
  })

  it('a browser gets GraphiQL, and a program does not', async () => {
    const page = await at('/graphql', { headers: { Accept: 'text/html,*/*' } })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await page.text()).toMatch(/^\s*<!doctype html>/i)
    expect((await at('/graphql', { headers: { Accept: '*/*' } })).status).toBe(401)
  })

  it.each(['/nothing', '/graphql//', '/graphql/more', '/Graphql', '/health/', '//graphql', '/%67raphql'])(
    '%s is not found',
    async (path) => {
      expect((await at(path, { headers: bearer() })).status).toBe(404)
    },
  )

  it('may carry a query string', async () => {
    expect((await at('/health?deep=1')).status).toBe(200)
    const response = await at('/graphql?from=a-test', {
      method: 'POST',
      headers: { ...bearer(), 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: VIEWER }),
    })
    expect(await response.json()).toEqual({ data: { viewer: { roles: ['MANAGER'] } } })
  })
})

describe('each answer', () => {
  const kinds: Readonly<Record<string, () => Promise<Response>>> = {
    'to a query': () => at(`/graphql?query=${encodeURIComponent(VIEWER)}`, { headers: bearer() }),
    'to a query that is wrong': () => at('/graphql?query=%7Bnope%7D', { headers: bearer() }),
    'to nobody': () => at('/graphql?query=%7Bviewer%7D'),
    'to what is no JSON': () =>
      at('/graphql', { method: 'POST', headers: { ...bearer(), 'Content-Type': 'text/plain' } }),
    'to a method that is not served': () => at('/graphql', { method: 'DELETE', headers: bearer() }),
    'of GraphiQL': () => at('/graphql', { headers: { Accept: 'text/html' } }),
    'to a preflight': () => at('/graphql', { method: 'OPTIONS' }),
    'of /health': () => at('/health'),
    'of /ready': () => at('/ready'),
    'of no path': () => at('/nothing'),
    'of a stream': () =>
      at('/graphql', {
        method: 'POST',
        headers: { ...bearer(), 'Content-Type': 'application/json', Accept: 'text/event-stream' },
        body: JSON.stringify({ query: VIEWER }),
      }),
  }

  it.each(Object.keys(kinds))('%s says that it is not to be sniffed or kept, and has a request id', async (kind) => {
    const response = await kinds[kind]?.()
    expect(response?.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response?.headers.get('cache-control')).toBe('no-store')
    expect(response?.headers.get('x-request-id')).toMatch(UUID)
    await response?.text()
  })
})

describe('X-Request-Id', () => {
  const id = (headers: Record<string, string>, query = VIEWER) =>
    post(server.url, world.as.owner, query, {}, headers).then((answer) => answer.headers.get('x-request-id'))

  it.each(['a', 'request-1_B', 'x'.repeat(64)])("is the client's: %s", async (given) => {
    expect(await id({ 'X-Request-Id': given })).toBe(given)
  })

  it.each(['', 'x'.repeat(65), 'a b', 'a.b', 'a/b', 'ümlaut', '"a"', 'a,b'])(
    "is the server's when the client's is none: %s",
    async (given) => {
      expect(await id({ 'X-Request-Id': given })).toMatch(UUID)
    },
  )

  it('is another one each time', async () => {
    expect(await id({})).not.toBe(await id({}))
  })

  it("is the client's on errors, too", async () => {
    const headers = { 'X-Request-Id': 'mine' }
    expect(await id(headers, '{ nope }')).toBe('mine')
    expect((await post(server.url, null, VIEWER, {}, headers)).headers.get('x-request-id')).toBe('mine')
    expect((await at('/nothing', { headers })).headers.get('x-request-id')).toBe('mine')
  })

  it('is in the event that the request caused', async () => {
    const create = (headers: Record<string, string>) =>
      post(server.url, world.as.owner, mutations.createVehicle, { input: {} }, headers)
    const [given, made] = [await create({ 'X-Request-Id': 'caused-by-me' }), await create({})]
    const vehicleIds = [given, made].map(({ data }) => data.createVehicle.vehicle.id)
    const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { filter: { vehicleIds } })
    expect(vehicleEvents.nodes).toMatchObject([
      { requestId: 'caused-by-me' },
      { requestId: made.headers.get('x-request-id') },
    ])
  })
})

describe('methods', () => {
  const get = (query: string, more = '') =>
    at(`/graphql?query=${encodeURIComponent(query)}${more}`, { headers: { ...bearer(), Accept: 'application/json' } })

  it('GET serves queries, with variables and an operation name', async () => {
    const id = await world.newVehicle()
    const query = 'query A($id: ID!) { vehicle(id: $id) { id } } query B { viewer { roles } }'
    const response = await get(query, `&variables=${encodeURIComponent(JSON.stringify({ id }))}&operationName=A`)
    expect([response.status, await response.json()]).toEqual([200, { data: { vehicle: { id } } }])
  })

  it('GET serves no mutations: nothing happens', async () => {
    const before = await ask(server.url, world.as.owner, '{ vehicles(first: 100) { nodes { id } } }')
    const response = await get('mutation { createVehicle(input: {}) { __typename } }')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(await ask(server.url, world.as.owner, '{ vehicles(first: 100) { nodes { id } } }')).toEqual(before)
  })

  it.each(['PUT', 'PATCH', 'DELETE'])('%s is 405', async (method) => {
    const response = await at('/graphql', {
      method,
      headers: { ...bearer(), 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: VIEWER }),
    })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, POST')
    expect(await response.text()).not.toContain('MANAGER')
  })

  it('OPTIONS lists the methods', async () => {
    const response = await at('/graphql', { method: 'OPTIONS' })
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, POST, OPTIONS'])
  })
})

describe('refusals', () => {
  it('that are FORBIDDEN come with 200 and errors', async () => {
    const forbidden = [{ extensions: { code: 'FORBIDDEN' } }]
    const nobody = await server.token(world.owner, ['manager', 'gateway'])
    const answers = [
      await post(server.url, world.as.admin, '{ vehicles { nodes { id } } }'),
      await post(server.url, world.as.owner, '{ fleets { nodes { id } } }'),
      await post(server.url, nobody, VIEWER),
      await post(server.url, world.as.owner, mutations.createFleet, { input: { name: 'Mine' } }),
    ]
    for (const { status, data, errors } of answers) {
      expect(status).toBe(200)
      expect(errors).toMatchObject(forbidden)
      expect(data ?? null).toBeNull()
    }
  })
})

it('an offer to go on in HTTP/2 is declined by answering as usual', async () => {
  const body = JSON.stringify({ query: '{ viewer { roles } }' })
  const headers = {
    Authorization: `Bearer ${world.as.owner}`,
    'Content-Type': 'application/json',
    Connection: 'Upgrade, HTTP2-Settings',
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAMAAABkAAQAAP__',
  }
  const asking = request(`${server.url}/graphql`, { method: 'POST', headers })
  asking.end(body)
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(200)
  expect(await text(response)).toBe('{"data":{"viewer":{"roles":["MANAGER"]}}}')
})
