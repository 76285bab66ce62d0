import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome, readCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, startSecond, startServer } from '../support/server.ts'
import type { ServerOptions } from '../support/server.ts'
import { FOLLOW, subscribe } from '../support/sockets.ts'
import { at } from '../support/world.ts'

async function started(options: ServerOptions = {}) {
  const server = await startServer(options)
  onTestFinished(() => server.close())
  return { server, world: await makeControlWorld(server) }
}

const END_OF_LOG = '{ vehicleEvents(first: 500) { pageInfo { endCursor } } }'

describe('the deadline of a command', () => {
  it('is written down exactly once by the announcers of two instances, with its own instant', async () => {
    const { server: first, world } = await started()
    const second = await startSecond(first)
    onTestFinished(() => second.close())
    const vehicleIds = await Promise.all(Array.from({ length: 6 }, () => world.newVehicle()))
    const [taken, left] = [vehicleIds.slice(0, 3), vehicleIds.slice(3)]
    const after = (await ask(first.url, world.as.owner, END_OF_LOG)).vehicleEvents.pageInfo.endCursor as string
    const gateway = await commandDispatches(second.url, world.gateway, taken)
    const commands = await Promise.all(
      [...vehicleIds, ...vehicleIds].map((id, index) => world.send(id, { timeoutSeconds: 3 + (index % 2) })),
    )
    await gateway.received(6)
    gateway.stop()
    // Nobody asks or sends anything any more: time alone brings 12 PENDING, 6 DISPATCHED and 12 ends.
    const follower = await subscribe(second.url, world.as.owner, FOLLOW, {
      after,
      filter: { vehicleIds, types: ['COMMAND_UPDATED'] },
    })
    await follower.received(30)
    for (const { id, vehicleId, deadline } of commands) {
      const wasTaken = taken.includes(vehicleId as string)
      const final = wasTaken ? 'OUTCOME_UNKNOWN' : 'EXPIRED'
      const log = await world.log(vehicleId)
      expect(storyOf(log, id)).toEqual(wasTaken ? ['PENDING', 'DISPATCHED', final] : ['PENDING', final])
      const last = log.findLast(({ of }) => of === id)
      expect(last).toMatchObject({ what: final, occurredAt: deadline, requestId: null })
      expect(Date.parse(last?.recordedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(deadline))
      expect(await readCommand(first.url, world.as.owner, id)).toMatchObject({ status: final, completedAt: deadline })
    }
    expect(left).toHaveLength(3)
    follower.stop()
  })

  it.each(DATABASE_KINDS)('holds on %s at its exact instant, also before it is recorded', async (database) => {
    const { server, world } = await started({ database, announce: false })
    const { url, app } = server
    const vehicleId = await world.newVehicle()
    const taken = await world.send(vehicleId, { timeoutSeconds: 2 })
    const gateway = await commandDispatches(url, world.gateway, [vehicleId])
    await gateway.received(1)
    gateway.stop()
    await gateway.ended
    const waiting = await world.send(vehicleId, { timeoutSeconds: 2 })
    const read = async () => [
      await readCommand(url, world.as.owner, taken.id),
      await readCommand(url, world.as.owner, waiting.id),
    ]
    const before = await read()
    if (Date.now() < Date.parse(taken.deadline)) {
      expect(before).toMatchObject([{ status: 'DISPATCHED' }, { status: 'PENDING' }])
    }
    await at(Date.parse(waiting.deadline))
    const after = [
      { id: taken.id, status: 'OUTCOME_UNKNOWN', completedAt: taken.deadline },
      { id: waiting.id, status: 'EXPIRED', completedAt: waiting.deadline },
    ]
    expect(await read()).toMatchObject(after)
    const stored = () => app.prisma.command.findMany({ where: { vehicleId }, orderBy: { requestedAt: 'asc' } })
    expect((await stored()).map(({ status }) => status)).toEqual(['DISPATCHED', 'PENDING'])

    // Whoever comes next to the vehicle writes it down, before what they do themselves.
    for (const { id } of after) {
      expect(await outcome(url, world.gateway, { commandId: id, outcome: 'SUCCEEDED' })).toMatchObject({
        code: 'CONFLICT',
      })
    }
    const next = await world.send(vehicleId)
    const log = await world.log(vehicleId)
    expect(log.slice(-3)).toMatchObject([
      { what: 'OUTCOME_UNKNOWN', of: taken.id, occurredAt: taken.deadline, requestId: null },
      { what: 'EXPIRED', of: waiting.id, occurredAt: waiting.deadline, requestId: null },
      { what: 'PENDING', of: next.id },
    ])
    expect(await read()).toMatchObject(after)
  })

  it('is met by no dispatch, however close gateways come to it', async () => {
    const { server: first, world } = await started()
    const second = await startSecond(first)
    onTestFinished(() => second.close())
    const vehicleIds = await Promise.all(Array.from({ length: 10 }, () => world.newVehicle()))
    const commands = await Promise.all(
      [...vehicleIds, ...vehicleIds, ...vehicleIds].map((id) => world.send(id, { timeoutSeconds: 1 })),
    )
    // Gateways come and go around the instant at which the commands expire.
    const deadline = Math.min(...commands.map(({ deadline }) => Date.parse(deadline)))
    const gateways = await Promise.all(
      [-80, -60, -40, -20, 0, 20].map(async (early, index) => {
        await at(deadline + early)
        return commandDispatches((index % 2 ? first : second).url, world.gateway, vehicleIds)
      }),
    )
    const { prisma } = first.app
    const ids = commands.map(({ id }) => id as string)
    const isOpen = { id: { in: ids }, status: { in: ['PENDING', 'DISPATCHED'] } }
    while ((await prisma.command.count({ where: isOpen })) > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    for (const stored of await prisma.command.findMany({ where: { id: { in: ids } } })) {
      expect(stored.status).toBe(stored.dispatchedAt === null ? 'EXPIRED' : 'OUTCOME_UNKNOWN')
      expect(stored.completedAt).toEqual(stored.deadline)
      if (stored.dispatchedAt) expect(stored.dispatchedAt.getTime()).toBeLessThan(stored.deadline.getTime())
    }
    gateways.forEach(({ stop }) => stop())
  })
})
