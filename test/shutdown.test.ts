import { connect } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mutations, post } from './support/api.ts'
import { placeBefore } from './support/following.ts'
import { session, waiting } from './support/locks.ts'
import { openAcknowledged, openSocket } from './support/raw.ts'
import { startSecond, startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from './support/sockets.ts'
import { makeWorld } from './support/world.ts'
import type { World } from './support/world.ts'

let server: TestServer
let world: World
beforeEach(async () => {
  server = await startServer()
  world = await makeWorld(server)
})
afterEach(() => server.close())

const refused = (url: string) =>
  new Promise<string>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname, () => {
      socket.destroy()
      reject(new Error('it still listens'))
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })

describe('a server that has announced its stop', () => {
  it('is not ready, serves new requests, closes the connection of each, and keeps subscriptions until it closes', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const follow = await subscribe(server.url, world.as.owner, FOLLOW, { after })
    await follow.received(1)
    server.app.announceStop()
    expect((await fetch(`${server.url}/ready`)).status).toBe(503)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    const { status, headers, data } = await post(server.url, world.as.owner, mutations.createVehicle, { input: {} })
    expect([status, headers.get('connection')]).toEqual([200, 'close'])
    const late = await subscribe(server.url, world.as.owner, FOLLOW, { after })
    for (const { received } of [follow, late])
      expect((await received(2)).at(-1).data.vehicleEvents.vehicleId).toBe(data.createVehicle.vehicle.id)
    await server.app.close()
    for (const { ended } of [follow, late]) expect(await ended).toMatchObject({ code: 1001 })
  })
})

/** A mutation of a vehicle whose lock somebody else holds until `holder` commits. */
async function heldMutation() {
  const vehicleId = await world.newVehicle()
  const holder = await session(server)
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
  return {
    holder,
    vehicleId,
    query: mutations.startSharing,
    variables: { input: { vehicleId, fleetId: world.partner } },
  }
}

describe('a server that stops', () => {
  it('closes subscriptions with 1001, and clients go on elsewhere where they were', async () => {
    const second = await startSecond(server)
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const follow = await subscribe(server.url, world.as.owner, FOLLOW, { after })
    const [last] = await follow.received(1)
    expect(last.data.vehicleEvents.vehicleId).toBe(vehicleId)
    await server.app.close()
    expect(await follow.ended).toMatchObject({ code: 1001 })
    const missed = await post(second.url, world.as.owner, mutations.createVehicle, { input: {} })
    const resumed = await subscribe(second.url, world.as.owner, FOLLOW, { after: last.data.vehicleEvents.cursor })
    const [next] = await resumed.received(1)
    expect(next.data.vehicleEvents.vehicleId).toBe(missed.data.createVehicle.vehicle.id)
    resumed.stop()
    await second.close()
  })

  it('closes idle sockets, too, and those before their connection_ack', async () => {
    const sockets = [await openAcknowledged(server.url, world.as.owner), await openSocket(server.url)]
    await server.app.close()
    for (const { closed } of sockets) expect(await closed).toMatchObject({ code: 1001 })
  })

  it('cuts server-sent events off, so that clients resume: nothing says that they are complete', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const follow = await subscribeSse(server.url, world.as.owner, FOLLOW, { after })
    await follow.received(1)
    const closing = server.app.close()
    expect(await follow.ended).toBeInstanceOf(Error)
    await closing
  })

  it('takes no new requests, and finishes running ones', async () => {
    const vehicleId = await world.newVehicle()
    const holder = new pg.Client({ connectionString: server.settings.databaseUrl ?? '' })
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT 1 FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
    const input = { vehicleId, fleetId: world.partner }
    const running = post(server.url, world.as.owner, mutations.startSharing, { input })
    const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    while ((await holder.query(waits)).rowCount === 0);
    let stopped = false
    const closing = server.app.close().then(() => (stopped = true))
    expect(await refused(server.url)).toBe('ECONNREFUSED')
    expect(stopped).toBe(false)
    await holder.query('COMMIT')
    const { status, data } = await running
    expect([status, data.startSharing.sharing?.phase]).toEqual([200, 'ACTIVE'])
    await closing
    const kept = await holder.query('SELECT type FROM event WHERE vehicle_id = $1 ORDER BY position', [vehicleId])
    expect(kept.rows).toEqual([{ type: 'VEHICLE_CHANGED' }, { type: 'SHARING_STARTED' }])
    await holder.end()
  })

  it('finishes a running mutation on a WebSocket, with its answer, and starts no other', async () => {
    const { holder, vehicleId, query, variables } = await heldMutation()
    const [busy, idle] = [
      await openAcknowledged(server.url, world.as.owner),
      await openAcknowledged(server.url, world.as.owner),
    ]
    busy.send({ id: 'running', type: 'subscribe', payload: { query, variables } })
    await waiting(holder, 1)
    const closing = server.app.close()
    expect(await idle.closed).toMatchObject({ code: 1001 })
    busy.send({ id: 'late', type: 'subscribe', payload: { query, variables } })
    const late = await busy.message(({ id }) => id === 'late')
    expect(late).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] })
    await holder.query('COMMIT')
    expect(await busy.closed).toMatchObject({ code: 1001 })
    const told = busy.messages.filter(({ id }) => id === 'running')
    expect(told.map(({ type }) => type)).toEqual(['next', 'complete'])
    expect(told[0]?.payload).toMatchObject({ data: { startSharing: { sharing: { vehicleId, phase: 'ACTIVE' } } } })
    await closing
    await holder.end()
  })

  it('finishes a running mutation that is answered by server-sent events, with its answer', async () => {
    const { holder, vehicleId, query, variables } = await heldMutation()
    const running = subscribeSse(server.url, world.as.owner, query, variables)
    await waiting(holder, 1)
    const closing = server.app.close()
    await refused(server.url)
    await holder.query('COMMIT')
    const { ended, results } = await running
    expect(await ended).toBeNull()
    expect(results).toMatchObject([{ data: { startSharing: { sharing: { vehicleId, phase: 'ACTIVE' } } } }])
    await closing
    await holder.end()
  })

  it('may be stopped more than once', async () => {
    await Promise.all([server.app.close(), server.app.close()])
    await server.app.close()
    expect(await refused(server.url)).toBe('ECONNREFUSED')
  })
})
