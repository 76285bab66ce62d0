import { describe, expect, it } from 'vitest'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, inHours, iso } from '../../support/world.ts'

const WAITS = { endPolicy: 'WHEN_IDLE' }
const PERIOD = { code: 'INVALID_PERIOD', path: ['latestEndsAt'] }

describe.each(DATABASE_KINDS)('latestEndsAt, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  const [one, two, three, four] = [inHours(1), inHours(2), inHours(3), inHours(4)]

  it.concurrent.each([
    ['without a policy', { endsAt: one, latestEndsAt: two }],
    ['with an end on time', { endsAt: one, endPolicy: 'ON_TIME', latestEndsAt: two }],
    ['at the end itself, without a policy', { endsAt: one, latestEndsAt: one }],
    ['without an end or a policy', { latestEndsAt: two }],
    ['without an end', { ...WAITS, latestEndsAt: two }],
    ['missing with an end and the policy', { ...WAITS, endsAt: one }],
    ['null with an end and the policy', { ...WAITS, endsAt: one, latestEndsAt: null }],
    ['before the end', { ...WAITS, endsAt: two, latestEndsAt: one }],
    ['a millisecond before the end', { ...WAITS, endsAt: two, latestEndsAt: iso(Date.parse(two) - 1) }],
  ])('is refused %s, for now and for later', async (_what, input) => {
    const vehicleId = await world.vehicle()
    for (const startsAt of [null, inHours(0.5)]) {
      const answer = await world.act('owner', 'startSharing', { vehicleId, fleetId: world.partner, startsAt, ...input })
      expect(answer).toMatchObject({ __typename: 'InputError', ...PERIOD })
    }
    expect(story(await world.log(vehicleId))).toEqual(['STATE_RECORDED'])
  })

  it.concurrent('may be the end itself, and is told with the sharing and its events', async () => {
    const vehicleId = await world.vehicle()
    const made = await world.lend(vehicleId, { startsAt: one, ...WAITS, endsAt: two, latestEndsAt: two })
    expect(made).toMatchObject({ startPolicy: 'ON_TIME', ...WAITS, endsAt: two, latestEndsAt: two })
    expect((await world.log(vehicleId)).at(-1)).toMatchObject({ endsAt: two, latestEndsAt: two })
    expect(await world.sharing(made.id, 'partner')).toMatchObject({ ...WAITS, latestEndsAt: two })
  })

  const move = (vehicleId: string, input: object) => world.act('owner', 'updateSharingEnd', { vehicleId, ...input })
  const changes = async (vehicleId: string) =>
    (await world.log(vehicleId)).filter(({ type }) => type === 'SHARING_END_CHANGED')

  it.concurrent('moves with the end, by as much, unless it is given', async () => {
    const vehicleId = await world.vehicle()
    await world.lend(vehicleId, { ...WAITS, endsAt: one, latestEndsAt: two })
    const moves = [
      [{ endsAt: two }, { endsAt: two, latestEndsAt: three }],
      [
        { endsAt: one, latestEndsAt: null },
        { endsAt: one, latestEndsAt: two },
      ],
      [
        { endsAt: two, latestEndsAt: four },
        { endsAt: two, latestEndsAt: four },
      ],
      [
        { endsAt: two, latestEndsAt: three },
        { endsAt: two, latestEndsAt: three },
      ],
      [
        { endsAt: two, latestEndsAt: two },
        { endsAt: two, latestEndsAt: two },
      ],
      [{ endsAt: null }, { endsAt: null, latestEndsAt: null }],
      [
        { endsAt: three, latestEndsAt: four },
        { endsAt: three, latestEndsAt: four },
      ],
    ] as const
    for (const [input, expected] of moves) {
      expect((await move(vehicleId, input)).sharing).toMatchObject(expected)
      for (const who of ['owner', 'partner'] as const) {
        expect((await world.log(vehicleId, who)).at(-1)).toMatchObject({ type: 'SHARING_END_CHANGED', ...expected })
      }
    }
    expect(await changes(vehicleId)).toHaveLength(moves.length)
  })

  it.concurrent('that stays, with an end that stays, is no event', async () => {
    const vehicleId = await world.vehicle()
    await world.lend(vehicleId, { ...WAITS, endsAt: one, latestEndsAt: two })
    for (const more of [{}, { latestEndsAt: null }, { latestEndsAt: two }]) {
      expect((await move(vehicleId, { endsAt: one, ...more })).sharing).toMatchObject({
        endsAt: one,
        latestEndsAt: two,
      })
    }
    expect(await changes(vehicleId)).toEqual([])
  })

  it.concurrent('is refused where it makes no sense, whatever is moved', async () => {
    const [onTime, open, due] = [await world.vehicle(), await world.vehicle(), await world.vehicle()]
    await world.lend(onTime, { endsAt: one })
    await world.lend(open, WAITS)
    await world.lend(due, { ...WAITS, endsAt: one, latestEndsAt: two })
    for (const latestEndsAt of [one, two]) {
      expect(await move(onTime, { endsAt: one, latestEndsAt })).toMatchObject(PERIOD)
    }
    for (const more of [{}, { latestEndsAt: null }])
      expect(await move(open, { endsAt: one, ...more })).toMatchObject(PERIOD)
    expect(await move(open, { endsAt: null, latestEndsAt: two })).toMatchObject(PERIOD)
    expect(await move(due, { endsAt: null, latestEndsAt: two })).toMatchObject(PERIOD)
    expect(await move(due, { endsAt: two, latestEndsAt: one })).toMatchObject(PERIOD)
    expect(await move(due, { latestEndsAt: three })).toMatchObject({ code: 'INVALID_INPUT', path: ['endsAt'] })
    expect((await move(open, { endsAt: one, latestEndsAt: one })).sharing).toMatchObject({ latestEndsAt: one })
    for (const vehicleId of [onTime, due]) expect(await changes(vehicleId)).toEqual([])
  })

  it.concurrent('of a scheduled sharing moves as well', async () => {
    const vehicleId = await world.vehicle()
    const period = { startsAt: one, ...WAITS, endsAt: two, latestEndsAt: three }
    const { id: sharingId } = await world.lend(vehicleId, period)
    expect((await move(vehicleId, { sharingId, endsAt: three })).sharing).toMatchObject({ latestEndsAt: four })
  })

  /** A sharing whose end waits. */
  async function overrun(wish?: 'owner' | 'partner', grace = HOUR) {
    const vehicleId = await world.vehicle(DRIVES)
    const endsAt = Date.now() + SOON
    const latest = endsAt + grace
    const { id } = await world.lend(vehicleId, { ...WAITS, endsAt: iso(endsAt), latestEndsAt: iso(latest) })
    if (wish) await world.act(wish, 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
    const { endRequestedAt } = await world.sharing(id)
    await at(endsAt)
    return { vehicleId, id: id as string, endsAt, latest, endRequestedAt }
  }

  it.concurrent('in an overrun: a later end ends the wait, and is decided for itself', async () => {
    const { vehicleId, id, endsAt } = await overrun()
    const later = Date.now() + SOON
    const { sharing } = await move(vehicleId, { endsAt: iso(later) })
    const moved = { phase: 'ACTIVE', endsAt: iso(later), latestEndsAt: iso(later + HOUR), endRequestedAt: null }
    expect(sharing).toMatchObject(moved)
    expect(await world.sharing(id, 'partner')).toMatchObject(moved)
    // Idle before the new end: nothing waits for that any more.
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE' })
    await world.tell(vehicleId, DRIVES)
    await at(later)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', endRequestedAt: iso(later) })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED' })
    expect((await world.log(vehicleId)).filter(({ of }) => of)).toMatchObject([
      { type: 'SHARING_STARTED' },
      { type: 'SHARING_END_REQUESTED', occurredAt: iso(endsAt), endsAt: iso(endsAt) },
      { type: 'SHARING_END_CHANGED', endsAt: iso(later), latestEndsAt: iso(later + HOUR) },
      { type: 'SHARING_END_REQUESTED', occurredAt: iso(later), endsAt: iso(later), requestId: null },
      { type: 'SHARING_ENDED' },
    ])
  })

  it.concurrent('in an overrun: an open end ends the wait', async () => {
    const { vehicleId, id } = await overrun()
    const opened = { phase: 'ACTIVE', endsAt: null, latestEndsAt: null, endRequestedAt: null }
    expect((await move(vehicleId, { endsAt: null })).sharing).toMatchObject(opened)
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject(opened)
  })

  it.concurrent("in an overrun: a party's wish stays", async () => {
    const { vehicleId, id, endRequestedAt } = await overrun('partner')
    const { sharing } = await move(vehicleId, { endsAt: inHours(1) })
    expect(sharing).toMatchObject({ phase: 'ACTIVE', endRequestedAt })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'ENDED_BY_PARTNER' })
  })

  it.concurrent('in an overrun: latestEndsAt alone may change, sooner or later, and the wait goes on', async () => {
    const { vehicleId, id, endsAt } = await overrun()
    for (const latestEndsAt of [inHours(5), inHours(0.5)]) {
      const { sharing } = await move(vehicleId, { endsAt: iso(endsAt), latestEndsAt })
      const moved = { phase: 'ACTIVE', endsAt: iso(endsAt), latestEndsAt, endRequestedAt: iso(endsAt) }
      expect(sharing).toMatchObject(moved)
      const event = { type: 'SHARING_END_CHANGED', endsAt: iso(endsAt), latestEndsAt }
      expect((await world.log(vehicleId, 'partner')).at(-1)).toMatchObject(event)
    }
    const latest = Date.now() + 700
    await move(vehicleId, { endsAt: iso(endsAt), latestEndsAt: iso(latest) })
    await at(latest)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(latest) })
    await world.settle(vehicleId)
    expect((await world.log(vehicleId)).filter(({ type }) => type === 'SHARING_END_REQUESTED')).toHaveLength(1)
  })

  it.concurrent('in an overrun: the end that has passed may be given again, another may not', async () => {
    const { vehicleId, id, endsAt, latest } = await overrun()
    const again = { endsAt: iso(endsAt) }
    for (const same of [again, { ...again, latestEndsAt: null }, { ...again, latestEndsAt: iso(latest) }]) {
      expect((await move(vehicleId, same)).sharing).toMatchObject({ id, latestEndsAt: iso(latest) })
    }
    expect(await changes(vehicleId)).toEqual([])
    for (const passed of [iso(endsAt), iso(Date.now())]) {
      expect(await move(vehicleId, { ...again, latestEndsAt: passed })).toMatchObject(PERIOD)
    }
    for (const other of [endsAt - 1, endsAt + 1]) {
      const answer = await move(vehicleId, { endsAt: iso(other), latestEndsAt: inHours(1) })
      expect(answer).toMatchObject({ code: 'INVALID_PERIOD', path: ['endsAt'] })
    }
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', endRequestedAt: iso(endsAt) })
  })

  it.concurrent('in an overrun: is for its owner alone, and not for the next sharing', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    const endsAt = iso(Date.now() + SOON)
    await world.lend(vehicleId, { ...WAITS, endsAt, latestEndsAt: one })
    const next = await world.lend(vehicleId, { fleetId: world.rival.id, startsAt: two })
    await at(Date.parse(endsAt))
    const input = { vehicleId, endsAt, latestEndsAt: three }
    expect(await world.act('partner', 'updateSharingEnd', input)).toMatchObject({ code: 'NOT_OWNER' })
    expect(await move(vehicleId, input)).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id: next.id } })
    expect((await move(vehicleId, { endsAt, latestEndsAt: two })).sharing).toMatchObject({ latestEndsAt: two })
  })
})
