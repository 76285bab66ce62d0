import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { post } from '../../support/api.ts'
import { connect as connectDatabase, endOfLog, insertEvents, readAll } from '../../support/events.ts'
import { placeBefore } from '../../support/following.ts'
import { connectWith, openAcknowledged, openSocket } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const MOST = 3

const server = await serverForAll({ env: { SOCKETS_PER_TOKEN: `${MOST}` }, stallMs: 1_500 })
const world = await makeWorld(server)

describe('operations on one socket', () => {
  it('are 100 at a time: one more is refused, by name and alone', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const socket = await openAcknowledged(server.url, world.as.owner)
    const payload = { query: FOLLOW, variables: { after } }
    for (let n = 0; n <= 100; n++) socket.send({ id: `s${n}`, type: 'subscribe', payload })
    const { payload: errors } = await socket.message(({ id, type }) => id === 's100' && type === 'error')
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining('100') }])
    // The others go on, and one that ends makes room.
    socket.send({ id: 's7', type: 'complete' })
    socket.send({ id: 'query', type: 'subscribe', payload: { query: '{ viewer { roles } }' } })
    expect(await socket.message(({ id }) => id === 'query')).toMatchObject({ type: 'next' })
    const vehicleId = await world.newVehicle()
    await socket.message(({ id, payload }) => id === 's99' && JSON.stringify(payload).includes(vehicleId))
    expect(socket.messages.filter(({ type }) => type === 'error')).toHaveLength(1)
    socket.socket.close()
  })
})

describe('connections that stay open with one token', () => {
  const init = (token: string) => connectWith(server.url, { Authorization: `Bearer ${token}` })

  it('are bounded over both transports; one that closes makes room', async () => {
    const token = await server.token(world.owner, 'viewer')
    const sockets = [await openAcknowledged(server.url, token), await openAcknowledged(server.url, token)]
    const stream = await subscribeSse(server.url, token, FOLLOW)
    expect(await init(token)).toBe(1013)
    const headers = { Accept: 'text/event-stream' }
    const { status, errors } = await post(server.url, token, FOLLOW, {}, headers)
    expect({ status, code: errors?.[0]?.extensions.code }).toEqual({ status: 429, code: 'BAD_USER_INPUT' })
    // Neither other tokens nor plain requests are counted.
    expect(await init(await server.token(world.owner, 'operator'))).toBe('connection_ack')
    expect((await post(server.url, token, '{ viewer { roles } }')).status).toBe(200)
    sockets[0]?.socket.close()
    await sockets[0]?.closed
    while ((await init(token)) !== 'connection_ack');
    stream.stop()
    const more = await openAcknowledged(server.url, token)
    // A socket that was refused, or was never let in, takes no place.
    const never = await openSocket(server.url)
    never.socket.terminate()
    for (const { socket } of [more, ...sockets]) socket.terminate()
    while ((await init(token)) !== 'connection_ack');
  })
})

describe('a reader that stalls', () => {
  /** More than the buffers of both systems hold. */
  const COUNT = 60_000
  const LEAN = 'subscription ($after: String) { vehicleEvents(after: $after) { cursor requestId } }'

  async function flood() {
    const vehicleId = await world.newVehicle()
    const after = (await endOfLog(server.url, world.as.owner)) ?? ''
    const client = await connectDatabase(server)
    await insertEvents(client, 'flood', { vehicleId, ownerId: world.owner }, COUNT)
    await client.end()
    return { after, vehicleId }
  }

  it('is closed with 1013 while others are served, and goes on where it was', async () => {
    const { after } = await flood()
    const healthy = await subscribe(server.url, world.as.owner, LEAN, { after })
    const stalled = await openAcknowledged(server.url, world.as.owner)
    stalled.socket.pause()
    stalled.send({ id: '1', type: 'subscribe', payload: { query: LEAN, variables: { after } } })
    await healthy.received(10_000)
    healthy.stop()
    // That it is to be closed is seen from outside: its place is free again.
    const token = world.as.owner
    const others = [await openAcknowledged(server.url, token), await openAcknowledged(server.url, token)]
    while ((await connectWith(server.url, { Authorization: `Bearer ${token}` })) !== 'connection_ack');
    stalled.socket.resume()
    expect(await stalled.closed).toEqual({ code: 1013, reason: 'Nothing was read for too long.' })
    for (const { socket } of others) socket.terminate()
    const cursors = stalled.messages
      .filter(({ type }) => type === 'next')
      .map(({ payload }) => (payload as { data: { vehicleEvents: { cursor: string } } }).data.vehicleEvents.cursor)
    expect(cursors.length).toBeGreaterThan(100)
    expect(cursors.length).toBeLessThan(COUNT)
    const rest = await readAll(server.url, token, { after: cursors.at(-1) ?? null })
    expect(cursors.length + rest.length).toBe(COUNT)
  })

  it('is cut off when it follows server-sent events', async () => {
    const { after } = await flood()
    const { hostname, port } = new URL(server.url)
    const socket: Socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const body = JSON.stringify({ query: LEAN, variables: { after } })
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${world.as.owner}\r\n` +
        `Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    let text = ''
    const [first] = (await once(socket, 'data')) as [Buffer]
    text += first.toString()
    socket.pause()
    const token = world.as.owner
    const others = [await openAcknowledged(server.url, token), await openAcknowledged(server.url, token)]
    while ((await connectWith(server.url, { Authorization: `Bearer ${token}` })) !== 'connection_ack');
    for (const { socket: other } of others) other.terminate()
    const ended = new Promise<void>((resolve) => {
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
    })
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.resume()
    await ended
    expect(text).toContain('event: next')
    expect(text).not.toContain('event: complete')
    expect(text.split('event: next').length).toBeLessThan(COUNT)
  })
})
