import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProduction } from '../../support/production.ts'
import type { Production } from '../../support/production.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { upgradeStatus } from '../../support/raw.ts'

const [ALLOWED, ALSO, FOREIGN] = ['https://dispatch.example', 'http://localhost:8080', 'https://elsewhere.example']
const LOOPBACKS = [
  'http://localhost:5173',
  'https://localhost',
  'http://app.localhost:3000',
  'http://127.0.0.1:1',
  'http://127.8.9.10',
  'http://[::1]:8080',
]
/** What looks like this machine, and is not, or is no page's origin. */
const OTHERS = [
  FOREIGN,
  'null',
  'nonsense',
  'http://localhost.evil.example',
  'http://notlocalhost',
  'http://127.0.0.1.evil.example',
  'http://128.0.0.1',
  'http://[::2]',
  'ftp://localhost',
  'http://localhost:5173/',
  'http://localhost:5173.evil.example',
]
const HEADERS = ['allow-origin', 'allow-credentials', 'allow-methods', 'allow-headers', 'expose-headers', 'max-age']

let closed: TestServer
let open: TestServer
let strict: Production
let wild: Production
let ported: Production
beforeAll(async () => {
  closed = await startServer()
  open = await startServer({ env: { ALLOWED_ORIGINS: `${ALLOWED},${ALSO}` } })
  strict = await startProduction()
  wild = await startProduction({ env: { ALLOWED_ORIGINS: '*' } })
  ported = await startProduction({ env: { ALLOWED_ORIGINS: `${ALLOWED} http://localhost:*` } })
})
afterAll(() => Promise.all([closed, open, strict, wild, ported].map((server) => server?.close())))

/** The CORS headers of an answer, without their prefix. */
async function corsOf(server: TestServer, method: 'POST' | 'OPTIONS', origin: string, token?: string) {
  const { status, headers } = await fetch(`${server.url}/graphql`, {
    method,
    headers: {
      Origin: origin,
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(method === 'OPTIONS' ? { 'Access-Control-Request-Method': 'POST' } : {}),
    },
    body: method === 'POST' ? JSON.stringify({ query: '{ viewer { roles } }' }) : null,
  })
  const given = HEADERS.flatMap((name) => {
    const value = headers.get(`access-control-${name}`)
    return value === null ? [] : [[name, value]]
  })
  return { status, cors: Object.fromEntries(given) as Record<string, string>, vary: headers.get('vary') }
}

describe('a page of another origin', () => {
  it('gets no CORS headers by default, for any request', async () => {
    const token = await closed.token(null, 'admin')
    for (const method of ['POST', 'OPTIONS'] as const) {
      for (const origin of [ALLOWED, ...OTHERS]) {
        expect((await corsOf(closed, method, origin, token)).cors, origin).toEqual({})
      }
    }
  })

  it.each(LOOPBACKS)('may call a server in development from this machine, whatever is listed: %s', async (origin) => {
    for (const server of [closed, open]) {
      expect(await corsOf(server, 'OPTIONS', origin)).toMatchObject({ status: 204, cors: { 'allow-origin': origin } })
      const call = await corsOf(server, 'POST', origin, await server.token(null, 'admin'))
      expect(call).toMatchObject({ status: 200, cors: { 'allow-origin': origin }, vary: 'Origin' })
      expect(await upgradeStatus(`${server.url}/graphql`, { origin })).toBe(101)
    }
  })

  it.each([...LOOPBACKS, FOREIGN])('may not call in production where nothing is listed: %s', async (origin) => {
    const token = await strict.token(strict.owner, 'viewer')
    for (const method of ['POST', 'OPTIONS'] as const) {
      expect((await corsOf(strict, method, origin, token)).cors).toEqual({})
    }
    expect(await upgradeStatus(`${strict.url}/graphql`, { origin })).toBe(403)
  })

  it.each([ALLOWED, 'null', ...LOOPBACKS])('may call where all may, without credentials: %s', async (origin) => {
    const call = await corsOf(wild, 'POST', origin, await wild.token(wild.owner, 'viewer'))
    expect(call).toEqual({
      status: 200,
      cors: { 'allow-origin': '*', 'expose-headers': 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After' },
      vary: null,
    })
    expect(await corsOf(wild, 'OPTIONS', origin)).toMatchObject({ status: 204, cors: { 'allow-origin': '*' } })
    expect(await upgradeStatus(`${wild.url}/graphql`, { origin })).toBe(101)
  })

  it.each<[string, boolean]>([
    ['http://localhost', true],
    ['http://localhost:5173', true],
    [ALLOWED, true],
    ['https://localhost:5173', false],
    ['http://127.0.0.1:5173', false],
    [`${ALLOWED}:8443`, false],
    ...OTHERS.map((origin): [string, boolean] => [origin, false]),
  ])('may call where a port is left open, if only its port differs: %s, %s', async (origin, isAllowed) => {
    expect((await corsOf(ported, 'OPTIONS', origin)).cors['allow-origin']).toBe(isAllowed ? origin : undefined)
    expect(await upgradeStatus(`${ported.url}/graphql`, { origin })).toBe(isAllowed ? 101 : 403)
  })

  it.each([ALLOWED, ALSO])('may call where ALLOWED_ORIGINS names it: %s', async (origin) => {
    const preflight = await corsOf(open, 'OPTIONS', origin)
    expect(preflight).toMatchObject({ status: 204, vary: 'Origin' })
    expect(preflight.cors).toMatchObject({
      'allow-origin': origin,
      'allow-methods': 'GET, POST',
      'allow-headers': 'Authorization, Content-Type, GraphQL-Cost, X-Request-Id, traceparent, tracestate, baggage',
    })
    const call = await corsOf(open, 'POST', origin, await open.token(null, 'admin'))
    expect(call).toEqual({
      status: 200,
      cors: { 'allow-origin': origin, 'expose-headers': 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After' },
      vary: 'Origin',
    })
  })

  it('can read why it was refused', async () => {
    expect(await corsOf(open, 'POST', ALLOWED)).toMatchObject({ status: 401, cors: { 'allow-origin': ALLOWED } })
  })

  it.each([FOREIGN, 'null', 'https://dispatch.example.evil.example', 'http://dispatch.example'])(
    'may not call where ALLOWED_ORIGINS does not name it: %s',
    async (origin) => {
      const preflight = await corsOf(open, 'OPTIONS', origin)
      expect(preflight).toMatchObject({ cors: {}, vary: 'Origin' })
      expect((await corsOf(open, 'POST', origin, await open.token(null, 'admin'))).cors).toEqual({})
    },
  )

  it.each<[string, 'open' | 'closed', string | undefined, number]>([
    ['a program, which sends no origin', 'closed', undefined, 101],
    ["the server's own page", 'closed', 'own', 101],
    ['a page of another origin', 'closed', FOREIGN, 403],
    ['a page of no origin', 'closed', 'null', 403],
    ['a page of the same host at another port', 'closed', 'http://127.0.0.1:1', 101],
    ['what is no origin', 'closed', 'nonsense', 403],
    ['a page that ALLOWED_ORIGINS names', 'open', ALLOWED, 101],
    ['a page that ALLOWED_ORIGINS does not name', 'open', FOREIGN, 403],
    ["the server's own page, beside ALLOWED_ORIGINS", 'open', 'own', 101],
  ])('%s: a socket of it is let in or refused', async (_who, which, origin, status) => {
    const server = { open, closed }[which]
    const sent = origin === 'own' ? server.url : origin
    expect(await upgradeStatus(`${server.url}/graphql`, sent === undefined ? {} : { origin: sent })).toBe(status)
  })
})
