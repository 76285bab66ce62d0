import { describe, expect, it } from 'vitest'
import { run } from '../../support/api.ts'
import { endSharing, report, reportAt } from '../../support/gateway.ts'
import { stateEvents, stateOfVehicle, taken } from '../../support/readings.ts'
import { serverForAll } from '../../support/server.ts'
import { at, iso, makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

type Fleet = 'owner' | 'partner' | 'stranger'

/** The stranger is a partner of the owner's, too. Nobody announces: only times count. */
const server = await serverForAll({ announce: false })
const world = await makeWorld(server)
const gateway = await server.token(null, 'gateway')
await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.stranger] })

/** Readings by name; the mileage tells them apart in a log. */
type Named = Readonly<Record<string, number>>

const reading = (id: string, instants: Named, name: string) =>
  reportAt(id, name, instants[name] ?? 0, { mileageKm: Object.keys(instants).indexOf(name), speedKmh: 30 })

/** The names of the readings in a fleet's log. */
const loggedTo = async (fleet: Fleet, id: string, instants: Named) =>
  (await stateEvents(server.url, world.as[fleet], [id])).map(
    ({ state }) => Object.keys(instants)[Number(state.mileageKm?.['value'])],
  )

const share = async (vehicleId: string, fleet: Fleet, input: Readonly<Record<string, unknown>> = {}) => {
  const answer = await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world[fleet], ...input })
  expect(answer).toMatchObject({ __typename: 'StartSharingSuccess' })
  return { id: answer.sharing.id as string, startsAt: Date.parse(answer.sharing.startsAt) }
}

const endedAtOf = async (id: string): Promise<number> => {
  const { endsAt, endedAt } = await server.app.prisma.sharing.findUniqueOrThrow({ where: { id } })
  return (endedAt ?? endsAt)?.getTime() ?? Number.NaN
}

function ordersOf<T>(things: readonly T[]): T[][] {
  if (things.length === 0) return [[]]
  return things.flatMap((thing) => ordersOf(things.filter((other) => other !== thing)).map((rest) => [thing, ...rest]))
}

