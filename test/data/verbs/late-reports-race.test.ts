import { describe, expect, it } from 'vitest'
import { run } from '../../support/api.ts'
import { endSharing, report, reportAt } from '../../support/gateway.ts'
import { PROPERTIES, stateEvents, stateOfVehicle } from '../../support/readings.ts'
import type { StateEvent } from '../../support/readings.ts'
import { secondForAll, serverForAll } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { at, iso, makeWorld } from '../../support/world.ts'

const HANDOVERS = 40

const first = await serverForAll()
const servers = [first, await secondForAll(first)] as const
const world = await makeWorld(first)
const gateway = await first.token(null, 'gateway')
await run(first.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.stranger] })

type Window = { readonly partnerId: string; readonly startsAt: number; readonly endsAt: number }

/** When each sharing of a vehicle gave control, as the database has it. */
async function windowsOf(vehicleId: string): Promise<Window[]> {
  const rows = await servers[0].app.prisma.sharing.findMany({ where: { vehicleId }, orderBy: { startsAt: 'asc' } })
  return rows.map(({ partnerId, startsAt, endsAt, endedAt }) => ({
    partnerId,
    startsAt: startsAt.getTime(),
    endsAt: (endedAt ?? endsAt)?.getTime() ?? Infinity,
  }))
}

const IDLE = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
const MOVING = { speedKmh: 30, ignition: true, centralLock: 'UNLOCKED' }

describe('readings that race a handover', () => {
  it('fall on exactly one side of it, belong to whom it says, and never set the state back', async () => {
    const id = await world.newVehicle()
    const edges: number[] = []
    let over = false
    let count = 0

    /** A gateway that never pauses. What it says is from now, from ahead, or from the edges of what has been. */
    const gatewayOn = async ({ url }: TestServer) => {
      while (!over) {
        const edge = edges[Math.floor(Math.random() * edges.length)] ?? Date.now()
        const times = [Date.now(), Date.now() + 60_000, edge - 1, edge, edge + 1, Date.now() - 30]
        const reports = times.map((time) => {
          const mileageKm = count++
          return reportAt(id, `${mileageKm}`, time, { mileageKm, ...(Math.random() < 0.4 ? IDLE : MOVING) })
        })
        expect(await report(url, gateway, reports)).toMatchObject({ recorded: times.length, rejected: [] })
      }
    }

    /** Somebody who looks all the time. */
    const watcherOn = async ({ url }: TestServer) => {
      const latest = new Map<string, string>()
      while (!over) {
        const state = await stateOfVehicle(url, world.as.owner, id)
        for (const property of PROPERTIES) {
          const observedAt = state[property]?.observedAt ?? ''
          expect([property, observedAt >= (latest.get(property) ?? '')]).toEqual([property, true])
          latest.set(property, observedAt)
        }
      }
    }

    const handovers = async () => {
      for (let round = 0; round < HANDOVERS && !over; round++) {
        const [one, other] = round % 2 === 0 ? servers : servers.toReversed()
        const fleet = round % 3 === 0 ? ('stranger' as const) : ('partner' as const)
        const way = round % 4
        const endsAt = way === 0 ? { endsAt: iso(Date.now() + 400) } : {}
        const started = await run(one?.url ?? '', world.as.owner, 'startSharing', {
          vehicleId: id,
          fleetId: world[fleet],
          ...endsAt,
        })
        // On a machine so slow that the end is past already there is nothing to end.
        if (started.code === 'INVALID_PERIOD') continue
        expect(started).toMatchObject({ __typename: 'StartSharingSuccess' })
        edges.push(Date.parse(started.sharing.startsAt))
        await at(Date.parse(started.sharing.startsAt) + Math.random() * 40)
        const by = way === 1 ? world.as.owner : world.as[fleet]
        if (way === 0) await at(Date.parse(started.sharing.endsAt))
        else await endSharing(other?.url ?? '', by, { vehicleId: id, when: way === 3 ? 'WHEN_IDLE' : 'NOW' })
        // The wish to end it when idle is granted by the next report but one or two.
        for (let last = 0; !over && (last === 0 || last > Date.now());) last = (await windowsOf(id)).at(-1)?.endsAt ?? 0
        edges.push((await windowsOf(id)).at(-1)?.endsAt ?? 0)
        await at(Date.now() + Math.random() * 20)
      }
      over = true
    }
    await Promise.all([...servers.map(gatewayOn), ...servers.map(watcherOn), handovers()]).finally(() => (over = true))

    const [{ url }, second] = servers
    const windows = await windowsOf(id)
    const logs = {
      owner: await stateEvents(url, world.as.owner, [id]),
      partner: await stateEvents(second.url, world.as.partner, [id]),
      stranger: await stateEvents(url, world.as.stranger, [id]),
    }
    const nameOf = ({ state }: StateEvent) => Number(state.mileageKm?.['value'])
    expect(logs.owner.map(nameOf).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, name) => name))
    const windowOf = (instant: string) =>
      windows.find(({ startsAt, endsAt }) => startsAt <= Date.parse(instant) && Date.parse(instant) < endsAt)
    for (const fleet of ['partner', 'stranger'] as const) {
      const its = logs.owner.filter(({ occurredAt }) => windowOf(occurredAt)?.partnerId === world[fleet])
      expect(logs[fleet].map(nameOf)).toEqual(its.map(nameOf))
    }

    // In the log a handover stands between the instants before it and those from it on.
    const { prisma } = servers[0].app
    const log = await prisma.event.findMany({ where: { vehicleId: id }, orderBy: { position: 'asc' } })
    let latest = 0
    let [passed, before] = [0, 0]
    for (const { type, occurredAt, recordedAt } of log) {
      expect(recordedAt.getTime()).toBeGreaterThanOrEqual(latest)
      if (type === 'STATE_RECORDED') expect(recordedAt.getTime()).toBeGreaterThanOrEqual(passed)
      if (type === 'SHARING_STARTED' || type === 'SHARING_ENDED') {
        expect(occurredAt.getTime()).toBeGreaterThan(before)
        passed = occurredAt.getTime()
      }
      if (type === 'STATE_RECORDED') before = recordedAt.getTime()
      latest = recordedAt.getTime()
    }

    const { mileageKm } = await stateOfVehicle(url, world.as.owner, id)
    const youngest = logs.owner.reduce((a, b) => (b.occurredAt >= a.occurredAt ? b : a))
    expect(mileageKm).toEqual(youngest.state.mileageKm)

    // Otherwise all this says little.
    const late = logs.owner.filter(({ occurredAt, recordedAt }) => windowOf(occurredAt) !== windowOf(recordedAt))
    const clamped = logs.owner.filter(({ occurredAt, recordedAt }) => occurredAt === recordedAt)
    expect(windows.length).toBeGreaterThan(HANDOVERS / 2)
    for (const some of [logs.partner, logs.stranger, late, clamped]) expect(some.length).toBeGreaterThan(50)
  })
})
