import { describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome, readCommand, READ_COMMAND } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { subscribe } from '../support/sockets.ts'
import type { Subscription } from '../support/sockets.ts'

const FOLLOW_COMMANDS = `subscription ($after: String) { vehicleEvents(after: $after, filter: { types: [COMMAND_UPDATED] }) {
  occurredAt ... on CommandEvent { status command { id } } } }`

describe.each(DATABASE_KINDS)('the readers of a command, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeControlWorld(server)

  const dispatched = async (vehicleId: string, count = 1) => {
    const gateway = await commandDispatches(server.url, world.gateway, [vehicleId])
    await gateway.received(count)
    gateway.stop()
  }
  const endBy = (token: string, vehicleId: string) => run(server.url, token, 'endSharing', { vehicleId })

  /** One vehicle that passes from the owner to the partner, and on to the rival; each sends a command. */
  async function passedOn() {
    const { as, rival, newVehicle, lend, send } = world
    const vehicleId = await newVehicle()
    const own = await send(vehicleId)
    await dispatched(vehicleId)
    await lend(vehicleId)
    const partners = await send(vehicleId, { token: as.partner })
    await dispatched(vehicleId)
    await endBy(as.partner, vehicleId)
    await lend(vehicleId, { fleetId: rival.id })
    const rivals = await send(vehicleId, { token: rival.token })
    // Both outcomes come while the rival has the vehicle.
    await outcome(server.url, world.gateway, { commandId: own.id, outcome: 'SUCCEEDED' })
    await outcome(server.url, world.gateway, { commandId: partners.id, outcome: 'FAILED', message: 'No signal.' })
    return { vehicleId, own, partners, rivals }
  }

  it('is the owner, and of its own commands the fleet that sent them, whenever they end', async () => {
    const { vehicleId, own, partners, rivals } = await passedOn()
    const stories = async (token: string) => {
      const log = await world.log(vehicleId, token)
      return [own, partners, rivals].map(({ id }) => storyOf(log, id))
    }
    const [succeeded, failed, waiting] = [
      ['PENDING', 'DISPATCHED', 'SUCCEEDED'],
      ['PENDING', 'DISPATCHED', 'FAILED'],
      ['PENDING'],
    ]
    expect(await stories(world.as.owner)).toEqual([succeeded, failed, waiting])
    expect(await stories(world.as.partner)).toEqual([[], failed, []])
    expect(await stories(world.rival.token)).toEqual([[], [], waiting])
    expect(await stories(world.as.stranger)).toEqual([[], [], []])
  })

  it('can read it; for all others it does not exist', async () => {
    const { own, partners, rivals } = await passedOn()
    const readable = async (token: string) =>
      Promise.all(
        [own, partners, rivals].map(
          async ({ id }) => (await readCommand(server.url, token, id as string))?.status ?? null,
        ),
      )
    expect(await readable(world.as.owner)).toEqual(['SUCCEEDED', 'FAILED', 'PENDING'])
    expect(await readable(world.as.partner)).toEqual([null, 'FAILED', null])
    expect(await readable(world.rival.token)).toEqual([null, null, 'PENDING'])
    expect(await readable(world.as.stranger)).toEqual([null, null, null])
    const viewer = await server.token(world.partner, 'viewer')
    expect(await readCommand(server.url, viewer, partners.id)).toMatchObject({
      status: 'FAILED',
      message: 'No signal.',
      fleet: { id: world.partner },
    })
  })

  it('hears of each step at once', async () => {
    const { url } = server
    const vehicleId = await world.newVehicle()
    await world.lend(vehicleId)
    const place = async (token: string) =>
      (await ask(url, token, '{ vehicleEvents(first: 500) { pageInfo { endCursor } } }')).vehicleEvents.pageInfo
        .endCursor as string
    const follow = async (token: string) => subscribe(url, token, FOLLOW_COMMANDS, { after: await place(token) })
    const [owner, partner] = [await follow(world.as.owner), await follow(world.as.partner)]
    const told = async ({ received }: Subscription, count: number) =>
      (await received(count)).map(({ data }) => data.vehicleEvents)
    const { id, requestedAt } = await world.send(vehicleId, { token: world.as.partner })
    const pending = { occurredAt: requestedAt, status: 'PENDING', command: { id } }
    expect(await told(partner, 1)).toEqual([pending])
    await dispatched(vehicleId)
    const { dispatchedAt } = await readCommand(url, world.as.partner, id)
    const dispatch = { occurredAt: dispatchedAt, status: 'DISPATCHED', command: { id } }
    expect(await told(partner, 2)).toEqual([pending, dispatch])
    const { command } = await outcome(url, world.gateway, { commandId: id, outcome: 'SUCCEEDED' })
    const success = { occurredAt: command.completedAt, status: 'SUCCEEDED', command: { id } }
    expect(await told(partner, 3)).toEqual([pending, dispatch, success])
    expect(await told(owner, 3)).toEqual([pending, dispatch, success])
    owner.stop()
    partner.stop()
  })

  it('finds the request that caused a step in its event, and none for a dispatch', async () => {
    const { url } = server
    const vehicleId = await world.newVehicle()
    const query = `mutation ($id: ID!) { sendCommand(input: { vehicleId: $id, type: LOCK_TOP_CASE }) {
      ... on SendCommandSuccess { command { id } } } }`
    const { data } = await post(url, world.as.owner, query, { id: vehicleId }, { 'X-Request-Id': 'the-sender' })
    const commandId = data.sendCommand.command.id as string
    await dispatched(vehicleId)
    const report = `mutation ($id: ID!) { reportCommandOutcome(input: { commandId: $id, outcome: FAILED }) { __typename } }`
    await post(url, world.gateway, report, { id: commandId }, { 'X-Request-Id': 'the-gateway' })
    const log = (await world.log(vehicleId)).filter(({ of }) => of === commandId)
    expect(log.map(({ requestId }) => requestId)).toEqual(['the-sender', null, 'the-gateway'])
    for (const { occurredAt, recordedAt } of log) expect(recordedAt).toBe(occurredAt)
  })

  it('can still read it once the sharing is over or the vehicle deleted', async () => {
    const { url } = server
    const vehicleId = await world.newVehicle()
    await world.lend(vehicleId)
    const { id } = await world.send(vehicleId, { token: world.as.partner })
    await dispatched(vehicleId)
    await endBy(world.as.owner, vehicleId)
    expect(await readCommand(url, world.as.partner, id)).toMatchObject({ status: 'DISPATCHED', completedAt: null })
    expect(await run(url, world.as.owner, 'deleteVehicle', { id: vehicleId })).toEqual({
      __typename: 'DeleteVehicleSuccess',
      id: vehicleId,
    })
    await outcome(url, world.gateway, { commandId: id, outcome: 'SUCCEEDED' })
    for (const token of [world.as.partner, world.as.owner]) {
      expect(await readCommand(url, token, id)).toMatchObject({ status: 'SUCCEEDED', vehicleId })
      expect(storyOf(await world.log(vehicleId, token), id)).toEqual(['PENDING', 'DISPATCHED', 'SUCCEEDED'])
    }
  })

  it.each(['', 'no-such-command', '\u0000', "' OR TRUE --", 'x'.repeat(300)])(
    'gets null for the command %j, which does not exist',
    async (id) => {
      expect(await readCommand(server.url, world.as.owner, id)).toBeNull()
    },
  )

  it.each(['gateway', 'admin'])('is never %s by asking: FORBIDDEN', async (role) => {
    const { id } = await world.send(await world.newVehicle())
    const { data, errors } = await post(server.url, await server.token(null, role), READ_COMMAND, { id })
    expect(data?.command ?? null).toBeNull()
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
  })
})