describe('readings that come after a sharing', () => {
  const idle = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
  const INSIDE = ['first', 'last']

  /** How it ends. The window is open for at least 20 ms. */
  const WAYS: Readonly<Record<string, (vehicleId: string, as: World['as']) => Promise<unknown>>> = {
    'the owner ended': (vehicleId, as) => endSharing(server.url, as.owner, { vehicleId }),
    'the partner ended': (vehicleId, as) => endSharing(server.url, as.partner, { vehicleId }),
    'ended when idle': async (vehicleId, as) => {
      await report(server.url, gateway, [reportAt(vehicleId, 'moving', 0, { speedKmh: 30 })])
      const { sharing } = await endSharing(server.url, as.partner, { vehicleId, when: 'WHEN_IDLE' })
      expect(sharing).toMatchObject({ phase: 'ACTIVE' })
      // So old that the mileage and the speed of what follows are younger; but it was heard of not long before the sharing.
      const heard = reportAt(vehicleId, 'heard', Date.now() - 60_000, { energyPercent: 50 })
      await report(server.url, gateway, [reportAt(vehicleId, 'idle', 1, idle), heard])
    },
    expired: async (vehicleId) => {
      // As if it had been agreed with this end, which nobody has written down yet.
      const endsAt = new Date(Date.now() - 1)
      await server.app.prisma.sharing.updateMany({ where: { vehicleId }, data: { endsAt } })
    },
  }

  it.each(Object.entries(WAYS))(
    'that %s belong to the partner if they are from its window, in every order',
    async (way, end) => {
      const names = ['before', 'first', 'last', 'after']
      await Promise.all(
        ordersOf(names).map(async (order, index) => {
          const { url } = server
          const id = await world.newVehicle()
          const { id: sharingId, startsAt } = await share(id, 'partner')
          await at(startsAt + 20)
          await end(id, world.as)
          const over = await endedAtOf(sharingId)
          await at(over + 1)

          const instants = { before: startsAt - 1, first: startsAt, last: over - 1, after: over }
          const extra = way === 'ended when idle' ? 3 : 0
          const reports = order.map((name) => reading(id, instants, name))
          if (index % 2 === 0) expect(await report(url, gateway, reports)).toEqual(taken(4))
          let known = 0
          for (const one of index % 2 === 0 ? [] : reports) {
            expect(await report(url, gateway, [one])).toEqual(taken(1))
            known = Math.max(known, Date.parse(one.occurredAt))
            const { mileageKm } = await stateOfVehicle(url, world.as.owner, id)
            expect(mileageKm?.observedAt).toBe(iso(known))
          }

          expect((await loggedTo('owner', id, instants)).slice(extra)).toEqual(order)
          expect(await loggedTo('partner', id, instants)).toEqual(order.filter((name) => INSIDE.includes(name)))
          expect(await loggedTo('stranger', id, instants)).toEqual([])
          expect((await stateOfVehicle(url, world.as.owner, id)).mileageKm).toEqual({ value: 3, observedAt: iso(over) })
        }),
      )
    },
  )

  it('that was ended early or called off are not from its window, for all that was agreed', async () => {
    const { url } = server
    const [early, off] = [await world.newVehicle(), await world.newVehicle()]
    const hour = 3_600_000
    const { id: sharingId } = await share(early, 'partner', { endsAt: iso(Date.now() + hour) })
    await endSharing(url, world.as.partner, { vehicleId: early })
    const over = await endedAtOf(sharingId)
    await at(over + 100)

    const called = await share(off, 'partner', { startsAt: iso(Date.now() + hour) })
    await endSharing(url, world.as.partner, { vehicleId: off, sharingId: called.id })
    // As if all this had been hours ago.
    const startsAt = Date.now() - hour
    const times = { startsAt: new Date(startsAt), cancelledAt: new Date(startsAt - 1) }
    await server.app.prisma.sharing.update({ where: { id: called.id }, data: times })

    const instants = { last: over - 1, end: over, between: over + 100, agreed: startsAt }
    await report(url, gateway, [
      ...['last', 'end', 'between'].map((name) => reading(early, instants, name)),
      reading(off, instants, 'agreed'),
    ])
    expect(await loggedTo('owner', early, instants)).toEqual(['last', 'end', 'between'])
    expect(await loggedTo('partner', early, instants)).toEqual(['last'])
    expect(await loggedTo('owner', off, instants)).toEqual(['agreed'])
    expect(await loggedTo('partner', off, instants)).toEqual([])
  })
})

describe('a reading from before, inside or behind a window', () => {
  it('belongs to the partner by its own time, whenever it comes; one from the future is from now', async () => {
    const { url } = server
    const id = await world.newVehicle()
    const instants: Record<string, number> = {}
    const tell = async (when: string, times: Named) => {
      const names = Object.entries(times).map(([name, instant]) => {
        instants[`${name} ${when}`] = instant
        return `${name} ${when}`
      })
      const reports = names.map((name) => reading(id, instants, name))
      expect(await report(url, gateway, reports)).toEqual(taken(names.length))
    }

    const soon = Date.now() + 60_000
    const scheduled = await share(id, 'partner', { startsAt: iso(soon), endsAt: iso(soon + 60_000) })
    await tell('before it', { before: Date.now(), inside: soon, behind: soon + 60_000 })
    await endSharing(url, world.as.owner, { vehicleId: id, sharingId: scheduled.id })

    const { id: sharingId, startsAt } = await share(id, 'partner', { endsAt: iso(soon) })
    await tell('in it', { before: startsAt - 1, inside: startsAt, behind: soon + 1 })
    // The partner sees what is known, also of the time before; only the events are withheld.
    await report(url, gateway, [reportAt(id, 'energy', startsAt - 1, { energyPercent: 40 })])
    const state = await stateOfVehicle(url, world.as.partner, id)
    expect(state.energyPercent).toEqual({ value: 40, observedAt: iso(startsAt - 1) })
    expect(state.mileageKm?.['value']).toBe(Object.keys(instants).indexOf('behind in it'))

    await endSharing(url, world.as.owner, { vehicleId: id })
    const over = await endedAtOf(sharingId)
    await tell('after it', { before: startsAt - 1, inside: over - 1, behind: over, ahead: over + 60_000 })

    const told = (names: readonly (string | undefined)[]) => names.filter((name) => name !== undefined)
    expect(told(await loggedTo('owner', id, instants))).toEqual(Object.keys(instants))
    expect(await loggedTo('partner', id, instants)).toEqual(['inside in it', 'behind in it', 'inside after it'])
  })
})

