import { describe, expect, it } from 'vitest'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, inHours, iso } from '../../support/world.ts'

const END = { endPolicy: 'WHEN_IDLE' }
const START = { startPolicy: 'WHEN_IDLE' }

describe.each(DATABASE_KINDS)('the next sharing, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  /** Lent to the partner to be back soon, half a second later at the latest, and then to the rival. */
  async function backToBack(readings: object, next: object | ((latest: number) => object), from = SOON, grace = 500) {
    const vehicleId = await world.vehicle(readings)
    const endsAt = Date.now() + from
    const latest = endsAt + grace
    const first = await world.lend(vehicleId, { ...END, endsAt: iso(endsAt), latestEndsAt: iso(latest) })
    const more = typeof next === 'function' ? next(latest) : next
    const second = await world.lend(vehicleId, { fleetId: world.rival.id, startsAt: iso(latest), ...more })
    return { vehicleId, endsAt, latest, first: first.id as string, second: second.id as string }
  }
  const log = async (vehicleId: string, who: 'owner' | 'partner' | 'rival' = 'owner') =>
    (await world.log(vehicleId, who)).filter(({ type }) => type !== 'STATE_RECORDED')

  it.concurrent('is not agreed for any time that the first may take', async () => {
    const vehicleId = await world.vehicle()
    const [endsAt, latestEndsAt] = [inHours(2), inHours(3)]
    const { id } = await world.lend(vehicleId, { startsAt: inHours(1), endsAt, ...END, latestEndsAt })
    const start = (more: object) => world.act('owner', 'startSharing', { vehicleId, fleetId: world.rival.id, ...more })
    const conflict = { code: 'ALREADY_SHARED', conflict: { id } }
    for (const startsAt of [endsAt, iso(Date.parse(latestEndsAt) - 1)]) {
      expect(await start({ startsAt })).toMatchObject(conflict)
    }
    expect(await start({ ...START })).toMatchObject(conflict)
    expect(await start({ endsAt: inHours(0.5), ...END, latestEndsAt: inHours(1.5) })).toMatchObject(conflict)
    const next = await start({ startsAt: latestEndsAt })
    expect(next.sharing).toMatchObject({ phase: 'SCHEDULED', startsAt: latestEndsAt })
    // Nor by moving the first one's end: its latest end counts.
    const behind = { code: 'ALREADY_SHARED', conflict: { id: next.sharing.id } }
    const move = (more: object) => world.act('owner', 'updateSharingEnd', { vehicleId, sharingId: id, ...more })
    expect(await move({ endsAt, latestEndsAt: iso(Date.parse(latestEndsAt) + 1) })).toMatchObject(behind)
    expect(await move({ endsAt: iso(Date.parse(endsAt) + 1) })).toMatchObject(behind)
    expect(await move({ endsAt: null })).toMatchObject(behind)
    expect(await move({ endsAt: latestEndsAt, latestEndsAt })).toMatchObject({ sharing: { id, endsAt: latestEndsAt } })
  })

  it.concurrent('may be agreed as soon as the first has ended, before its latest end', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    const endsAt = Date.now() + SOON
    await world.lend(vehicleId, { ...END, endsAt: iso(endsAt), latestEndsAt: iso(endsAt + HOUR) })
    await at(endsAt)
    const again = { vehicleId, fleetId: world.rival.id }
    expect((await world.act('owner', 'startSharing', again)).code).toBe('ALREADY_SHARED')
    await world.tell(vehicleId, STANDS)
    const { sharing } = await world.act('owner', 'startSharing', again)
    expect(sharing).toMatchObject({ phase: 'ACTIVE' })
    await world.act('owner', 'endSharing', { vehicleId })
    expect((await world.lend(vehicleId, { startsAt: inHours(0.5) })).phase).toBe('SCHEDULED')
  })

  it.concurrent('may be agreed once the first was back at endsAt, before anything announces that', async () => {
    const vehicleId = await world.vehicle(STANDS)
    const endsAt = Date.now() + SOON
    await world.lend(vehicleId, { ...END, endsAt: iso(endsAt), latestEndsAt: iso(endsAt + HOUR) })
    await at(endsAt)
    expect((await world.lend(vehicleId, { fleetId: world.rival.id })).phase).toBe('ACTIVE')
    expect(story(await log(vehicleId))).toEqual(['SHARING_STARTED', 'SHARING_ENDED', 'SHARING_STARTED'])
  })

  it.concurrent('starts where the overrun ends: the end first, at the same instant', async () => {
    const { vehicleId, endsAt, latest, first, second } = await backToBack(DRIVES, {})
    await at(latest)
    expect(await world.sharing(first)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(latest) })
    expect(await world.sharing(second)).toMatchObject({ phase: 'ACTIVE', startedAt: iso(latest) })
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
    expect(await world.seen(vehicleId, 'rival')).toMatchObject({ sharing: { id: second } })
    await world.settle(vehicleId)
    const asked = { type: 'SHARING_END_REQUESTED', of: first, occurredAt: iso(endsAt) }
    const ended = { type: 'SHARING_ENDED', of: first, occurredAt: iso(latest) }
    const started = { type: 'SHARING_STARTED', of: second, occurredAt: iso(latest), requestId: null }
    expect((await log(vehicleId)).slice(-3)).toMatchObject([asked, ended, started])
    expect((await log(vehicleId, 'partner')).slice(-2)).toMatchObject([asked, ended])
    expect((await log(vehicleId, 'rival')).slice(-2)).toMatchObject([{ type: 'SHARING_SCHEDULED' }, started])
  })

  it.concurrent('is not held up by a use that the end before it clears', async () => {
    const { vehicleId, latest, first, second } = await backToBack(STANDS, START)
    await world.use('partner', vehicleId, true)
    await at(latest)
    expect(await world.sharing(first)).toMatchObject({ phase: 'ENDED', endedAt: iso(latest) })
    expect(await world.sharing(second)).toMatchObject({
      phase: 'ACTIVE',
      startedAt: iso(latest),
      startAwaitedSince: null,
    })
    expect(await world.seen(vehicleId, 'rival')).toMatchObject({ use: null })
    await world.settle(vehicleId)
    expect(story(await log(vehicleId)).slice(-3)).toEqual(['SHARING_END_REQUESTED', 'SHARING_ENDED', 'SHARING_STARTED'])
    expect(await world.sharing(second)).toMatchObject({ startedAt: iso(latest) })
  })

  it.concurrent('is not held up by a use that an end ON_TIME clears, either', async () => {
    const vehicleId = await world.vehicle(STANDS)
    const due = iso(Date.now() + SOON)
    await world.lend(vehicleId, { endsAt: due })
    const { id } = await world.lend(vehicleId, { fleetId: world.rival.id, startsAt: due, ...START })
    await world.use('partner', vehicleId, true)
    await at(Date.parse(due))
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', startedAt: due })
  })

  it.concurrent('waits with the owner after an overrun that came to its latest end', async () => {
    const { vehicleId, latest, first, second } = await backToBack(DRIVES, START)
    await at(latest)
    expect(await world.sharing(first)).toMatchObject({ phase: 'ENDED', endedAt: iso(latest) })
    expect(await world.sharing(second)).toMatchObject({ phase: 'SCHEDULED', startAwaitedSince: iso(latest) })
    expect((await world.command('owner', vehicleId)).command).toMatchObject({ status: 'PENDING' })
    for (const who of ['partner', 'rival'] as const) expect(await world.seen(vehicleId, who)).toBeNull()
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(second)).toMatchObject({ phase: 'ACTIVE', startAwaitedSince: null })
    expect((await log(vehicleId)).filter(({ of }) => of).slice(-3)).toMatchObject([
      { type: 'SHARING_ENDED', of: first, occurredAt: iso(latest) },
      { type: 'SHARING_START_AWAITED', of: second, occurredAt: iso(latest), requestId: null },
      { type: 'SHARING_STARTED', of: second, requestId: expect.any(String) },
    ])
    expect((await log(vehicleId, 'partner')).at(-1)).toMatchObject({ type: 'SHARING_ENDED', of: first })
  })

  it.concurrent('follows in one report what waited for nobody to look: all of it in order', async () => {
    const { vehicleId, endsAt, latest, first, second } = await backToBack(DRIVES, START)
    await at(latest)
    await world.tell(vehicleId, STANDS)
    expect((await world.log(vehicleId)).slice(-5)).toMatchObject([
      { type: 'SHARING_END_REQUESTED', of: first, occurredAt: iso(endsAt), requestId: null },
      { type: 'SHARING_ENDED', of: first, occurredAt: iso(latest), requestId: null },
      { type: 'SHARING_START_AWAITED', of: second, occurredAt: iso(latest), requestId: null },
      { type: 'STATE_RECORDED' },
      { type: 'SHARING_STARTED', of: second },
    ])
  })

  it.concurrent('that comes to nothing after an overrun is settled in order, too', async () => {
    const next = (startsAt: number) => ({ ...START, endsAt: iso(startsAt + 400) })
    const { vehicleId, latest, first, second } = await backToBack(DRIVES, next, SOON, 300)
    await at(latest + 400)
    expect(await world.sharing(second)).toMatchObject({ phase: 'CANCELLED', endReason: 'NOT_HANDED_OVER' })
    expect(await world.seen(vehicleId)).toMatchObject({ sharing: null })
    await world.settle(vehicleId)
    expect((await log(vehicleId)).slice(-4).map(({ type, of }) => [type, of])).toEqual([
      ['SHARING_END_REQUESTED', first],
      ['SHARING_ENDED', first],
      ['SHARING_START_AWAITED', second],
      ['SHARING_CANCELLED', second],
    ])
  })

  it.concurrent('starts as planned though the first came back earlier', async () => {
    const { vehicleId, endsAt, latest, first, second } = await backToBack(DRIVES, {}, SOON, 1_500)
    await at(endsAt)
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(first)).toMatchObject({ phase: 'ENDED' })
    expect(await world.sharing(second)).toMatchObject({ phase: 'SCHEDULED', startAwaitedSince: null })
    await at(latest)
    expect(await world.sharing(second)).toMatchObject({ phase: 'ACTIVE', startedAt: iso(latest) })
  })

  it.concurrent('of two that are due at one instant the start finds the readings of that instant', async () => {
    const { vehicleId, latest, first, second } = await backToBack(DRIVES, START)
    // The moment that the first overruns its latest end nobody looks; what is told then is later.
    await at(latest)
    await world.tell(vehicleId, { mileageKm: 5 })
    const [ended, waits] = [await world.sharing(first), await world.sharing(second)]
    expect(ended.returned).toMatchObject({ speedKmh: { value: 30 }, mileageKm: null })
    expect(waits).toMatchObject({ phase: 'SCHEDULED', handover: null })
  })

  describe('reports in batches', () => {
    /** A vehicle whose end waits, or whose start does. */
    async function waits(which: 'end' | 'start', readings: object = DRIVES) {
      const vehicleId = await world.vehicle(readings)
      const { id } = await world.lend(vehicleId, which === 'start' ? START : {})
      if (which === 'end') await world.act('owner', 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
      return { vehicleId, id: id as string }
    }

    it.concurrent.each(['end', 'start'] as const)('are judged as a whole: an %s that waits', async (which) => {
      const { vehicleId, id } = await waits(which)
      const before = (await world.sharing(id)).phase as string
      const now = Date.now()
      await world.batch(
        [vehicleId, DRIVES, now - 3],
        [vehicleId, STANDS, now - 2],
        [vehicleId, { speedKmh: 9 }, now - 1],
      )
      expect((await world.sharing(id)).phase).toBe(before)
      // The latest reading counts, not the last in the batch.
      await world.batch([vehicleId, { speedKmh: 7 }, now + 1], [vehicleId, { speedKmh: 0 }, now])
      expect((await world.sharing(id)).phase).toBe(before)
      await world.batch([vehicleId, { speedKmh: 0 }, now + 3], [vehicleId, { speedKmh: 5 }, now + 2])
      expect((await world.sharing(id)).phase).toBe(which === 'end' ? 'ENDED' : 'ACTIVE')
      const log = story(await world.log(vehicleId)).slice(-3)
      expect(log).toEqual(['STATE_RECORDED', 'STATE_RECORDED', which === 'end' ? 'SHARING_ENDED' : 'SHARING_STARTED'])
    })

    it.concurrent('hand over what they make idle, behind all of their reports in the log', async () => {
      const made = await Promise.all((['end', 'start', 'end', 'start', 'end'] as const).map((which) => waits(which)))
      const bystander = await world.vehicle()
      const ids = made.map(({ vehicleId }) => vehicleId)
      const now = Date.now()
      const [last = '', ...others] = ids.toReversed()
      await world.batch(
        ...others.map((id) => [id, STANDS, now] as const),
        [last, { speedKmh: 0 }, now],
        [bystander, DRIVES, now],
        [last, STANDS, now],
        [others[0] ?? '', { mileageKm: 4 }, now],
      )
      const log = (await world.log([...ids, bystander])).slice(-(ids.length + 3 + ids.length))
      expect(story(log.slice(0, ids.length + 3))).toEqual(Array(ids.length + 3).fill('STATE_RECORDED'))
      expect(new Set(log.map(({ requestId }) => requestId)).size).toBe(1)
      const handovers = log.slice(ids.length + 3)
      expect(new Set(handovers.map(({ of }) => of))).toEqual(new Set(made.map(({ id }) => id)))
      for (const { id } of made.slice(0, 1)) {
        expect((await world.sharing(id)).returned).toMatchObject({ speedKmh: { value: 0 } })
      }
      expect((await world.sharing(made[3]?.id ?? '')).handover).toMatchObject({ mileageKm: { value: 4 } })
    })

    it.concurrent('settle what fell due ahead of their reports', async () => {
      const due = Date.now() + SOON
      const policy = { ...END, endsAt: iso(due), latestEndsAt: iso(due + HOUR) }
      const [back, late] = [await world.vehicle(STANDS), await world.vehicle(DRIVES)]
      await world.lend(back, policy)
      await world.lend(late, policy)
      await at(due)
      await world.batch([back, DRIVES], [late, STANDS])
      expect(story(await world.log(back)).slice(-2)).toEqual(['SHARING_ENDED', 'STATE_RECORDED'])
      expect(story(await world.log(late)).slice(-3)).toEqual([
        'SHARING_END_REQUESTED',
        'STATE_RECORDED',
        'SHARING_ENDED',
      ])
      // The first ended at its due instant, so what came then is the owner's.
      expect(story(await world.log(back, 'partner'))).toEqual(['SHARING_STARTED', 'SHARING_ENDED'])
      expect(story(await world.log(late, 'partner')).at(-2)).toBe('STATE_RECORDED')
    })
  })
})
