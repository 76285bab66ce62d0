import { describe, expect, it } from 'vitest'
import { endOfLog, follow } from '../../support/events.ts'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, secondForAll, serverForAll } from '../../support/server.ts'
import { at, HOUR, iso } from '../../support/world.ts'

const END = { endPolicy: 'WHEN_IDLE' }
const START = { startPolicy: 'WHEN_IDLE' }

/** Instances announce here what falls due: two of them where the database has room for two. */
describe.each(DATABASE_KINDS)('waiting that is announced, on %s', async (database) => {
  const server = await serverForAll({ database })
  if (database === 'postgres') await secondForAll(server)
  const world = await makeReturns(server)

  it('tells both parties of every step, once, at its instant, without being asked', async () => {
    const due = Date.now() + 2 * SOON
    const latest = due + 600
    const period = { endsAt: iso(due), ...END, latestEndsAt: iso(latest) }
    const [back, late, out, gone, kept, never] = [
      await world.vehicle(STANDS),
      await world.vehicle(DRIVES),
      await world.vehicle(DRIVES),
      await world.vehicle(STANDS),
      await world.vehicle(DRIVES),
      await world.vehicle(DRIVES),
    ]
    const [inTime, overdue] = [
      { ...period, latestEndsAt: iso(due + HOUR) },
      { ...START, startsAt: iso(due) },
    ]
    await world.lend(back, inTime)
    await world.lend(late, inTime)
    await world.lend(out, period)
    await world.lend(gone, overdue)
    await world.lend(kept, overdue)
    await world.lend(never, { ...overdue, endsAt: iso(latest) })
    expect(Date.now()).toBeLessThan(due)
    const after = await endOfLog(server.url, world.as.owner)
    const followers = await Promise.all(
      (['owner', 'partner'] as const).map((who) => follow(server.url, world.tokens[who], { after })),
    )
    const expected = [
      [back, 'SHARING_ENDED', due],
      [late, 'SHARING_END_REQUESTED', due],
      [out, 'SHARING_END_REQUESTED', due],
      [gone, 'SHARING_STARTED', due],
      [kept, 'SHARING_START_AWAITED', due],
      [never, 'SHARING_START_AWAITED', due],
      [out, 'SHARING_ENDED', latest],
      [never, 'SHARING_CANCELLED', latest],
    ] as const
    for (const { events } of followers) {
      const seen = await events(expected.length)
      for (const [vehicleId, type, instant] of expected) {
        const found = seen.filter((event) => event.vehicleId === vehicleId && event.type === type)
        expect(found).toMatchObject([{ occurredAt: iso(instant), requestId: null }])
      }
    }
    // What was announced is not announced again; what waits, waits for the vehicle.
    await at(latest + 500)
    await world.batch([late, STANDS], [kept, STANDS])
    for (const [nth, { events, seen, stop }] of followers.entries()) {
      // Both handovers, and the readings: the partner does not see those from before the start.
      await events(expected.length + (nth === 0 ? 4 : 3))
      const types = (vehicleId: string) => seen().filter((event) => event.vehicleId === vehicleId)
      expect(story(types(late)).filter((type) => type !== 'STATE_RECORDED')).toEqual([
        'SHARING_END_REQUESTED',
        'SHARING_ENDED',
      ])
      expect(story(types(kept)).filter((type) => type !== 'STATE_RECORDED')).toEqual([
        'SHARING_START_AWAITED',
        'SHARING_STARTED',
      ])
      stop()
    }
    const all = await world.log([back, late, out, gone, kept, never])
    const timed = all.filter(({ requestId }) => requestId === null)
    expect(timed).toHaveLength(expected.length)
  })

  it('a scheduled handover with nothing to wait for is announced as ever, in order', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    const startsAt = Date.now() + SOON
    const [first, second, last] = [startsAt, startsAt + 200, startsAt + 400].map(iso)
    await world.lend(vehicleId, { startsAt: first, endsAt: second, ...END, latestEndsAt: second })
    await world.lend(vehicleId, { startsAt: second, endsAt: last, ...END, latestEndsAt: last, fleetId: world.rival.id })
    const follower = await follow(server.url, world.as.owner, {
      filter: { vehicleIds: [vehicleId], types: ['SHARING_STARTED', 'SHARING_ENDED', 'SHARING_END_REQUESTED'] },
    })
    expect((await follower.events(4)).map(({ type, occurredAt }) => [type, occurredAt])).toEqual([
      ['SHARING_STARTED', first],
      ['SHARING_ENDED', second],
      ['SHARING_STARTED', second],
      ['SHARING_ENDED', last],
    ])
    follower.stop()
  })
})
