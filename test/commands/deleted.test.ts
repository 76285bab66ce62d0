import { describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome, readCommand, report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { FOLLOW, subscribe } from '../support/sockets.ts'
import { at, HOUR, inHours, iso } from '../support/world.ts'

const FIRST_EVENT =
  'query ($id: ID!) { vehicleEvents(first: 1, filter: { vehicleIds: [$id] }) { pageInfo { endCursor } } }'

describe.each(DATABASE_KINDS)('deleting a vehicle, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeControlWorld(server)

  const remove = (id: string, token = world.as.owner) => run(server.url, token, 'deleteVehicle', { id })

  it('is refused while it is shared, and while a sharing is scheduled', async () => {
    const id = await world.newVehicle()
    const later = await world.lend(id, { startsAt: inHours(1) })
    expect(await remove(id)).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id: later.id } })
    const current = await world.lend(id, { endsAt: iso(Date.now() + HOUR / 2) })
    expect(await remove(id)).toMatchObject({ code: 'SHARED_WITH_PARTNER', conflict: { id: current.id } })
    expect(await remove(id, world.as.partner)).toMatchObject({ code: 'NOT_OWNER' })
    await run(server.url, world.as.partner, 'endSharing', { vehicleId: id })
    expect(await remove(id)).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id: later.id } })
    await run(server.url, world.as.owner, 'endSharing', { vehicleId: id, sharingId: later.id })
    expect(await remove(id)).toEqual({ __typename: 'DeleteVehicleSuccess', id })
  })

  it('is refused while the end of a sharing waits for it to be idle', async () => {
    const id = await world.newVehicle()
    const { id: sharingId } = await world.lend(id)
    await run(server.url, world.as.owner, 'endSharing', { vehicleId: id, when: 'WHEN_IDLE' })
    expect(await remove(id)).toMatchObject({ code: 'SHARED_WITH_PARTNER', conflict: { id: sharingId } })
  })

  it('is possible from the instant at which the due end has come', async () => {
    const id = await world.newVehicle()
    const endsAt = Date.now() + 1000
    const { id: sharingId } = await world.lend(id, { endsAt: iso(endsAt) })
    await at(endsAt)
    expect(await remove(id)).toEqual({ __typename: 'DeleteVehicleSuccess', id })
    expect((await world.log(id)).map(({ what }) => what)).toEqual([
      'VEHICLE_CHANGED',
      'SHARING_STARTED',
      'SHARING_ENDED',
      'VEHICLE_CHANGED',
    ])
    expect(storyOf(await world.log(id), sharingId)).toEqual(['SHARING_STARTED', 'SHARING_ENDED'])
  })

  it('lets pending commands expire, and dispatched ones come to their outcome', async () => {
    const id = await world.newVehicle()
    const gateway = await commandDispatches(server.url, world.gateway, [id])
    const [answered, silent] = [await world.send(id), await world.send(id, { timeoutSeconds: 2 })]
    await gateway.received(2)
    gateway.stop()
    await gateway.ended
    const pending = await world.send(id, { timeoutSeconds: 2 })
    await remove(id)
    const after = await commandDispatches(server.url, world.gateway, [id])
    const follower = await subscribe(server.url, world.as.owner, FOLLOW, {
      after: (await ask(server.url, world.as.owner, FIRST_EVENT, { id })).vehicleEvents.pageInfo.endCursor,
      filter: { vehicleIds: [id], types: ['COMMAND_UPDATED'] },
    })
    const { command } = await outcome(server.url, world.gateway, { commandId: answered.id, outcome: 'SUCCEEDED' })
    expect(command.status).toBe('SUCCEEDED')
    // Three that were accepted, two that were dispatched, and three ends.
    await follower.received(8)
    follower.stop()
    const read = ({ id }: { id: string }) => readCommand(server.url, world.as.owner, id)
    expect(await read(pending)).toMatchObject({ status: 'EXPIRED', completedAt: pending.deadline })
    expect(await read(silent)).toMatchObject({ status: 'OUTCOME_UNKNOWN', completedAt: silent.deadline })
    const log = await world.log(id)
    expect(storyOf(log, pending.id)).toEqual(['PENDING', 'EXPIRED'])
    expect(storyOf(log, silent.id)).toEqual(['PENDING', 'DISPATCHED', 'OUTCOME_UNKNOWN'])
    expect(after.results).toEqual([])
    after.stop()
    const late = await report(server.url, world.gateway, [reportAt(id, 'late', Date.now(), { speedKmh: 1 })])
    expect(late).toMatchObject({ recorded: 0, rejected: [{ index: 0, code: 'VEHICLE_NOT_FOUND' }] })
  })
})
