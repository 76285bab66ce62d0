import { describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome, sendCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll, startSecond, startServer } from '../support/server.ts'

describe.each(DATABASE_KINDS)('sendCommand with an idempotency key, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeControlWorld(server)

  const send = (vehicleId: string, input: object, token = world.as.owner) =>
    sendCommand(server.url, token, { vehicleId, type: 'DRAW_ATTENTION', ...input })
  const acceptances = async (vehicleId: string) =>
    (await world.log(vehicleId)).filter(({ what }) => what === 'PENDING').length

  it('sends once, with or without defaults spelled out', async () => {
    const vehicleId = await world.newVehicle()
    const { command } = await send(vehicleId, { idempotencyKey: 'once' })
    for (const input of [{}, { timeoutSeconds: 30 }, { timeoutSeconds: null }]) {
      expect((await send(vehicleId, { idempotencyKey: 'once', ...input })).command).toEqual(command)
    }
    expect(await acceptances(vehicleId)).toBe(1)
  })

  it('refuses the key for another input, and sends nothing', async () => {
    const [vehicleId, another] = [await world.newVehicle(), await world.newVehicle()]
    await send(vehicleId, { idempotencyKey: 'other' })
    const inputs = [{ type: 'LOCK_TOP_CASE' }, { timeoutSeconds: 31 }, { timeoutSeconds: 0 }, { vehicleId: another }]
    for (const input of inputs) {
      expect(await send(vehicleId, { idempotencyKey: 'other', ...input })).toMatchObject({
        code: 'IDEMPOTENCY_KEY_REUSED',
      })
    }
    expect([await acceptances(vehicleId), await acceptances(another)]).toEqual([1, 0])
  })

  it('does not remember a refusal', async () => {
    const vehicleId = await world.newVehicle({ supportedCommands: ['LOCK_TOP_CASE'] })
    expect(await send(vehicleId, { idempotencyKey: 'refused' })).toMatchObject({ code: 'COMMAND_NOT_SUPPORTED' })
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, supportedCommands: null })
    expect(await send(vehicleId, { idempotencyKey: 'refused' })).toMatchObject({ command: { status: 'PENDING' } })
  })

  it('separates the keys of fleets and of mutations', async () => {
    const vehicleId = await world.newVehicle()
    const { command } = await send(vehicleId, { idempotencyKey: 'mine' })
    await world.lend(vehicleId, { idempotencyKey: 'mine' })
    const theirs = await send(vehicleId, { idempotencyKey: 'mine' }, world.as.partner)
    expect(theirs).toMatchObject({ command: { fleet: { id: world.partner } } })
    expect(theirs.command.id).not.toBe(command.id)
  })

  it('answers with the command as it is now, also when it could not be sent any more', async () => {
    const vehicleId = await world.newVehicle()
    const { command } = await send(vehicleId, { idempotencyKey: 'present' })
    await world.lend(vehicleId)
    expect(await send(vehicleId, {})).toMatchObject({ code: 'SHARED_WITH_PARTNER' })
    expect((await send(vehicleId, { idempotencyKey: 'present' })).command).toMatchObject({
      id: command.id,
      status: 'CANCELLED_BY_HANDOVER',
    })
    expect(await send(vehicleId, { idempotencyKey: 'present', timeoutSeconds: 9 })).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    })
  })

  it('is answered only to a fleet that may still see the vehicle and send', async () => {
    const vehicleId = await world.newVehicle()
    await world.lend(vehicleId)
    await send(vehicleId, { idempotencyKey: 'seen' }, world.as.partner)
    const viewer = await server.token(world.partner, 'viewer')
    expect(await send(vehicleId, { idempotencyKey: 'seen' }, viewer)).toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
    await run(server.url, world.as.partner, 'endSharing', { vehicleId })
    const after = await send(vehicleId, { idempotencyKey: 'seen' }, world.as.partner)
    expect(after).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
  })

  it('is dispatched once, and repeated after its outcome', async () => {
    const vehicleId = await world.newVehicle()
    const { command } = await send(vehicleId, { idempotencyKey: 'done' })
    const gateway = await commandDispatches(server.url, world.gateway, [vehicleId])
    await gateway.received(1)
    await outcome(server.url, world.gateway, { commandId: command.id, outcome: 'SUCCEEDED' })
    const again = await send(vehicleId, { idempotencyKey: 'done' })
    expect(again.command).toMatchObject({ id: command.id, status: 'SUCCEEDED' })
    // What a second command would bring comes after what the repetition might have brought.
    const next = await world.send(vehicleId)
    const results = await gateway.received(2)
    gateway.stop()
    expect(results.map(({ data }) => data.commandDispatches.commandId)).toEqual([command.id, next.id])
  })
})

describe('concurrent sendCommands with one key', () => {
  it('are one command, whichever of two instances they reach', async () => {
    const first = await startServer()
    const second = await startSecond(first)
    try {
      const world = await makeControlWorld(first)
      for (let round = 0; round < 5; round++) {
        const vehicleId = await world.newVehicle()
        const input = { vehicleId, type: 'DRAW_ATTENTION', idempotencyKey: `round ${round}` }
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            sendCommand(index % 2 ? first.url : second.url, world.as.owner, input),
          ),
        )
        const ids = new Set(answers.map(({ command }) => command.id as string))
        expect(ids.size).toBe(1)
        for (const id of ids) expect(storyOf(await world.log(vehicleId), id)).toEqual(['PENDING'])
        expect(await first.app.prisma.command.count({ where: { vehicleId } })).toBe(1)
      }
    } finally {
      await second.close()
      await first.close()
    }
  })

  it('take the key for one vehicle of two, and refuse the other', async () => {
    const server = await startServer()
    try {
      const world = await makeControlWorld(server)
      for (let round = 0; round < 5; round++) {
        const vehicleIds = [await world.newVehicle(), await world.newVehicle()]
        const answers = await Promise.all(
          vehicleIds.map((vehicleId) =>
            sendCommand(server.url, world.as.owner, { vehicleId, type: 'LOCK_TOP_CASE', idempotencyKey: `${round}` }),
          ),
        )
        const told = new Set(answers.map(({ command, code }) => command?.status ?? code))
        expect(told).toEqual(new Set(['IDEMPOTENCY_KEY_REUSED', 'PENDING']))
      }
    } finally {
      await server.close()
    }
  })
})
