import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../support/api.ts'
import { connect, endOfLog, insertEvents, readAll } from '../../support/events.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { secondForAll, serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const second = await secondForAll(server)
const world = await makeWorld(server)

type Delivered = { readonly data: { readonly vehicleEvents: { readonly cursor: string } } }
type Raw = Awaited<ReturnType<typeof openAcknowledged>>

const cursorsOf = ({ messages }: Raw, id: string) =>
  messages
    .filter((message) => message.id === id && message.type === 'next')
    .map(({ payload }) => (payload as Delivered).data.vehicleEvents.cursor)

describe('on one socket', () => {
  it('each of many subscriptions gets its own events, beside any others, on two instances that both write', async () => {
    const vehicles = [await world.newVehicle(), await world.newVehicle(), await world.newVehicle()]
    const after = await endOfLog(server.url, world.as.owner)
    const gateway = await server.token(null, 'gateway')
    const filters = [
      null,
      ...vehicles.map((id) => ({ vehicleIds: [id] })),
      { types: ['STATE_RECORDED'] },
      { types: ['VEHICLE_CHANGED'] },
      { vehicleIds: [] },
    ]
    /** One knows its answers at once, one has to ask for them. */
    const selections = ['cursor', 'cursor vehicle { id name }']
    const subscriptions = filters.flatMap((filter, n) =>
      selections.map((selected, m) => ({ id: `${n}.${m}`, filter, selected })),
    )
    const sockets = await Promise.all([server, second].map(({ url }) => openAcknowledged(url, world.as.owner)))
    for (const { send } of sockets) {
      for (const { id, filter, selected } of [
        ...subscriptions,
        ...subscriptions.map((one) => ({ ...one, id: `${one.id} short` })),
      ]) {
        const query = `subscription ($after: String, $filter: VehicleEventFilter) { vehicleEvents(after: $after, filter: $filter) { ${selected} } }`
        send({ id, type: 'subscribe', payload: { query, variables: { after, filter } } })
      }
    }
    const ROUNDS = 40
    for (let n = 0; n < ROUNDS; n++) {
      const [here, there] = n % 2 === 0 ? [server, second] : [second, server]
      const id = vehicles[n % 3] ?? ''
      await Promise.all([
        run(here.url, world.as.owner, 'updateVehicle', { id, name: `${n}` }),
        // The same twice: its second place in the log stays empty.
        report(there.url, gateway, [reportAt(id, `${n - (n % 4)}`, Date.now(), { speedKmh: n })]),
        run(there.url, world.as.owner, 'updateVehicle', { id: vehicles[(n + 1) % 3] ?? '', name: `${n}` }),
      ])
      if (n !== ROUNDS / 2) continue
      for (const { send } of sockets) for (const { id } of subscriptions) send({ id: `${id} short`, type: 'complete' })
    }
    for (const socket of sockets) {
      for (const { id, filter } of subscriptions) {
        const expected = (await readAll(server.url, world.as.owner, { after, filter })).map(({ cursor }) => cursor)
        await expect.poll(() => cursorsOf(socket, id), { timeout: 5_000 }).toEqual(expected)
        const short = cursorsOf(socket, `${id} short`)
        expect(short).toEqual(expected.slice(0, short.length))
        if (filter === null) expect(short.length).toBeLessThan(expected.length)
      }
      expect(socket.messages.filter(({ type }) => type === 'error' || type === 'complete')).toEqual([])
      socket.socket.close()
    }
    // Nobody is left behind who would have the log followed for ever.
    for (const { app } of [server, second]) await expect.poll(() => app.services.log.isFollowed()).toBe(false)
  })

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
    const raw = await openAcknowledged(server.url, world.as.owner)
    raw.send({ id: '1', type: 'subscribe', payload: { query, variables: { after } } })
    await raw.message(({ id }) => id === '1')
    raw.socket.pause()
    let most = 0
    const BATCHES = 200
    for (let n = 0; n < BATCHES; n++) {
      await insertEvents(client, 'flood', { vehicleId, ownerId: world.owner }, 10)
      await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, brand: `${n}` })
      most = Math.max(most, ...accepted.map((socket) => socket.writableLength))
    }
    raw.socket.resume()
    const expected = (await readAll(server.url, world.as.owner, { after })).map(({ cursor }) => cursor)
    expect(expected).toHaveLength(1 + BATCHES * 11)
    await expect.poll(() => cursorsOf(raw, '1').length, { timeout: 20_000 }).toBe(expected.length)
    expect(cursorsOf(raw, '1')).toEqual(expected)
    // Something did wait.
    expect(most).toBeGreaterThan(64 * 1024)
    expect(most).toBeLessThan(256 * 1024)
    raw.socket.close()
    await once(raw.socket, 'close')
  })
})