describe('a later partner', () => {
  it("never gets an earlier partner's readings, back to back or behind a gap, however late they come", async () => {
    const { url } = server
    const { prisma } = server.app
    const id = await world.newVehicle()
    const now = Date.now()
    // Seconds ago: two partners in turn, the second time with nobody in between; the last is there now.
    const windows = [
      ['partner', 50, 40],
      ['stranger', 40, 30],
      ['partner', 20, 10],
      ['stranger', 10, null],
    ] as const
    const ago = (seconds: number) => new Date(now - seconds * 1000)
    await prisma.sharing.createMany({
      data: windows.map(([fleet, from, until]) => ({
        id: `${id}-${from}`,
        vehicleId: id,
        ownerId: world.owner,
        partnerId: world[fleet],
        startsAt: ago(from),
        endsAt: until === null ? null : ago(until),
        createdAt: ago(60),
        startRecorded: false,
      })),
    })

    const edges = [50, 40, 30, 20, 10].flatMap((seconds) => [
      [`${seconds} s ago`, now - seconds * 1000],
      [`just before ${seconds} s ago`, now - seconds * 1000 - 1],
    ])
    const instants = Object.fromEntries(edges) as Named
    const names = Object.keys(instants)
    const OF: Readonly<Record<'partner' | 'stranger', readonly string[]>> = {
      partner: ['50 s ago', 'just before 40 s ago', '20 s ago', 'just before 10 s ago'],
      stranger: ['40 s ago', 'just before 30 s ago', '10 s ago'],
    }
    const told: string[] = []
    const tell = async (round: string, order: readonly string[]) => {
      const reports = order.map((name) => ({ ...reading(id, instants, name), messageId: `${name} ${round}` }))
      expect(await report(url, gateway, reports)).toEqual(taken(order.length))
      told.push(...order)
      expect(await loggedTo('owner', id, instants)).toEqual(told)
      for (const fleet of ['partner', 'stranger'] as const) {
        expect(await loggedTo(fleet, id, instants)).toEqual(told.filter((name) => OF[fleet].includes(name)))
      }
    }
    await tell('in order', names)
    await tell('backwards', names.toReversed())
    await endSharing(url, world.as.owner, { vehicleId: id })
    await tell('after all', names)
    // Even the partner of old is only the partner of its own time.
    await share(id, 'partner')
    await tell('once more', names)
  })
})

describe('an instant that was taken for a vehicle', () => {
  it('is the earliest that a report can have, and earlier than any handover that follows', async () => {
    const { url } = server
    const id = await world.newVehicle()
    // As after a handover, or when the clock was set back a little.
    const ahead = Date.now() + 300
    await server.app.prisma.vehicle.update({ where: { id }, data: { lastInstant: new Date(ahead) } })
    const instants = { now: Date.now() + 60_000 }
    await report(url, gateway, [reading(id, instants, 'now')])
    const { startsAt } = await share(id, 'partner')
    const [event] = await stateEvents(url, world.as.owner, [id])
    expect(Date.parse(event?.recordedAt ?? '')).toBeGreaterThanOrEqual(ahead)
    expect(event?.occurredAt).toBe(event?.recordedAt)
    expect(startsAt).toBeGreaterThan(Date.parse(event?.recordedAt ?? ''))
    expect(await loggedTo('partner', id, instants)).toEqual([])
  })
})
