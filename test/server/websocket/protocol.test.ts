import { describe, expect, it } from 'vitest'
import { placeBefore } from '../../support/following.ts'
import { openAcknowledged, openSocket, upgradeStatus } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const VIEWER = '{ viewer { roles } }'
const MEBIBYTE = 1024 * 1024

const server = await serverForAll()
const world = await makeWorld(server)
const silent = await openSocket(server.url)

const init = () => ({ type: 'connection_init', payload: { Authorization: `Bearer ${world.as.owner}` } })
const operation = (id: string, query: string, variables = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, variables },
})

describe('graphql-transport-ws', () => {
  it('is the one subprotocol, also for a client that offers several', async () => {
    const { socket } = await openSocket(server.url, { protocol: ['graphql-ws', 'graphql-transport-ws'] })
    expect(socket.protocol).toBe('graphql-transport-ws')
    socket.close()
  })

  it.each([['graphql-ws'], ['mqtt']])('is the one subprotocol: %s is refused', async (protocol) => {
    await expect(openSocket(server.url, { protocol })).rejects.toThrow('Server sent no subprotocol')
  })

  it('is the one subprotocol: none is 4406', async () => {
    const { closed } = await openSocket(server.url, { protocol: [] })
    expect(await closed).toMatchObject({ code: 4406 })
  })

  it('is not compressed, even if a client would like that', async () => {
    const { socket } = await openSocket(server.url, { perMessageDeflate: true })
    expect(socket.extensions).toBe('')
    socket.close()
  })

  it.each(['/', '/graphql//', '/subscriptions', '/health'])('is not spoken on %s', async (path) => {
    expect(await upgradeStatus(`${server.url}${path}`)).toBe(404)
  })

  it('answers a ping, before it lets anybody in, too', async () => {
    const { send, message, socket } = await openSocket(server.url)
    send({ type: 'ping', payload: { mine: 1 } })
    expect(await message(() => true)).toEqual({ type: 'pong', payload: { mine: 1 } })
    socket.close()
  })
})

