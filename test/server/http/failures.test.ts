import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Viewer } from '../../../src/domain/access/viewer.ts'
import { createHttpServer } from '../../../src/server/http/http-server.ts'
import type { HttpOptions } from '../../../src/server/http/http-server.ts'
import { createCounts } from '../../../src/server/telemetry/counts.ts'
import { acceptWebSockets } from '../../../src/server/websocket/websocket-server.ts'
import type { WebSocketOptions } from '../../../src/server/websocket/websocket-server.ts'
import { exchange } from '../../support/raw-http.ts'
import type { RawAnswer } from '../../support/raw-http.ts'

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
const SECRET = 'a detail of the inside'
const broken = (): never => {
  throw new Error(SECRET)
}
const viewer = { kind: 'ADMIN', tokenId: 'x', expiresAt: Infinity } as unknown as Viewer

/** The parts of a server as it serves, with some of them broken. */
async function start(parts: Partial<HttpOptions>, socketParts: Partial<WebSocketOptions> = {}) {
  const lines: { readonly err?: { readonly message: string }; readonly requestId?: string }[] = []
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) })
  const options: HttpOptions = {
    engine: { respond: broken } as unknown as HttpOptions['engine'],
    fastPath: () => false,
    answerSubscription: async () => false,
    authenticate: () => viewer,
    origins: { listed: [], loopback: false },
    openSchema: false,
    draining: () => false,
    leaving: () => false,
    isFull: () => false,
    delayRefusal: () => null,
    takeConnection: () => () => {},
    playground: null,
    counts: createCounts(),
    ready: async () => true,
    pages: new Map([['/page', broken]]),
    log,
    ...parts,
  }
  const { server } = createHttpServer(options)
  const sockets = { ...options, stalls: { onStall: () => {}, stop: () => {} }, ...socketParts }
  acceptWebSockets(server, sockets as unknown as WebSocketOptions)
  const url = await listen(server)
  return { url, lines }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => server.closeAllConnections())
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const HEADERS = ['Host: localhost', 'Content-Type: application/json', 'Authorization: Bearer x']
const BODY = Buffer.from('{"query":"{ viewer { roles } }"}')
const post = (url: string, ...more: string[]) => exchange(url, 'POST /graphql HTTP/1.1', [...HEADERS, ...more], BODY)
const get = (url: string, path: string, ...more: string[]) =>
  exchange(url, `GET ${path} HTTP/1.1`, ['Host: localhost', ...more])
const upgrade = (url: string) =>
  get(
    url,
    '/graphql',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
  )

const CASES: readonly (readonly [
  what: string,
  parts: Partial<HttpOptions>,
  socketParts: Partial<WebSocketOptions>,
  send: (url: string) => Promise<RawAnswer>,
])[] = [
  ['the pipeline', {}, {}, (url) => post(url)],
  ['the pipeline, for a GET', {}, {}, (url) => get(url, '/graphql?query=%7Bviewer%7Broles%7D%7D')],
  ['the pipeline, for a stream', {}, {}, (url) => post(url, 'Accept: text/event-stream')],
  ['the fast path', { fastPath: broken }, {}, (url) => post(url)],
  ['the way of streams', { answerSubscription: broken }, {}, (url) => post(url, 'Accept: text/event-stream')],
  ['authentication', { authenticate: broken }, {}, (url) => post(url)],
  ['a limit', { isFull: broken }, {}, (url) => post(url)],
  ['a page', {}, {}, (url) => get(url, '/page')],
  ['the playground', { playground: broken }, {}, (url) => get(url, '/graphql', 'Accept: text/html')],
  [
    'a page that is half done',
    {
      pages: new Map([
        [
          '/page',
          (response) => {
            response.setHeader('Content-Encoding', 'gzip')
            response.setHeader('X-Broken', 'a\nb')
          },
        ],
      ]),
    },
    {},
    (url) => get(url, '/page'),
  ],
  ['readiness', { ready: broken }, {}, (url) => get(url, '/ready')],
  ['an upgrade', {}, { draining: broken }, upgrade],
]

describe('any error is masked, with its request id, and logged', () => {
  it.each(CASES)('%s', async (_what, parts, socketParts, send) => {
    const { url, lines } = await start(parts, socketParts)
    const { status, headers, body } = await send(url)
    expect(status).toBe(500)
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('content-encoding')).toBeUndefined()
    const requestId = headers.get('x-request-id')
    expect(requestId).toMatch(UUID)
    expect(JSON.parse(body)).toEqual({
      errors: [
        {
          message: 'Something went wrong inside the server.',
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
        },
      ],
    })
    expect(lines).toMatchObject([{ level: 50, requestId }])
    expect(lines[0]?.err?.message).toBeTruthy()
    expect(body).not.toContain(SECRET)
  })
})
