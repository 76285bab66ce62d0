import { describe, expect, it } from 'vitest'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { commandDispatches, outcome } from '../support/gateway.ts'
import { secondForAll, serverForAll } from '../support/server.ts'
import type { Subscription } from '../support/sockets.ts'
import { commandsOf } from '../support/traffic.ts'

const VEHICLES = 20
const COMMANDS = 200
const SENDERS = 8

/** How often each is among them. */
const counted = (ids: readonly string[]) =>
  new Map(
    Array.from(
      Map.groupBy(ids, (id) => id),
      ([id, same]) => [id, same.length],
    ),
  )

describe('several gateways on two instances', async () => {
  const first = await serverForAll()
  const second = await secondForAll(first)
  const world = await makeControlWorld(first)

  const newVehicles = () => Promise.all(Array.from({ length: VEHICLES }, () => world.newVehicle()))

  /** Sends all commands, several at a time. @returns their ids */
  async function sendAll(vehicleIds: readonly string[], timeoutSeconds: number, inBetween = async () => {}) {
    const work = Array.from({ length: COMMANDS }, (_, index) => vehicleIds[index % vehicleIds.length] ?? '').values()
    const ids: string[] = []
    const sender = async () => {
      for (const vehicleId of work) {
        ids.push((await world.send(vehicleId, { timeoutSeconds })).id as string)
        if (ids.length === COMMANDS / 2) await inBetween()
      }
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))
    return ids
  }

  const idsOf = ({ results }: Subscription) => results.map(({ data }) => data.commandDispatches.commandId as string)

  /** Resolves once the gateways together were given `count` commands. */
  async function given(gateways: readonly Subscription[], count: number): Promise<string[]> {
    for (;;) {
      const ids = gateways.flatMap(idsOf)
      if (ids.length >= count) return ids
      await Promise.race(gateways.map(({ results, received }) => received(results.length + 1)))
    }
  }

  it('are given each command exactly once, waiting ones and new ones', async () => {
    const vehicleIds = await newVehicles()
    const waiting = await sendAll(vehicleIds, 300)
    const gateways = await Promise.all(
      [first, first, second, second].map(({ url }) => commandDispatches(url, world.gateway, vehicleIds)),
    )
    const live = await sendAll(vehicleIds, 300)
    const ids = await given(gateways, 2 * COMMANDS)
    // Whoever would be given one twice is given it before what comes now.
    const last = await world.send(vehicleIds[0] ?? '')
    expect(await given(gateways, 2 * COMMANDS + 1)).toHaveLength(2 * COMMANDS + 1)
    expect(counted(ids)).toEqual(counted([...waiting, ...live]))
    expect(gateways.filter((gateway) => idsOf(gateway).length > 0).length).toBeGreaterThan(1)
    const { prisma } = first.app
    const written = await prisma.event.groupBy({
      by: ['commandId'],
      where: { vehicleId: { in: vehicleIds }, facts: { path: ['status'], equals: 'DISPATCHED' } },
      _count: true,
    })
    expect(new Map(written.map(({ commandId, _count }) => [commandId, _count]))).toEqual(counted([...ids, last.id]))
    gateways.forEach(({ stop }) => stop())
  })

  it('share the commands out when some serve only a part of the vehicles', async () => {
    const vehicleIds = await newVehicles()
    const [left, right] = [vehicleIds.slice(0, 12), vehicleIds.slice(8)]
    const gateways = await Promise.all([
      commandDispatches(first.url, world.gateway, left),
      commandDispatches(second.url, world.gateway, right),
    ])
    const sent = await sendAll(vehicleIds, 300)
    expect(counted(await given(gateways, COMMANDS))).toEqual(counted(sent))
    const served = gateways.map(
      ({ results }) => new Set(results.map(({ data }) => data.commandDispatches.vehicleId as string)),
    )
    expect(served.map((ids) => [...ids].filter((id) => !left.includes(id)).length)[0]).toBe(0)
    expect(served.map((ids) => [...ids].filter((id) => !right.includes(id)).length)[1]).toBe(0)
    gateways.forEach(({ stop }) => stop())
  })

  it('lose at most the command in transit to a gateway that leaves: no other gets it, and its outcome is unknown', async () => {
    const vehicleIds = await newVehicles()
    const gateways = await Promise.all(
      [first, first, second, second].map(({ url }) => commandDispatches(url, world.gateway, vehicleIds)),
    )
    const [, , , leaving] = gateways
    const answered = new Set<string>()
    // The gateways answer for what they get, but for the one that leaves while commands are on their way to it.
    const answer = async (gateway: Subscription) => {
      for await (const commandId of commandsOf(gateway)) {
        const { command } = await outcome(first.url, world.gateway, { commandId, outcome: 'SUCCEEDED' })
        if (command) answered.add(commandId)
      }
    }
    const answering = gateways.slice(0, 3).map(answer)
    const sent = await sendAll(vehicleIds, 4, async () => leaving?.stop())
    // Each command comes to its end: an outcome, or its deadline.
    const { prisma } = first.app
    const isOpen = { id: { in: sent }, status: { in: ['PENDING', 'DISPATCHED'] } }
    while ((await prisma.command.count({ where: isOpen })) > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    gateways.forEach(({ stop }) => stop())
    await Promise.all(answering)

    const all = gateways.flatMap(idsOf)
    expect(new Set(all).size).toBe(all.length)
    const commands = await prisma.command.findMany({ where: { id: { in: sent } } })
    const withStatus = (status: string) => commands.filter((command) => command.status === status).map(({ id }) => id)
    expect(new Set(withStatus('SUCCEEDED'))).toEqual(answered)
    const lost = new Set(withStatus('OUTCOME_UNKNOWN'))
    expect(leaving && idsOf(leaving).filter((id) => !lost.has(id))).toEqual([])
    // On a busy machine some may find no gateway in time.
    const expired = new Set(withStatus('EXPIRED'))
    expect(all.filter((id) => expired.has(id))).toEqual([])
    for (const vehicleId of vehicleIds) {
      const log = await world.log(vehicleId)
      for (const { id, status } of commands.filter((command) => command.vehicleId === vehicleId)) {
        expect(storyOf(log, id)).toEqual(status === 'EXPIRED' ? ['PENDING', status] : ['PENDING', 'DISPATCHED', status])
      }
    }
    expect(answered.size + lost.size + expired.size).toBe(COMMANDS)
  })
})
