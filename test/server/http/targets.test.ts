import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { exchange } from '../../support/raw-http.ts'
import type { RawAnswer } from '../../support/raw-http.ts'
import { openSocket, upgradeStatus } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const lines: string[] = []
const server = await serverForAll({ log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }) })
const world = await makeWorld(server)
const HOST = new URL(server.url).host
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** A document that never came before goes another way than one that is known. */
const fresh = () => `query Q${randomUUID().replaceAll('-', '')} { viewer { roles } }`
const AUTH = `Authorization: Bearer ${world.as.owner}`
const ANSWER = { data: { viewer: { roles: ['MANAGER'] } } }

const KINDS: Readonly<Record<string, (target: string, hosts: readonly string[]) => Promise<RawAnswer>>> = {
  'a POST with a new document': (target, hosts) => post(target, hosts, fresh()),
  'a POST with a known document': async (target, hosts) => {
    for (let time = 0; time < 3; time++) await post('/graphql', [`Host: ${HOST}`], '{ viewer { roles } }')
    return post(target, hosts, '{ viewer { roles } }')
  },
  'a POST for a stream': (target, hosts) => post(target, hosts, fresh(), 'text/event-stream'),
  'a GET': (target, hosts) =>
    exchange(server.url, `GET ${target}?query=${encodeURIComponent(fresh())} HTTP/1.1`, [...hosts, AUTH]),
  'an upgrade to a WebSocket': (target, hosts) =>
    exchange(server.url, `GET ${target} HTTP/1.1`, [
      ...hosts,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: graphql-transport-ws',
    ]),
}

const post = (target: string, hosts: readonly string[], query: string, accept = 'application/json') =>
  exchange(
    server.url,
    `POST ${target} HTTP/1.1`,
    [...hosts, AUTH, 'Content-Type: application/json', `Accept: ${accept}`],
    Buffer.from(JSON.stringify({ query })),
  )

function expectRefusal({ status, headers, body }: RawAnswer) {
  expect(status).toBe(400)
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(headers.get('x-request-id')).toMatch(UUID)
  const { errors } = JSON.parse(body) as { errors: { extensions: object }[] }
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', requestId: headers.get('x-request-id') } }])
  expect(body).not.toMatch(/node_modules|\.ts:|\.js:|at /)
}

const INVALID = [
  'foo:bar',
  'a b',
  '[',
  'x:99999',
  '',
  '[::1',
  '[zz]',
  'x:-1',
  'x:1:2',
  'u@x',
  'x/y',
  'x?y',
  'x#y',
  'x\\y',
  '%',
  '1.2.3.4.5',
  'http://x',
  '<x>',
  'x^y',
  'a,b c',
]

describe.each(Object.entries(KINDS))('%s', (_kind, send) => {
  it.each(INVALID)('with an invalid Host is 400, and never a stack: %j', async (host) => {
    expectRefusal(await send('/graphql', [`Host: ${host}`]))
  })

  it('with several Host headers, or none, is 400', async () => {
    expectRefusal(await send('/graphql', [`Host: ${HOST}`, `host: ${HOST}`]))
    expectRefusal(await send('/graphql', [`Host: ${HOST}`, 'HOST: other']))
    expectRefusal(await send('/graphql', []))
  })

  it.each(['http://foo:bar/graphql', 'http://u@x/graphql', 'http:///graphql', 'http://[/graphql'])(
    'with a target of an invalid host is 400: %s',
    async (target) => expectRefusal(await send(target, [`Host: ${HOST}`])),
  )

  it('with bytes in its target that are no URL is 400', async () => {
    expectRefusal(await send('/graphql\xfc', [`Host: ${HOST}`]))
  })
})

it('nothing of it is taken for a failure of the server', () => {
  expect(lines).toEqual([])
})

it.each([
  'localhost',
  'fleet.example',
  'fleet.example:8080',
  'fleet_share-1.example',
  '127.0.0.1:4000',
  '[::1]',
  '[::1]:4000',
  'x:',
  'a.',
  'XN--TDA.example',
  'ex%41mple',
])('a Host is taken as RFC 3986 has it: %s', async (host) => {
  const { status, body } = await post('/graphql', [`Host: ${host}`], fresh())
  expect([status, JSON.parse(body)]).toEqual([200, ANSWER])
})

