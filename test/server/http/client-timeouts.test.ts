import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { openSocket } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const TIMEOUTS = { headers: 500, request: 1_000, idle: 1_500 }

const server = await serverForAll({ clientTimeouts: TIMEOUTS })
const world = await makeWorld(server)

/** A connection, and what comes on it until the server closes it. */
async function open(): Promise<{ socket: Socket; answer: Promise<string>; elapsed: () => number }> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const started = performance.now()
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.on('error', () => {})
  return {
    socket,
    answer: new Promise((resolve) => socket.on('close', () => resolve(text))),
    elapsed: () => performance.now() - started,
  }
}

const body = JSON.stringify({ query: '{ viewer { roles } }' })
const head = (length = body.length) =>
  `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${world.as.owner}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

/** Sends a little at a time, for as long as the connection lasts. */
async function drip(socket: Socket, text: string): Promise<void> {
  for (const letter of text) {
    if (socket.destroyed) return
    socket.write(letter)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('a connection is closed', () => {
  it.each([
    ['says nothing', ''],
    ['never ends its headers', `POST /graphql HTTP/1.1\r\nHost: localhost\r\n${'X-More: 1\r\n'.repeat(20)}`],
  ])('when its client %s', async (_what, text) => {
    const { socket, answer, elapsed } = await open()
    await drip(socket, text)
    expect(await answer).toMatch(text === '' ? /^$|^HTTP\/1\.1 408 / : /^HTTP\/1\.1 408 /)
    expect(elapsed()).toBeLessThan(10_000)
  })

  it.each(['at once', 'bit by bit'])('when its client never ends a body that begins %s', async (how) => {
    const { socket, answer, elapsed } = await open()
    socket.write(head(1_000))
    await drip(socket, how === 'at once' ? '' : body.repeat(10))
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(elapsed()).toBeGreaterThan(TIMEOUTS.request - 100)
    expect(elapsed()).toBeLessThan(10_000)
  })

  it('when nothing is asked on it any more', async () => {
    const { socket, answer, elapsed } = await open()
    socket.write(head() + body)
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*"MANAGER"/)
    expect(elapsed()).toBeGreaterThan(TIMEOUTS.idle - 100)
  })

  it('when its headers are larger than 16 KiB', async () => {
    const { socket, answer } = await open()
    socket.write(head().replace('Host:', `X-Large: ${'x'.repeat(17 * 1024)}\r\nHost:`))
    expect(await answer).toMatch(/^HTTP\/1\.1 431 /)
  })
})

it('neither a stream nor a socket is taken for a slow request', async () => {
  const stream = await subscribeSse(server.url, world.as.owner, FOLLOW)
  const raw = await openSocket(server.url)
  raw.send({ type: 'connection_init', payload: { Authorization: `Bearer ${world.as.owner}` } })
  await new Promise((resolve) => setTimeout(resolve, TIMEOUTS.idle + TIMEOUTS.headers))
  const vehicleId = await world.newVehicle()
  expect((await stream.received(1))[0].data.vehicleEvents.vehicleId).toBe(vehicleId)
  expect(raw.messages).toMatchObject([{ type: 'connection_ack' }])
  expect(raw.socket.readyState).toBe(raw.socket.OPEN)
  stream.stop()
  raw.socket.close()
})
