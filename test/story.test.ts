import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, run } from './support/api.ts'
import { DATABASE_KINDS, startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { FOLLOW, subscribe } from './support/sockets.ts'
import { makeWorld } from './support/world.ts'
import type { World } from './support/world.ts'

describe.each(DATABASE_KINDS)('a sharing from start to end, on %s', (database) => {
  let server: TestServer
  let world: World
  beforeAll(async () => {
    server = await startServer({ database })
    world = await makeWorld(server)
  })
  afterAll(() => server.close())

  it('smoke', async () => {
    const { url } = server
    const id = await world.newVehicle({ name: 'Zoe' })
    const sub = await subscribe(url, world.as.partner, FOLLOW)
    await new Promise((r) => setTimeout(r, 100))
    const started = await run(url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
    expect(started).toMatchObject({ sharing: { status: 'SHARED_OWN_VEHICLE', phase: 'ACTIVE' } })
    const [event] = await sub.received(1)
    expect(event.data.vehicleEvents).toMatchObject({ type: 'SHARING_STARTED', vehicle: { id } })
    sub.stop()
    const { vehicles } = await ask(url, world.as.partner, '{ vehicles { nodes { id } } }')
    expect(vehicles.nodes).toEqual([{ id }])
    const ended = await run(url, world.as.partner, 'endSharing', { vehicleId: id })
    expect(ended).toMatchObject({ vehicle: null, sharing: { phase: 'ENDED', endReason: 'ENDED_BY_PARTNER' } })
  })
})