it('HTTP/1.0 needs no Host', async () => {
  const body = Buffer.from(JSON.stringify({ query: fresh() }))
  const answer = await exchange(server.url, 'POST /graphql HTTP/1.0', [AUTH, 'Content-Type: application/json'], body)
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, ANSWER])
})

describe.each([
  ['/graphql'],
  ['/graphql/'],
  [`http://${HOST}/graphql`],
  [`HTTP://${HOST}/graphql/`],
  ['https://fleet.example/graphql'],
])('the target %s', (target) => {
  it('is that of the API', async () => {
    for (const send of [KINDS['a POST with a new document'], KINDS['a POST with a known document'], KINDS['a GET']]) {
      const { status, body } = (await send?.(target, [`Host: ${HOST}`])) ?? { status: 0, body: '' }
      expect([status, JSON.parse(body)]).toEqual([200, ANSWER])
    }
    const stream = await KINDS['a POST for a stream']?.(target, [`Host: ${HOST}`])
    expect(stream?.headers.get('content-type')).toBe('text/event-stream')
    expect(stream?.body).toContain(JSON.stringify(ANSWER))
  })
})

it('the host of an absolute target counts, and not the header', async () => {
  const { status } = await post(`http://${HOST}/graphql`, ['Host: foo:bar'], fresh())
  expect(status).toBe(200)
})

it('an absolute target leads to every path', async () => {
  const health = await exchange(server.url, `GET http://${HOST}/health HTTP/1.1`, [`Host: ${HOST}`])
  expect([health.status, JSON.parse(health.body)]).toEqual([200, expect.objectContaining({ status: 'alive' })])
  for (const target of [`http://${HOST}`, `http://${HOST}?x=1`]) {
    const root = await exchange(server.url, `GET ${target} HTTP/1.1`, [`Host: ${HOST}`])
    expect([root.status, root.headers.get('location')]).toEqual([302, '/console'])
  }
  expect((await exchange(server.url, 'GET ftp://x/graphql HTTP/1.1', [`Host: ${HOST}`])).status).toBe(404)
})

describe('a WebSocket', () => {
  it.each(['/graphql', '/graphql/', '/graphql?x=1', '/graphql/?x=1'])('is opened at %s', async (path) => {
    expect(await upgradeStatus(`${server.url}${path}`)).toBe(101)
  })

  it('elsewhere is 404, with a request id', async () => {
    const upgrade = KINDS['an upgrade to a WebSocket']
    const answer = await upgrade?.('/elsewhere', [`Host: ${HOST}`])
    expect([answer?.status, answer?.headers.get('x-request-id')]).toEqual([404, expect.stringMatching(UUID)])
  })

  it('of another origin is refused with its remedy, in the body and sparingly in the log', async () => {
    const upgrade = KINDS['an upgrade to a WebSocket']
    lines.length = 0
    for (let time = 0; time < 3; time++) {
      // As behind a proxy that gives the server another host than the page sees.
      const answer = await upgrade?.('/graphql', ['Host: backend:4000', 'Origin: https://fleet.example'])
      expect(answer?.status).toBe(403)
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({
        errors: [{ message: expect.stringContaining('ALLOWED_ORIGINS') as string, extensions: { code: 'FORBIDDEN' } }],
      })
    }
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 40,
      origin: 'https://fleet.example',
      host: 'backend:4000',
      msg: expect.stringContaining('ALLOWED_ORIGINS') as string,
    })
  })

  it('that sends bytes which are not UTF-8 is closed with 1007', async () => {
    const message = Buffer.from('{"type":"ping","payload":{"x":"M\xdc"}}', 'latin1')
    for (const binary of [true, false]) {
      const { socket, closed } = await openSocket(server.url)
      socket.send(message, { binary })
      expect((await closed).code).toBe(1007)
    }
  })
})
