import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { openConnection } from '../../support/connection.ts'
import { exchange } from '../../support/raw-http.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const HANDSHAKE = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='

describe('a request that Node.js or ws would refuse in forms of their own has the form of every refusal', () => {
  it.each<[string, number, string, readonly string[]]>([
    [
      'has headers beyond 16 KiB',
      431,
      'GET /health HTTP/1.1',
      ['Host: x', `Authorization: Bearer ${'a'.repeat(17_000)}`],
    ],
    ['is no HTTP', 400, 'HELLO', []],
    ['has a method that there is not', 400, 'FETCH /health HTTP/1.1', ['Host: x']],
    ['has two lengths', 400, 'POST /graphql HTTP/1.1', ['Host: x', 'Content-Length: 1', 'Content-Length: 2']],
    ['expects what there is not', 417, 'POST /graphql HTTP/1.1', ['Host: x', 'Expect: more']],
    ['is a handshake without a key', 400, 'GET /graphql HTTP/1.1', HANDSHAKE],
    ['is a handshake of another version', 400, 'GET /graphql HTTP/1.1', [...HANDSHAKE.slice(0, -1), KEY]],
    ['is a handshake by POST', 405, 'POST /graphql HTTP/1.1', [...HANDSHAKE, KEY]],
  ])('%s: %i', async (_what, status, line, headers) => {
    const refused = await exchange(server.url, line, headers)
    expect(refused.status).toBe(status)
    const requestId = refused.headers.get('x-request-id')
    expect(requestId).toMatch(/^[\w-]{36}$/)
    expect(refused.headers.get('x-content-type-options')).toBe('nosniff')
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(refused.body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
  })
})

it('is refused behind a response that is complete', async () => {
  const { socket, answers, closed } = await openConnection(server.url)
  socket.write('HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n')
  expect((await answers(1)).map(({ status }) => status)).toEqual([200])
  socket.write('HELLO\r\n\r\n')
  expect((await closed).map(({ status }) => status)).toEqual([200, 400])
})

const { as } = await makeWorld(server)
const HEAD = [
  'POST /graphql HTTP/1.1',
  'Host: x',
  `Authorization: Bearer ${as.owner}`,
  'Content-Type: application/json',
]
const request = (query: string, ...headers: readonly string[]) => {
  const body = JSON.stringify({ query })
  return [...HEAD, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n')
}
const STREAM = request('subscription { vehicleEvents { id } }', 'Accept: text/event-stream')
const CHUNKED = 'POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'

describe('the connection ends where a refusal would be taken for the answer to another request', () => {
  it.each<[string, readonly string[], readonly number[]]>([
    ['in the middle of a response', [STREAM, 'HELLO\r\n\r\n'], [200]],
    [
      'behind a response that goes on',
      [STREAM, `${HEAD.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\nHELLO\r\n`],
      [200],
    ],
    ['ahead of a response that is still to come', [`${request('{ vehicles { nodes { id } } }')}HELLO\r\n\r\n`], []],
    ['behind the response that the request has got', [`${CHUNKED}1\r\n{\r\n`, 'HELLO\r\n'], [415]],
  ])('%s', async (_where, parts, statuses) => {
    const { socket } = await openConnection(server.url)
    const received: Buffer[] = []
    socket.on('data', (chunk) => received.push(chunk))
    for (const [index, part] of parts.entries()) {
      if (index > 0) await once(socket, 'data')
      socket.write(part)
    }
    await once(socket, 'close')
    const answers = Buffer.concat(received)
      .toString()
      .matchAll(/^HTTP\/1\.1 (\d+)/gm)
    expect([...answers].map(([, status]) => Number(status))).toEqual(statuses)
  })
})
