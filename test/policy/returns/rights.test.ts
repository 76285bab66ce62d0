import { describe, expect, it } from 'vitest'
import { commandDispatches } from '../../support/gateway.ts'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import type { Party } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, inHours, iso } from '../../support/world.ts'

const END = { endPolicy: 'WHEN_IDLE' }
const START = { startPolicy: 'WHEN_IDLE' }
const NAMES = ['update', 'delete', 'sendCommand', 'startSharing', 'updateSharingEnd', 'endSharing', 'setUse'] as const
const MAY = `viewerCan { ${NAMES.map((name) => `${name} { allowed code until }`).join(' ')} }`

describe.each(DATABASE_KINDS)('rights while a handover waits, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  /** Of each permission: yes or its code, and until when. */
  async function may(vehicleId: string, who: Party) {
    const vehicle = await world.seen(vehicleId, who, MAY)
    return NAMES.map((name) => {
      const { allowed, code, until } = vehicle.viewerCan[name]
      return [allowed ? 'yes' : code, until] as const
    })
  }
  const table = (codes: readonly string[], until: string | null) => codes.map((code) => [code, until])
  const LENT = [
    'yes',
    'SHARED_WITH_PARTNER',
    'SHARED_WITH_PARTNER',
    'ALREADY_SHARED',
    'yes',
    'yes',
    'SHARED_WITH_PARTNER',
  ]
  const PARTNER = ['NOT_OWNER', 'NOT_OWNER', 'yes', 'NOT_OWNER', 'NOT_OWNER', 'yes', 'yes']
  const PLANNED = ['yes', 'ALREADY_SHARED', 'yes', 'ALREADY_SHARED', 'NOT_SHARED', 'NOT_SHARED', 'yes']
  /** `update` is the owner's always: nothing changes that. */
  const always = (rows: readonly (readonly [string, string | null])[]) => rows.slice(1)

  async function lent(readings: object, more: object = {}) {
    const vehicleId = await world.vehicle(readings)
    const endsAt = Date.now() + SOON
    const latestEndsAt = iso(endsAt + HOUR)
    const { id } = await world.lend(vehicleId, { ...END, endsAt: iso(endsAt), latestEndsAt, ...more })
    return { vehicleId, id: id as string, endsAt, latestEndsAt }
  }

  it.concurrent('of an end that may wait hold until latestEndsAt, before the overrun and in it', async () => {
    const { vehicleId, endsAt, latestEndsAt } = await lent(DRIVES)
    const check = async () => {
      expect(always(await may(vehicleId, 'owner'))).toEqual(table(LENT, latestEndsAt).slice(1))
      const partner = await may(vehicleId, 'partner')
      expect(partner.map(([code]) => code)).toEqual(PARTNER)
      for (const index of [2, 5, 6]) expect(partner[index]).toEqual(['yes', latestEndsAt])
    }
    await check()
    await at(endsAt)
    await check()
    await world.settle(vehicleId)
    await check()
  })

  it.concurrent('of an end on time hold until endsAt, of an open one without a limit', async () => {
    const endsAt = inHours(1)
    const { vehicleId } = await lent(DRIVES, { endPolicy: 'ON_TIME', endsAt, latestEndsAt: null })
    expect(always(await may(vehicleId, 'owner'))).toEqual(table(LENT, endsAt).slice(1))
    const open = await lent(DRIVES, { endsAt: null, latestEndsAt: null })
    expect(always(await may(open.vehicleId, 'owner'))).toEqual(table(LENT, null).slice(1))
    // A wish alone has no instant at which it comes true.
    await world.act('owner', 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
    expect((await may(vehicleId, 'partner'))[2]).toEqual(['yes', endsAt])
  })

  it.concurrent.each([
    ['until endsAt', inHours(2)],
    ['without a limit where there is no end', null],
  ])('of a start that waits hold %s', async (_what, endsAt) => {
    const vehicleId = await world.vehicle(DRIVES)
    const more = endsAt === null ? {} : { ...END, latestEndsAt: inHours(3) }
    await world.lend(vehicleId, { ...START, endsAt, ...more })
    const owner = await may(vehicleId, 'owner')
    expect(owner.map(([code]) => code)).toEqual(PLANNED)
    // What the owner may do already it still may when nothing is handed over by then.
    for (const index of [1, 3]) expect(owner[index]?.[1]).toBe(endsAt)
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
  })

  it.concurrent('of a start that is yet to come hold until startsAt', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    const startsAt = inHours(1)
    await world.lend(vehicleId, { ...START, startsAt, ...END, endsAt: inHours(2), latestEndsAt: inHours(3) })
    const owner = await may(vehicleId, 'owner')
    for (const index of [2, 6]) expect(owner[index]).toEqual(['yes', startsAt])
  })

  /** Which of some vehicles a list names, and how many there are. */
  async function listed(who: Party, relation: string, ids: readonly string[]) {
    const query = `query ($filter: VehicleFilter) { vehicles(first: 100, filter: $filter) { nodes { id } totalCount } }`
    const { vehicles } = await world.read(who, query, { filter: { relation, ids } })
    expect(vehicles.totalCount).toBe(vehicles.nodes.length)
    return vehicles.nodes.map(({ id }: { id: string }) => id).toSorted() as string[]
  }
  async function phased(phase: string, vehicleId: string, who: Party = 'owner') {
    const query = 'query ($filter: SharingFilter) { sharings(filter: $filter) { nodes { id } } }'
    const { sharings } = await world.read(who, query, { filter: { phase, vehicleId } })
    return sharings.nodes.length as number
  }

  it.concurrent('go by the real start and end in every list, announced or not', async () => {
    const due = Date.now() + 1.5 * SOON
    const [until, latestEndsAt] = [iso(due), iso(due + HOUR)]
    const made = new Map<string, string>()
    const make = async (name: string, readings: object, input: object) => {
      const id = await world.vehicle(readings)
      await world.lend(id, { ...input })
      made.set(name, id)
    }
    await make('back', STANDS, { ...END, endsAt: until, latestEndsAt })
    await make('late', DRIVES, { ...END, endsAt: until, latestEndsAt })
    await make('gone', STANDS, { ...START, startsAt: until })
    await make('kept', DRIVES, { ...START, startsAt: until })
    await make('taken', DRIVES, { startsAt: until })
    await at(due)
    const idOf = (name: string) => made.get(name) ?? ''
    const shared = ['late', 'gone', 'taken'].map(idOf).toSorted()
    const ids = [...made.values()]
    const phases = { back: 'ENDED', late: 'ACTIVE', gone: 'ACTIVE', kept: 'SCHEDULED', taken: 'ACTIVE' }
    const check = async () => {
      expect(await listed('owner', 'OWNED', ids)).toEqual(ids.toSorted())
      expect(await listed('owner', 'SHARED_OUT', ids)).toEqual(shared)
      expect(await listed('partner', 'SHARED_IN', ids)).toEqual(shared)
      for (const [name, phase] of Object.entries(phases)) {
        for (const who of ['owner', 'partner'] as const) {
          for (const other of ['SCHEDULED', 'ACTIVE', 'ENDED', 'CANCELLED']) {
            expect([name, other, await phased(other, idOf(name), who)]).toEqual([name, other, other === phase ? 1 : 0])
          }
        }
      }
    }
    await check()
    for (const id of ids) await world.settle(id)
    await check()
  })

  it.concurrent('of the partner reach a gateway in an overrun', async () => {
    const { vehicleId, endsAt } = await lent(DRIVES)
    await at(endsAt)
    const { command } = await world.command('partner', vehicleId, 'LOCK_CENTRAL_LOCK')
    const dispatches = await commandDispatches(server.url, world.gateway, [vehicleId])
    const [first] = await dispatches.received(1)
    dispatches.stop()
    expect(first.data.commandDispatches).toMatchObject({ commandId: command.id })
  })

  describe('the audience of events', () => {
    /** The occurredAt of the reports that somebody sees of a vehicle. */
    const reports = async (vehicleId: string, who: Party) =>
      (await world.log(vehicleId, who))
        .filter(({ type }) => type === 'STATE_RECORDED')
        .map(({ occurredAt }) => occurredAt)

    it.concurrent('of reports, late ones too, goes by the real start and end', async () => {
      const vehicleId = await world.vehicle(null)
      await world.tell(vehicleId, DRIVES, Date.now() - HOUR / 2)
      const endsAt = Date.now() + SOON
      const period = { endsAt: iso(endsAt), ...END, latestEndsAt: iso(endsAt + HOUR) }
      const { id, startsAt } = await world.lend(vehicleId, { ...START, ...period })
      await world.tell(vehicleId, STANDS)
      const began = Date.parse((await world.sharing(id)).startedAt)
      expect(began).toBeGreaterThan(Date.parse(startsAt))
      await world.tell(vehicleId, DRIVES)
      await at(endsAt)
      await world.tell(vehicleId, DRIVES)
      await world.tell(vehicleId, STANDS)
      const ended = Date.parse((await world.sharing(id)).endedAt)
      expect(ended).toBeGreaterThan(endsAt)
      const before = await reports(vehicleId, 'partner')
      expect(before).toHaveLength(3)
      const late = {
        due: Date.parse(startsAt),
        waiting: began - 1,
        start: began,
        overrun: endsAt,
        last: ended - 1,
        end: ended,
      }
      await world.batch(...Object.values(late).map((instant) => [vehicleId, { energyPercent: 9 }, instant] as const))
      const theirs = [late.start, late.overrun, late.last].map(iso)
      expect((await reports(vehicleId, 'partner')).slice(before.length)).toEqual(theirs)
      expect((await reports(vehicleId, 'owner')).slice(-6)).toEqual(Object.values(late).map(iso))
      expect(await world.log(vehicleId, 'rival')).toEqual([])
    })

    it.concurrent('of an end that came on time, though it might have waited', async () => {
      const vehicleId = await world.vehicle(STANDS)
      const endsAt = Date.now() + SOON
      await world.lend(vehicleId, { endsAt: iso(endsAt), ...END, latestEndsAt: iso(endsAt + HOUR) })
      await at(endsAt)
      await world.batch([vehicleId, { energyPercent: 9 }, endsAt - 1], [vehicleId, { energyPercent: 9 }, endsAt])
      expect(await reports(vehicleId, 'partner')).toEqual([iso(endsAt - 1)])
    })

    it.concurrent('of what comes between a due start and the real one is the owner alone', async () => {
      const vehicleId = await world.vehicle(DRIVES)
      await world.lend(vehicleId, START)
      await world.act('owner', 'updateVehicle', { id: vehicleId, name: 'still mine' })
      await world.use('owner', vehicleId, true)
      await world.use('owner', vehicleId, false)
      await world.command('owner', vehicleId)
      await world.tell(vehicleId, STANDS)
      expect(story(await world.log(vehicleId, 'partner'))).toEqual([
        'SHARING_SCHEDULED',
        'SHARING_START_AWAITED',
        'SHARING_STARTED',
      ])
    })

    it.concurrent('of what comes in an overrun is the partner, too', async () => {
      const vehicleId = await world.vehicle(DRIVES)
      const endsAt = Date.now() + SOON
      await world.lend(vehicleId, { endsAt: iso(endsAt), ...END, latestEndsAt: iso(endsAt + HOUR) })
      await at(endsAt)
      await world.act('owner', 'updateVehicle', { id: vehicleId, name: 'late' })
      await world.use('partner', vehicleId, true)
      await world.tell(vehicleId, STANDS)
      await world.use('partner', vehicleId, false)
      await world.act('owner', 'updateVehicle', { id: vehicleId, name: 'back' })
      const shared = [
        'SHARING_STARTED',
        'SHARING_END_REQUESTED',
        'VEHICLE_CHANGED',
        'VEHICLE_USE_CHANGED',
        'STATE_RECORDED',
        'VEHICLE_USE_CHANGED',
        'SHARING_ENDED',
      ]
      expect(story(await world.log(vehicleId, 'partner'))).toEqual(shared)
      expect(story(await world.log(vehicleId))).toEqual(['STATE_RECORDED', ...shared, 'VEHICLE_CHANGED'])
    })
  })
})
