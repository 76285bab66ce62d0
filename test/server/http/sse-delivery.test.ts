import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, request as send } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createParser } from 'eventsource-parser'
import { GraphQLError, parse } from 'graphql'
import { expect, it, onTestFinished } from 'vitest'
import type { Viewer } from '../../../src/domain/access/viewer.ts'
import type { Engine } from '../../../src/server/engine/engine.ts'
import type { Sink, Subscription } from '../../../src/server/engine/subscription.ts'
import { createEventStreams } from '../../../src/server/http/event-stream.ts'
import type { EventStreamOptions } from '../../../src/server/http/event-stream.ts'
import { createCounts } from '../../../src/server/telemetry/counts.ts'
import { run } from '../../support/api.ts'
import { connect, endOfLog, insertEvents, readAll } from '../../support/events.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)

/** A client that reads only while it is told to. */
async function open(url: string, token: string, query: string, variables: object) {
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream', Authorization: `Bearer ${token}` }
  const sent = send(`${url}/graphql`, { method: 'POST', headers })
  sent.end(JSON.stringify({ query, variables }))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  onTestFinished(() => void response.destroy())
  const cursors: string[] = []
  const parser = createParser({
    onEvent: ({ data }) => cursors.push(JSON.parse(data).data.vehicleEvents.cursor as string),
  })
  response.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
  return { response, cursors }
}

it('a reader that is slow gets all of it when it comes back, and little waits for it meanwhile', async () => {
  const accepted: Socket[] = []
  const listen = (message: unknown) => void accepted.push((message as { socket: Socket }).socket)
  subscribe('net.server.socket', listen)
  onTestFinished(() => void unsubscribe('net.server.socket', listen))
  const vehicleId = await world.newVehicle()
  const after = await endOfLog(server.url, world.as.owner)
  const client = await connect(server)
  onTestFinished(() => client.end())
  // Of the longest text that there may be, so that not so many of them are more than the systems hold.
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'x'.repeat(200) })
  const names = Array.from({ length: 40 }, (_, n) => `n${n}: name`).join(' ')
  const query = `subscription ($after: String) { vehicleEvents(after: $after) { cursor vehicle { ${names} } } }`
  const { response, cursors } = await open(server.url, world.as.owner, query, { after })
  await expect.poll(() => cursors.length).toBe(1)
  response.pause()
  let most = 0
  const BATCHES = 200
  for (let n = 0; n < BATCHES; n++) {
    await insertEvents(client, 'flood', { vehicleId, ownerId: world.owner }, 10)
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, brand: `${n}` })
    most = Math.max(most, ...accepted.map((socket) => socket.writableLength))
  }
  response.resume()
  const expected = (await readAll(server.url, world.as.owner, { after })).map(({ cursor }) => cursor)
  expect(expected).toHaveLength(1 + BATCHES * 11)
  await expect.poll(() => cursors.length, { timeout: 20_000 }).toBe(expected.length)
  expect(cursors).toEqual(expected)
  // Something did wait.
  expect(most).toBeGreaterThan(8 * 1024)
  expect(most).toBeLessThan(128 * 1024)
  response.destroy()
  await expect.poll(() => server.app.services.log.isFollowed()).toBe(false)
})

/** A server whose subscriptions are delivered by the test. */
async function serve(deliver: Subscription['deliver']) {
  const counts = createCounts()
  const [definition] = parse('subscription { vehicleEvents { id } }').definitions
  const engine = {
    operations: { prepare: () => ({ document: {}, definition }) },
    subscribe: async () => ({ deliver }),
  } as unknown as Engine
  const admission = { setRateLimitHeaders: () => {} } as unknown as EventStreamOptions['admission']
  const answer = createEventStreams({ engine, admission, trusted: null, counts })
  const viewer = { expiresAt: Infinity } as Viewer
  const http = createServer((request, response) => {
    const body = Buffer.from(JSON.stringify({ query: '' }))
    void answer(request, response, body, { viewer, requestId: 'a request', transport: 'sse' })
  })
  http.listen(0)
  await once(http, 'listening')
  onTestFinished(() => void http.close())
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, counts }
}

it('a failure on the way is the last result, and counted', async () => {
  const failure = new GraphQLError('It failed.', { extensions: { code: 'CURSOR_EXPIRED', http: { status: 400 } } })
  const { url, counts } = await serve(() => ({ ended: Promise.reject(failure), stop: () => {} }))
  const response = await fetch(url, { headers: { Accept: 'text/event-stream' } })
  expect(response.status).toBe(200)
  expect(await response.text()).toBe(
    ':\n\nevent: next\ndata: {"errors":[{"message":"It failed.","extensions":{"code":"CURSOR_EXPIRED"}}]}\n\nevent: complete\ndata:\n\n',
  )
  expect([...counts.errors]).toEqual([['CURSOR_EXPIRED', 1]])
})

it('what is offered in one turn is one chunk at its end, and what is offered before the end comes before it', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const { promise: opened, resolve: open } = Promise.withResolvers<Sink>()
  const { url } = await serve((sink) => {
    open(sink)
    return { ended, stop: () => {} }
  })
  const sent = send(url, { method: 'POST', headers: { Accept: 'text/event-stream' } }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: string[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
  const { offer } = await opened
  const offerAll = (...texts: string[]) => texts.map((text) => offer(Buffer.from(JSON.stringify(text))))
  expect(offerAll('é', '日本', '🚗')).toEqual([null, null, null])
  await expect.poll(() => chunks.length).toBe(2)
  expect(offerAll('last')).toEqual([null])
  end()
  await once(response, 'end')
  const frame = (text: string) => `event: next\ndata: "${text}"\n\n`
  expect(chunks).toEqual([
    ':\n\n',
    ['é', '日本', '🚗'].map(frame).join(''),
    `${frame('last')}event: complete\ndata:\n\n`,
  ])
})
