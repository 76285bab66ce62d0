import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { between, pick, seeded } from '../../src/simulator/random.ts'
import { run } from '../support/api.ts'
import { auditVehicle } from '../support/audit.ts'
import { makeControlWorld } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { endSharing, report, reportAt } from '../support/gateway.ts'
import { startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { keepDispatching, keepSending } from '../support/traffic.ts'
import { at, iso } from '../support/world.ts'

/** How often control passes, at least. More of them find more. */
const HANDOVERS = Number(process.env['HANDOVERS'] || 60)
const IDLE = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
const MOVING = { speedKmh: 30, ignition: true, centralLock: 'LOCKED' }

let servers: readonly [TestServer, TestServer]
let world: ControlWorld
beforeAll(async () => {
  const first = await startServer()
  servers = [first, await startSecond(first)]
  world = await makeControlWorld(first)
})
afterAll(async () => {
  for (const server of servers.toReversed()) await server.close()
})

/** Makes a vehicle change hands in every way there is, at random instants. */
function director(vehicleId: string, random: () => number) {
  const { as, partner, rival, gateway } = world
  const borrowers = [
    { id: partner, token: as.partner },
    { id: rival.id, token: rival.token },
  ] as const
  const url = () => pick(random, servers).url
  const soon = () => Date.now() + Math.round(between(random, 30, 150))
  const pause = () => sleep(between(random, 0, 80))
  let messages = 0
  const tell = (readings: object) =>
    report(url(), gateway, [reportAt(vehicleId, `m${++messages}`, Date.now(), { ...readings })])

  /** @returns whether it was agreed: what comes too late for its own period is refused */
  const agree = async (fleetId: string, period: { startsAt?: number; endsAt?: number }) => {
    const input = Object.fromEntries(Object.entries(period).map(([name, instant]) => [name, iso(instant)]))
    return (await run(url(), as.owner, 'startSharing', { vehicleId, fleetId, ...input })).sharing !== undefined
  }
  const start = async (fleetId: string) => {
    const startsAt = soon()
    if (random() < 0.3 && (await agree(fleetId, { startsAt }))) return at(startsAt)
    expect(await agree(fleetId, {})).toBe(true)
  }
  const endNow = (token: string) => endSharing(url(), token, { vehicleId })

  const ways = [
    async () => {
      const borrower = pick(random, borrowers)
      await start(borrower.id)
      await pause()
      await endNow(random() < 0.5 ? as.owner : borrower.token)
    },
    // Both end it at the same time: one of them does.
    async () => {
      const borrower = pick(random, borrowers)
      await start(borrower.id)
      await pause()
      const answers = await Promise.all([endNow(as.owner), endNow(borrower.token)])
      expect(answers.filter(({ sharing }) => sharing)).toHaveLength(1)
    },
    // The end comes by time: agreed from the first, or moved there.
    async () => {
      const endsAt = soon() + 50
      if (await agree(pick(random, borrowers).id, { endsAt })) return at(endsAt)
    },
    async () => {
      const borrower = pick(random, borrowers)
      await start(borrower.id)
      const endsAt = soon()
      const moved = await run(url(), as.owner, 'updateSharingEnd', { vehicleId, endsAt: iso(endsAt) })
      if (moved.sharing) return at(endsAt)
      await endNow(borrower.token)
    },
    // From one borrower straight to the next, which may be the same.
    async () => {
      const [turn, last] = [soon() + 50, pick(random, borrowers)]
      if (!(await agree(pick(random, borrowers).id, { endsAt: turn }))) return
      const follows = await agree(last.id, { startsAt: turn })
      await at(turn)
      if (!follows) return
      await pause()
      await endNow(last.token)
    },
    // It ends as soon as it is idle, while reports go on to come.
    async () => {
      const borrower = pick(random, borrowers)
      await tell(MOVING)
      await start(borrower.id)
      await endSharing(url(), random() < 0.5 ? as.owner : borrower.token, { vehicleId, when: 'WHEN_IDLE' })
      await pause()
      await Promise.all([tell({ mileageKm: 1 }), tell(IDLE), tell({ mileageKm: 2 })])
      const left = await endNow(as.owner)
      expect(left).toMatchObject({ code: 'NOT_SHARED' })
    },
  ] as const
  return async () => {
    await pick(random, ways)()
    await pause()
  }
}

it(
  `belongs to one side alone, while a vehicle changes hands ${HANDOVERS} times`,
  async () => {
    const [{ app }] = servers
    const { prisma } = app
    const vehicleId = await world.newVehicle()
    let over = false
    const going = () => !over
    const accepted = new Set<string>()
    const given: string[] = []
    const refusals = { owner: new Set<string>(), borrower: new Set<string>() }
    const senders = [
      ...[0, 1, 2].map((n) => ['owner', world.as.owner, n] as const),
      ...[0, 1].map((n) => ['borrower', world.as.partner, n] as const),
      ...[0, 1].map((n) => ['borrower', world.rival.token, n] as const),
    ].map(([side, token, n], index) =>
      keepSending({
        going,
        random: seeded(index),
        url: servers[n % 2 === 0 ? 0 : 1].url,
        token,
        vehicleId,
        accepted: ({ id }) => accepted.add(id),
        refused: (code) => refusals[side].add(code),
      }),
    )
    const gateways = [0, 1, 0].map((n, index) =>
      keepDispatching({
        going,
        random: seeded(100 + index),
        url: servers[n === 0 ? 0 : 1].url,
        token: world.gateway,
        vehicleIds: [vehicleId],
        given: (id) => given.push(id),
      }),
    )

    const handOver = director(vehicleId, seeded(1000))
    const passed = () =>
      prisma.event.count({ where: { vehicleId, type: { in: ['SHARING_STARTED', 'SHARING_ENDED'] } } })
    try {
      while ((await passed()) < HANDOVERS) await handOver()
    } finally {
      over = true
    }
    await Promise.all([...senders, ...gateways])
    // The last of the commands end by time, which the instances write down.
    const isOpen = { vehicleId, status: { in: ['PENDING', 'DISPATCHED'] } }
    while ((await prisma.command.count({ where: isOpen })) > 0) await sleep(50)

    const { faults, handovers, statuses } = await auditVehicle(app.services.prisma, vehicleId)
    expect(faults).toEqual([])
    expect(handovers).toBeGreaterThanOrEqual(HANDOVERS)
    const commands = await prisma.command.findMany({ where: { vehicleId } })
    expect(new Set(commands.map(({ id }) => id))).toEqual(accepted)
    expect(new Set(given).size).toBe(given.length)
    const dispatched = new Set(commands.filter((command) => command.dispatchedAt).map(({ id }) => id))
    expect(given.filter((id) => !dispatched.has(id))).toEqual([])
    expect(refusals).toEqual({
      owner: new Set(['SHARED_WITH_PARTNER']),
      borrower: new Set(['VEHICLE_NOT_FOUND']),
    })
    // It was a race at all.
    const bySide = Map.groupBy(commands, ({ fleetId }) => fleetId)
    expect(bySide.size).toBe(3)
    expect(statuses['CANCELLED_BY_HANDOVER']).toBeGreaterThan(0)
    expect(statuses['SUCCEEDED']).toBeGreaterThan(0)
    if (process.env['HANDOVERS']) {
      const sent = { owner: bySide.get(world.owner)?.length, all: commands.length }
      console.log(JSON.stringify({ handovers, sent, given: given.length, statuses }))
    }
  },
  60_000 + HANDOVERS * 1_000,
)
