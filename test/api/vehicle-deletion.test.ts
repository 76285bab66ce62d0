import { expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { inHours, makeWorld } from '../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)

const EVERYWHERE = `query ($id: ID!, $sharing: ID!) {
  vehicle(id: $id) { id }
  vehicles { nodes { id } }
  owned: vehicles(filter: { relation: OWNED }) { nodes { id } }
  named: vehicles(filter: { ids: [$id] }) { nodes { id } }
  sharing(id: $sharing) { id phase endReason vehicleId vehicle { id } }
  sharings(filter: { vehicleId: $id }) { nodes { id phase vehicleId vehicle { id } } }
  vehicleEvents(filter: { vehicleIds: [$id] }) { nodes { type vehicleId vehicle { id } } }
}`

it('a deleted vehicle is gone everywhere; its sharings and its events stay readable', async () => {
  const { url } = server
  const id = await world.newVehicle({ name: 'Gone' })
  const { sharing } = await run(url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
  await run(url, world.as.owner, 'endSharing', { vehicleId: id })
  const answer = await run(url, world.as.owner, 'deleteVehicle', { id })
  expect(answer).toEqual({ __typename: 'DeleteVehicleSuccess', id })

  const kept = { id: sharing.id, phase: 'ENDED', vehicleId: id, vehicle: null }
  const types = { owner: ['VEHICLE_CHANGED', 'SHARING_STARTED', 'SHARING_ENDED', 'VEHICLE_CHANGED'] }
  const seen = { ...types, partner: ['SHARING_STARTED', 'SHARING_ENDED'] }
  for (const who of ['owner', 'partner'] as const) {
    const data = await ask(url, world.as[who], EVERYWHERE, { id, sharing: sharing.id })
    const none = { nodes: [] }
    expect(data).toMatchObject({ vehicle: null, vehicles: none, owned: none, named: none })
    expect(data.sharing).toEqual({ ...kept, endReason: 'ENDED_BY_OWNER' })
    expect(data.sharings.nodes).toEqual([kept])
    expect(data.vehicleEvents.nodes).toEqual(seen[who].map((type) => ({ type, vehicleId: id, vehicle: null })))
  }
})

it('nothing can be done any more with a deleted vehicle', async () => {
  const { url } = server
  const id = await world.newVehicle()
  const { sharing } = await run(url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
  await run(url, world.as.partner, 'endSharing', { vehicleId: id })
  await run(url, world.as.owner, 'deleteVehicle', { id })
  const before = await stored(server)
  const endsAt = inHours(1)
  for (const who of ['owner', 'partner', 'stranger'] as const) {
    for (const answer of [
      await run(url, world.as[who], 'updateVehicle', { id, name: 'again' }),
      await run(url, world.as[who], 'deleteVehicle', { id }),
      await run(url, world.as[who], 'startSharing', { vehicleId: id, fleetId: world.partner }),
      await run(url, world.as[who], 'updateSharingEnd', { vehicleId: id, sharingId: sharing.id, endsAt }),
      await run(url, world.as[who], 'endSharing', { vehicleId: id, sharingId: sharing.id }),
    ]) {
      expect(answer.code).toBe('VEHICLE_NOT_FOUND')
    }
  }
  expect(await stored(server)).toEqual(before)
})

it('the event of the deletion belongs to the owner alone and names its request', async () => {
  const id = await world.newVehicle()
  await run(server.url, world.as.owner, 'deleteVehicle', { id })
  const filter = { vehicleIds: [id] }
  const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { filter })
  expect(vehicleEvents.nodes.at(-1)).toMatchObject({ type: 'VEHICLE_CHANGED', vehicle: null })
  expect(vehicleEvents.nodes.at(-1).requestId).toEqual(expect.any(String))
  const theirs = await ask(server.url, world.as.partner, HISTORY, { filter })
  expect(theirs.vehicleEvents.nodes).toEqual([])
})

it('a vehicle can be deleted as soon as its sharing is over, or the scheduled one is called off', async () => {
  const { url } = server
  const [id, other] = [await world.newVehicle(), await world.newVehicle()]
  const startsAt = inHours(1)
  const share = (vehicleId: string, startsAt: string | null) =>
    run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, startsAt })
  const current = (await share(id, null)).sharing
  const scheduled = (await share(other, startsAt)).sharing
  expect(await run(url, world.as.owner, 'deleteVehicle', { id })).toMatchObject({
    code: 'SHARED_WITH_PARTNER',
    conflict: { id: current.id },
  })
  expect(await run(url, world.as.owner, 'deleteVehicle', { id: other })).toMatchObject({
    code: 'ALREADY_SHARED',
    conflict: { id: scheduled.id },
  })
  await run(url, world.as.partner, 'endSharing', { vehicleId: id })
  await run(url, world.as.partner, 'endSharing', { vehicleId: other, sharingId: scheduled.id })
  for (const vehicle of [id, other]) {
    expect(await run(url, world.as.owner, 'deleteVehicle', { id: vehicle })).toMatchObject({ id: vehicle })
  }
})
