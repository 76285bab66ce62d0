import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ask, run } from '../support/api.ts'
import { follow, readAll } from '../support/events.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { at, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** How long a sharing is in force; it is watched before and after, too. Milliseconds. */
const STRETCH = 700
/** How closely the two instants are watched, on either side. Milliseconds. */
const NEAR = 40

const PARTNER_LOOKS = `query ($id: ID!, $sharing: ID!) {
  vehicle(id: $id) { id viewerCan { sendCommand { code until } } }
  vehicles(filter: { ids: [$id] }) { nodes { id } }
  shared: vehicles(filter: { relation: SHARED_IN }) { nodes { id } }
  sharing(id: $sharing) { phase endedAt endReason vehicle { id } }
  sharings(filter: { vehicleId: $id, phase: ACTIVE }) { nodes { id } } }`

const OWNER_LOOKS = `query ($id: ID!) {
  vehicle(id: $id) { sharing { id } viewerCan { sendCommand { code } endSharing { code } } }
  vehicles(filter: { relation: SHARED_OUT }) { nodes { id } } }`

/** An answer, and this machine's clock when it was asked for and when it was there. */
type Look<T> = { readonly asked: number; readonly answered: number; readonly answer: T }

/** Nobody announces here: access follows from comparing times, and from nothing that has to run. */
describe.each(DATABASE_KINDS)('without the announcer, on %s', (database) => {
  let server: TestServer
  let url: string
  let world: World
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    url = server.url
    world = await makeWorld(server)
    // The first time each takes a multiple of what it takes from then on.
    await ask(url, world.as.partner, PARTNER_LOOKS, { id: 'NONE', sharing: 'NONE' })
    await ask(url, world.as.owner, OWNER_LOOKS, { id: await world.newVehicle() })
  })
  afterAll(() => server.close())

  /** A sharing that starts and ends while the test looks on. */
  async function lendSoon() {
    const id = await world.newVehicle()
    const startsAt = Date.now() + 2 * STRETCH
    const endsAt = startsAt + STRETCH
    const period = { startsAt: iso(startsAt), endsAt: iso(endsAt) }
    const input = { vehicleId: id, fleetId: world.partner, ...period }
    const { sharing } = await run(url, world.as.owner, 'startSharing', input)
    return { id, sharing: sharing.id as string, startsAt, endsAt }
  }

  /** Asks again and again until a while after the end, and as closely as it can around the start and the end. */
  async function watch<T>(
    { startsAt, endsAt }: { startsAt: number; endsAt: number },
    asking: () => Promise<T>,
  ): Promise<Look<T>[]> {
    const looks: Look<T>[] = []
    const look = async () => {
      const asked = Date.now()
      const answer = await asking()
      looks.push({ asked, answered: Date.now(), answer })
    }
    const keepLooking = async (to: number) => {
      while (Date.now() < to) {
        await look()
        await at(Date.now() + 10)
      }
    }
    const lookAround = async (instant: number) => {
      await at(instant - NEAR)
      while (Date.now() < instant - 5) await look()
      // Then everything else rests, so that the answer at the instant itself takes no longer than it has to.
      await at(instant)
      while (Date.now() < instant + NEAR) await look()
    }
    await keepLooking(startsAt - 2 * NEAR)
    await lookAround(startsAt)
    await keepLooking(endsAt - 2 * NEAR)
    await lookAround(endsAt)
    await keepLooking(endsAt + STRETCH / 2)
    return looks
  }

  /** Holds every answer against the time: what was asked and answered on one side of an instant has to tell that side. */
  function compare<T>(
    { startsAt, endsAt }: { startsAt: number; endsAt: number },
    looks: readonly Look<T>[],
    [without, within]: readonly [T, T],
  ): void {
    const stretches = [
      [0, startsAt, without],
      [startsAt, endsAt, within],
      [endsAt, Infinity, without],
    ] as const
    for (const [from, to, expected] of stretches) {
      const inside = looks.filter(({ asked, answered }) => asked >= from && answered < to)
      expect(inside.length).toBeGreaterThan(0)
      for (const { asked, answered, answer } of inside) {
        expect(answer, `asked at ${iso(asked)}, answered at ${iso(answered)}, in force from ${iso(startsAt)}`).toEqual(
          expected,
        )
      }
    }
    for (const { answer } of looks) expect([without, within]).toContainEqual(answer)
  }

  it('both see control pass and come back to the millisecond', async () => {
    const lent = await lendSoon()
    const { id, sharing } = lent
    const [partner, owner] = await Promise.all([
      watch(lent, async () => {
        const data = await ask(url, world.as.partner, PARTNER_LOOKS, { id, sharing })
        const { phase, endedAt, endReason } = data.sharing
        const over = phase === 'ENDED' ? { endedAt: iso(lent.endsAt), endReason: 'EXPIRED' } : null
        expect({ endedAt, endReason }).toEqual(over ?? { endedAt: null, endReason: null })
        return {
          vehicle: data.vehicle,
          vehicles: data.vehicles.nodes,
          shared: data.shared.nodes,
          ofSharing: data.sharing.vehicle,
          active: data.sharings.nodes,
          isActive: phase === 'ACTIVE',
        }
      }),
      watch(lent, () => ask(url, world.as.owner, OWNER_LOOKS, { id })),
    ])
    const nothing = { vehicle: null, vehicles: [], shared: [], ofSharing: null, active: [], isActive: false }
    const everything = {
      vehicle: { id, viewerCan: { sendCommand: { code: null, until: iso(lent.endsAt) } } },
      vehicles: [{ id }],
      shared: [{ id }],
      ofSharing: { id },
      active: [{ id: sharing }],
      isActive: true,
    }
    compare(lent, partner, [nothing, everything])
    const can = (sendCommand: string | null, endSharing: string | null) => ({
      sendCommand: { code: sendCommand },
      endSharing: { code: endSharing },
    })
    compare(lent, owner, [
      { vehicle: { sharing: null, viewerCan: can(null, 'NOT_SHARED') }, vehicles: { nodes: [] } },
      {
        vehicle: { sharing: { id: sharing }, viewerCan: can('SHARED_WITH_PARTNER', null) },
        vehicles: { nodes: [{ id }] },
      },
    ])
    // Reading settles nothing.
    expect((await readAll(url, world.as.partner, { filter: { vehicleIds: [id] } })).map(({ type }) => type)).toEqual([
      'SHARING_SCHEDULED',
    ])
  })

  it('of two neighbouring milliseconds one is before and one after', async () => {
    const { id, sharing, startsAt, endsAt } = await lendSoon()
    for (const [instant, within] of [
      [startsAt - 1, false],
      [startsAt, true],
      [endsAt - 1, true],
      [endsAt, false],
    ] as const) {
      // Reads take the clock's word; what locks the vehicle never takes an instant before its latest one.
      const clock = vi.spyOn(server.app.services.clock, 'now').mockReturnValue(instant)
      const data = await ask(url, world.as.partner, PARTNER_LOOKS, { id, sharing })
      clock.mockRestore()
      const lists = [data.vehicles, data.shared, data.sharings].map(({ nodes }) => nodes.length === 1)
      const single = [data.vehicle !== null, data.sharing.vehicle !== null, data.sharing.phase === 'ACTIVE']
      expect([...lists, ...single]).toEqual(Array.from({ length: 6 }, () => within))
      await server.app.prisma.vehicle.update({ where: { id }, data: { lastInstant: new Date(instant) } })
      const refused = await run(url, world.as.partner, 'updateVehicle', { id, name: 'x' })
      expect(refused.code).toBe(within ? 'NOT_OWNER' : 'VEHICLE_NOT_FOUND')
    }
  })

  it('mutations are refused or let through by the instant, too', async () => {
    const lent = await lendSoon()
    const { id } = lent
    const [partner, owner] = await Promise.all([
      watch(lent, async () => (await run(url, world.as.partner, 'updateVehicle', { id, name: 'x' })).code as string),
      // Without endsAt it is refused in any case, and says whether there is something to end.
      watch(lent, async () => (await run(url, world.as.owner, 'updateSharingEnd', { vehicleId: id })).code as string),
    ])
    compare(lent, partner, ['VEHICLE_NOT_FOUND', 'NOT_OWNER'])
    compare(lent, owner, ['NOT_SHARED', 'INVALID_INPUT'])
  })

  it('a subscription of the partner has the events of its window; the first lock of the vehicle settles', async () => {
    await run(url, world.as.partner, 'createVehicle', {})
    const follower = await follow(url, world.as.partner)
    const lent = await lendSoon()
    const { id, sharing } = lent
    let count = 0
    const renamed = await watch(lent, async () => {
      const name = `change ${count++}`
      return (await run(url, world.as.owner, 'updateVehicle', { id, name })).vehicle.name === name
    })
    expect(renamed.every(({ answer }) => answer)).toBe(true)
    const last = (await run(url, world.as.partner, 'createVehicle', {})).vehicle.id as string

    const log = (await readAll(url, world.as.owner, { filter: { vehicleIds: [id] } })).slice(1)
    expect(log.filter(({ type }) => type === 'VEHICLE_CHANGED')).toHaveLength(count)
    const inWindow = log.filter(
      ({ type, occurredAt }) =>
        type !== 'VEHICLE_CHANGED' || (occurredAt >= iso(lent.startsAt) && occurredAt < iso(lent.endsAt)),
    )
    expect(inWindow.length).toBeGreaterThan(3)
    const seen = await follower.events(inWindow.length + 1)
    follower.stop()
    expect(seen.at(-1)).toMatchObject({ vehicleId: last })
    expect(seen.slice(0, -1).map(({ cursor }) => cursor)).toEqual(inWindow.map(({ cursor }) => cursor))
    expect(seen[0]).toMatchObject({ type: 'SHARING_SCHEDULED', sharing: { id: sharing } })
    expect(seen[1]).toMatchObject({ type: 'SHARING_STARTED', occurredAt: iso(lent.startsAt), requestId: null })
    expect(seen.at(-2)).toMatchObject({ type: 'SHARING_ENDED', occurredAt: iso(lent.endsAt), requestId: null })
    // In the log the due instants stand where they belong among the others.
    const instants = log.map(({ occurredAt }) => occurredAt)
    expect(instants).toEqual(instants.toSorted())
  })
})