describe('a client that does not keep to the protocol', () => {
  it('subscribes before it was let in: 4401', async () => {
    const { send, closed, messages } = await openSocket(server.url)
    send(operation('1', VIEWER))
    expect(await closed).toMatchObject({ code: 4401 })
    expect(messages).toEqual([])
  })

  it('subscribes before its init was answered: 4401', async () => {
    const { send, closed, messages } = await openSocket(server.url)
    send(init())
    send(operation('1', VIEWER))
    expect(await closed).toMatchObject({ code: 4401 })
    expect(messages.filter(({ type }) => type !== 'connection_ack')).toEqual([])
  })

  it.each(['at once', 'later'])('sends connection_init twice, %s: 4429', async (when) => {
    const { send, closed } = await (when === 'later'
      ? openAcknowledged(server.url, world.as.owner)
      : openSocket(server.url))
    if (when === 'at once') send(init())
    send(init())
    expect(await closed).toMatchObject({ code: 4429 })
  })

  it('uses an id that is in use: 4409', async () => {
    const { send, message, closed } = await openAcknowledged(server.url, world.as.owner)
    const { after } = await placeBefore(server.url, world.as.owner)
    send(operation('1', FOLLOW, { after }))
    await message(({ id }) => id === '1')
    send(operation('1', VIEWER))
    expect(await closed).toMatchObject({ code: 4409, reason: 'Subscriber for 1 already exists' })
  })

  it.each<[string, string | object]>([
    ['what is no JSON', 'hello'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a message without a type', {}],
    ['an unknown type', { type: 'start' }],
    ['an operation without an id', { type: 'subscribe', payload: { query: VIEWER } }],
    ['an operation with an empty id', { id: '', type: 'subscribe', payload: { query: VIEWER } }],
    ['an operation without a payload', { id: '1', type: 'subscribe' }],
    ['an operation without a query', { id: '1', type: 'subscribe', payload: {} }],
    ['a query that is no text', { id: '1', type: 'subscribe', payload: { query: 1 } }],
    ['variables that are no object', { id: '1', type: 'subscribe', payload: { query: VIEWER, variables: 'x' } }],
    ['a token instead of a payload', { type: 'connection_init', payload: 'Bearer abc' }],
  ])('sends %s: 4400', async (_what, garbage) => {
    const { send, closed } = await openAcknowledged(server.url, world.as.owner)
    send(garbage)
    expect(await closed).toMatchObject({ code: 4400 })
  })

  it('sends more than 1 MiB at once: 1009', async () => {
    const frame = JSON.stringify(operation('1', VIEWER, { pad: '' }))
    const message = (bytes: number) => JSON.stringify(operation('1', VIEWER, { pad: 'x'.repeat(bytes - frame.length) }))
    expect(Buffer.byteLength(message(MEBIBYTE))).toBe(MEBIBYTE)
    const raw = await openAcknowledged(server.url, world.as.owner)
    raw.send(message(MEBIBYTE))
    expect(await raw.message(({ type }) => type === 'next')).toMatchObject({ payload: { data: {} } })
    raw.send(message(MEBIBYTE + 1))
    expect(await raw.closed).toMatchObject({ code: 1009 })
  })

  it('sends no connection_init: 4408', async () => {
    expect(await silent.closed).toMatchObject({ code: 4408 })
  })
})

describe('a refused operation is an error message with a code, and the socket lives on', () => {
  const documents: Readonly<Record<string, [string, object]>> = {
    'a subscription from a cursor that is none': [FOLLOW, { after: 'nowhere' }],
    'a subscription from a cursor of another shape': [FOLLOW, { after: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    'a subscription to what is not there': ['subscription { nothing }', {}],
    'a subscription with variables of a wrong type': [FOLLOW, { filter: { types: ['NOTHING'] } }],
    'a subscription with two fields': ['subscription { a: vehicleEvents { id } b: vehicleEvents { id } }', {}],
    'a query for what is not there': ['{ nothing }', {}],
    'a document that does not parse': ['{ viewer', {}],
    'a document without an operation': ['fragment F on Query { viewer { roles } }', {}],
    'an empty document': ['', {}],
    'several operations and no name': ['query A { viewer { roles } } query B { viewer { roles } }', {}],
  }

  it.each(Object.keys(documents))('%s', async (name) => {
    const [query, variables] = documents[name] ?? ['', {}]
    const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
    send(operation('1', query, variables))
    const { type, payload } = await message(({ id }) => id === '1')
    expect(type).toBe('error')
    for (const { extensions } of payload as { extensions: unknown }[]) {
      expect(extensions).toEqual({ code: 'BAD_USER_INPUT' })
    }
    send(operation('1', VIEWER))
    const next = await message((candidate) => candidate.id === '1' && candidate.type === 'next')
    expect(next.payload).toEqual({ data: { viewer: { roles: ['MANAGER'] } } })
    socket.close()
  })

  it('unless it is a query that got as far as its variables: that is a result', async () => {
    const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
    send(operation('1', 'query ($id: ID!) { vehicle(id: $id) { id } }'))
    const { type, payload } = await message(({ id }) => id === '1')
    expect(type).toBe('next')
    expect((payload as { errors: object[] }).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    expect(JSON.stringify(payload)).not.toContain('http')
    socket.close()
  })

  it.each([
    ['an admin', () => server.token(null, 'admin')],
    ['somebody without a role', () => server.token(world.owner, [])],
    ['a fleet that does not exist', () => server.token('NOSUCH', 'manager')],
  ])("a subscription to a fleet's events by %s", async (_who, token) => {
    const { send, message, socket } = await openAcknowledged(server.url, await token())
    send(operation('1', FOLLOW))
    const { type, payload } = await message(({ id }) => id === '1')
    expect(type).toBe('error')
    expect(payload).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    send(operation('2', '{ __typename }'))
    await message(({ id }) => id === '2')
    socket.close()
  })
})
