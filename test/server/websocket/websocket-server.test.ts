import { createClient } from 'graphql-ws'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ask, mutations, run } from '../../support/api.ts'
import type { Variables } from '../../support/api.ts'
import { placeBefore } from '../../support/following.ts'
import { connectWith, openAcknowledged } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW, subscribe } from '../../support/sockets.ts'
import { at, makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)

/** A token of the owner's manager that lasts for 2 to 3 s, and the instant at which it ends. */
async function shortToken(): Promise<{ token: string; ends: number }> {
  const token = await server.token(world.owner, 'manager', 3)
  return { token, ends: (decodeJwt(token).exp ?? 0) * 1000 }
}

const isAbout = (vehicleId: string) => (message: { payload?: unknown }) =>
  (message.payload as { data?: { vehicleEvents?: { vehicleId: string } } } | undefined)?.data?.vehicleEvents
    ?.vehicleId === vehicleId

describe('connection_init', () => {
  it.each(['Authorization', 'authorization', 'AUTHORIZATION', 'aUTHORIZATION'])(
    'takes a token under %s',
    async (name) => {
      expect(await connectWith(server.url, { [name]: `Bearer ${world.as.owner}`, other: 1 })).toBe('connection_ack')
    },
  )

  it.each<[string, (token: string) => unknown]>([
    ['without a payload', () => undefined],
    ['with null', () => null],
    ['with an empty payload', () => ({})],
    ['with a token that is no text', () => ({ Authorization: 1 })],
    ['with a list of tokens', (token) => ({ Authorization: [`Bearer ${token}`] })],
    ['with the token under another name', (token) => ({ token: `Bearer ${token}` })],
    ['with the token alone', (token) => ({ Authorization: token })],
    ['with an empty token', () => ({ Authorization: 'Bearer ' })],
    ['with a token of no one', () => ({ Authorization: 'Bearer abc.def.ghi' })],
    ['with a token that was changed', (token) => ({ Authorization: `Bearer ${token.slice(0, -6)}AAAAAA` })],
  ])('%s is 4401', async (_how, payload) => {
    expect(await connectWith(server.url, payload(world.as.owner))).toBe(4401)
  })

  it('with a token that has ended is 4403', async () => {
    const token = await server.token(world.owner, 'manager', -1)
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(4403)
  })
})

describe('operations on a socket', () => {
  const once = async (token: string, query: string, variables: Variables = {}) => {
    const operation = await subscribe(server.url, token, query, variables)
    const [result] = await operation.received(1)
    expect(await operation.ended).toBeNull()
    return result
  }

  it('may be queries', async () => {
    const id = await world.newVehicle({ name: 'Zoe' })
    const query = 'query ($id: ID!) { vehicle(id: $id) { name } }'
    expect(await once(world.as.owner, query, { id })).toEqual({ data: { vehicle: { name: 'Zoe' } } })
    expect(await once(world.as.stranger, query, { id })).toEqual({ data: { vehicle: null } })
  })

  it('may be mutations', async () => {
    const created = await once(world.as.owner, mutations.createVehicle, { input: { name: 'Kona' } })
    const { id } = created.data.createVehicle.vehicle
    const query = 'query ($id: ID!) { vehicle(id: $id) { name } }'
    expect(await ask(server.url, world.as.owner, query, { id })).toEqual({ vehicle: { name: 'Kona' } })
    const refused = await once(world.as.stranger, mutations.deleteVehicle, { input: { id } })
    expect(refused).toMatchObject({ data: { deleteVehicle: { code: 'VEHICLE_NOT_FOUND' } } })
  })

  it('get the refusal of a forbidden operation', async () => {
    const result = await once(world.as.admin, '{ vehicles { nodes { id } } }')
    expect(result.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  })

  it('run side by side, each with its own results', async () => {
    const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
    const ids = Array.from({ length: 10 }, (_, nth) => `q${nth}`)
    for (const id of ids) {
      send({ id, type: 'subscribe', payload: { query: `{ viewer { ${id}: tokenExpiresAt } }` } })
    }
    for (const id of ids) {
      const { payload } = await message((candidate) => candidate.id === id && candidate.type === 'next')
      expect(Object.keys((payload as { data: { viewer: object } }).data.viewer)).toEqual([id])
      await message((candidate) => candidate.id === id && candidate.type === 'complete')
    }
    socket.close()
  })
})

describe('a subscription', () => {
  it('delivers until its client completes it, and the socket serves on', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const { send, message, messages, socket } = await openAcknowledged(server.url, world.as.owner)
    send({ id: '1', type: 'subscribe', payload: { query: FOLLOW, variables: { after } } })
    await message(isAbout(vehicleId))
    const second = await world.newVehicle()
    await message(isAbout(second))
    send({ id: '1', type: 'complete' })
    send({ type: 'ping' })
    await message(({ type }) => type === 'pong')
    const third = await world.newVehicle()
    // A second subscription of the same name gets to the third by the log, so that the first had its chance before.
    const from = messages.findLast(isAbout(second))?.payload as { data: { vehicleEvents: { cursor: string } } }
    const count = messages.length
    send({
      id: '1',
      type: 'subscribe',
      payload: { query: FOLLOW, variables: { after: from.data.vehicleEvents.cursor } },
    })
    await message(isAbout(third))
    expect(messages.slice(count).filter(isAbout(third))).toHaveLength(1)
    socket.close()
  })
})

describe('a token that ends while its socket is open', () => {
  it('closes it with 4403 at that instant, and no event that comes after is delivered', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const { token, ends } = await shortToken()
    const { send, message, messages, closed } = await openAcknowledged(server.url, token)
    send({ id: '1', type: 'subscribe', payload: { query: FOLLOW, variables: { after } } })
    await message(isAbout(vehicleId))
    await at(ends)
    const late = await world.newVehicle()
    expect(await closed).toMatchObject({ code: 4403 })
    expect(messages.filter(isAbout(vehicleId))).toHaveLength(1)
    expect(messages.filter(isAbout(late))).toHaveLength(0)
    // It was cut off, not completed: who follows has to come back.
    expect(messages.filter(({ type }) => type === 'complete')).toEqual([])
  })

  it('closes it not before', async () => {
    const { token, ends } = await shortToken()
    const { closed } = await openAcknowledged(server.url, token)
    expect(await closed).toMatchObject({ code: 4403 })
    expect(Date.now()).toBeGreaterThanOrEqual(ends)
  })

  it('runs nothing more for a client that does not take notice', async () => {
    const { token, ends } = await shortToken()
    const { send, closed, socket } = await openAcknowledged(server.url, token)
    // It reads no more, so that it neither sees nor answers that it is closed, but goes on sending.
    socket.pause()
    const { promise: sent, resolve } = Promise.withResolvers<void>()
    await at(ends + 100)
    const input = { name: 'made too late' }
    const operation = { id: '1', type: 'subscribe', payload: { query: mutations.createVehicle, variables: { input } } }
    socket.send(JSON.stringify(operation), () => resolve())
    await sent
    send({ type: 'ping' })
    socket.resume()
    expect(await closed).toMatchObject({ code: 4403 })
    await run(server.url, world.as.owner, 'createVehicle', { name: 'made in time' })
    const { vehicles } = await ask(server.url, world.as.owner, '{ vehicles(first: 100) { nodes { name } } }')
    const names = vehicles.nodes.map(({ name }: { name: string }) => name)
    expect(names).toContain('made in time')
    expect(names).not.toContain('made too late')
  })

  it('makes a graphql-ws client come back with a fresh one, and go on', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const tokens = [(await shortToken()).token, world.as.owner]
    const codes: number[] = []
    const { promise: back, resolve: isBack } = Promise.withResolvers<void>()
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ Authorization: `Bearer ${tokens.shift()}` }),
      retryWait: () => Promise.resolve(),
      on: { closed: (event) => void codes.push((event as { code: number }).code) },
    })
    const seen: string[] = []
    const follow = async () => {
      for await (const result of client.iterate({ query: FOLLOW, variables: { after } })) {
        const { vehicleEvents } = result.data as { vehicleEvents: { vehicleId: string } }
        seen.push(vehicleEvents.vehicleId)
        if (seen.length === 2) isBack()
      }
    }
    const following = follow()
    await back
    expect(codes).toEqual([4403])
    expect(seen).toEqual([vehicleId, vehicleId])
    await client.dispose()
    await following
  })

  it('is final for a graphql-ws client when it is not trusted: it does not try again', async () => {
    const attempts: string[] = []
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ Authorization: `Bearer ${attempts.push('nobody')}` }),
      retryWait: () => Promise.resolve(),
    })
    const ended = new Promise((resolve) => {
      client.subscribe({ query: FOLLOW }, { next: () => {}, error: resolve, complete: () => resolve(null) })
    })
    expect(await ended).toMatchObject({ code: 4401 })
    expect(attempts).toHaveLength(1)
  })
})
