import { describe, expect, it } from 'vitest'
import { ask, mutations, post, run } from './support/api.ts'
import type { Answer, Variables } from './support/api.ts'
import { readAll } from './support/events.ts'
import type { SeenEvent } from './support/events.ts'
import { secondForAll, serverForAll } from './support/server.ts'
import { at, iso, makeWorld } from './support/world.ts'

const PARTNERS = 20

const first = await serverForAll()
const servers = [first, await secondForAll(first)] as const
const world = await makeWorld(first)
const partners: string[] = await Promise.all(
  Array.from({ length: PARTNERS }, async (_, index) => {
    const { fleet } = await run(first.url, world.as.admin, 'createFleet', { name: `Partner ${index}` })
    await run(first.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, fleet.id] })
    return fleet.id
  }),
)

type Outcome = { readonly requestId: string | null; readonly result: Answer['data'] }

/** Runs a mutation on one instance or the other. @throws when it is answered by anything but its union */
async function act(turn: number, token: string, name: keyof typeof mutations, input: Variables): Promise<Outcome> {
  const { url } = servers[turn % 2 === 0 ? 0 : 1]
  const { data, errors, headers } = await post(url, token, mutations[name], { input })
  if (errors) throw new Error(`unexpected errors: ${JSON.stringify(errors)}`)
  return { requestId: headers.get('x-request-id'), result: data[name] }
}

/** The code of each refusal; null for a success. */
const codes = (outcomes: readonly Outcome[]): (string | null)[] =>
  outcomes.map(({ result }) => (result.code as string | undefined) ?? null)
const succeeded = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter(({ result }) => result.code === undefined)

/** In an order of their own. */
const requestIds = (of: readonly { readonly requestId: string | null }[]): string[] =>
  of.map(({ requestId }) => String(requestId)).toSorted()

/** The log of a vehicle behind its creation, as its owner reads it. */
const logOf = async (vehicleId: string): Promise<SeenEvent[]> =>
  (await readAll(servers[0].url, world.as.owner, { filter: { vehicleIds: [vehicleId] } })).slice(1)

const sharingOf = async (id: string) =>
  (
    await ask(
      servers[1].url,
      world.as.owner,
      'query ($id: ID!) { sharing(id: $id) { phase endsAt endedAt endReason } }',
      { id },
    )
  ).sharing

/** Rounds by number, a few at a time: enough to overlap, and not so many that they only wait for each other. */
async function rounds(count: number, round: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < count) await round(next++)
  }
  await Promise.all(Array.from({ length: 6 }, work))
}

/** Time to agree on something before it comes. Milliseconds. */
const AHEAD = 1_000
/** Most rounds aim at the instant itself, every fourth well ahead of it, so that both sides of it are met. */
const aim = (index: number, instant: number) => at(index % 4 === 0 ? instant - 200 : instant - 15 + ((index * 7) % 19))

it('of 200 starts at once for one vehicle, to 20 partners, one succeeds and all others are ALREADY_SHARED', async () => {
  const vehicleId = await world.newVehicle()
  const outcomes = await Promise.all(
    Array.from({ length: 10 * PARTNERS }, (_, turn) =>
      act(turn, world.as.owner, 'startSharing', { vehicleId, fleetId: partners[turn % PARTNERS] }),
    ),
  )
  const [winner, ...others] = succeeded(outcomes)
  expect(others).toEqual([])
  const { id } = winner?.result.sharing ?? {}
  const refused = outcomes.filter((outcome) => outcome !== winner)
  for (const { result } of refused) expect(result).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id } })
  const log = await logOf(vehicleId)
  expect(log).toMatchObject([{ type: 'SHARING_STARTED', requestId: winner?.requestId, sharing: { id } }])
})

it('of many starts at once exactly those with periods that do not overlap succeed', async () => {
  const vehicleId = await world.newVehicle()
  const base = Date.now() + 3_600_000
  const wanted = Array.from({ length: 100 }, (_, index) => {
    const startsAt = base + ((index * 37) % 61)
    return { startsAt, endsAt: startsAt + 1 + ((index * 17) % 9) }
  })
  const outcomes = await Promise.all(
    wanted.map(({ startsAt, endsAt }, turn) => {
      const period = { startsAt: iso(startsAt), endsAt: iso(endsAt) }
      return act(turn, world.as.owner, 'startSharing', { vehicleId, fleetId: partners[turn % PARTNERS], ...period })
    }),
  )
  const asked = codes(outcomes)
  const taken = wanted.filter((_, index) => asked[index] === null)
  const inTheWay = ({ startsAt, endsAt }: (typeof wanted)[number]) =>
    taken.filter((other) => other.startsAt < endsAt && startsAt < other.endsAt)
  for (const period of taken) expect(inTheWay(period)).toEqual([period])
  for (const [index, period] of wanted.entries()) {
    expect(asked[index]).toBe(taken.includes(period) ? null : 'ALREADY_SHARED')
    expect(inTheWay(period).length).toBeGreaterThan(0)
  }
  expect(await logOf(vehicleId)).toHaveLength(taken.length)
})

it('when owner and partner end a sharing at once, one succeeds, and it ends once', async () => {
  const { owner, partner } = world.as
  const winners = new Set<string>()
  await rounds(40, async (index) => {
    const vehicleId = await world.newVehicle()
    const started = await act(index, owner, 'startSharing', { vehicleId, fleetId: world.partner })
    const end = (turn: number, token: string) => act(turn, token, 'endSharing', { vehicleId })
    // Each sends first in half of the rounds.
    const first = end(index, index % 2 === 0 ? owner : partner)
    const second = end(index + 1, index % 2 === 0 ? partner : owner)
    const [byOwner, byPartner] = await Promise.all(index % 2 === 0 ? [first, second] : [second, first])
    const endReason = byOwner.result.code === undefined ? 'ENDED_BY_OWNER' : 'ENDED_BY_PARTNER'
    winners.add(endReason)
    const lost = endReason === 'ENDED_BY_OWNER' ? [null, 'VEHICLE_NOT_FOUND'] : ['NOT_SHARED', null]
    expect(codes([byOwner, byPartner])).toEqual(lost)
    const { requestId } = endReason === 'ENDED_BY_OWNER' ? byOwner : byPartner
    expect(await logOf(vehicleId)).toMatchObject([
      { type: 'SHARING_STARTED', requestId: started.requestId },
      { type: 'SHARING_ENDED', endReason, requestId },
    ])
  })
  expect(winners.size).toBe(2)
})

it('of 20 fleets of one name made at once there is one', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, turn) => act(turn, world.as.admin, 'createFleet', { name: 'The One' })),
  )
  expect(succeeded(outcomes)).toHaveLength(1)
  expect(codes(outcomes).filter((code) => code === 'CONFLICT')).toHaveLength(19)
  const { fleets } = await ask(servers[0].url, world.as.admin, '{ fleets(first: 100) { nodes { name } } }')
  expect(fleets.nodes.filter(({ name }: { name: string }) => name === 'The One')).toHaveLength(1)
})

describe('around an instant that comes by itself', () => {
  it('ending, moving the end and the due end make one history, and the answers agree with it', async () => {
    const { owner, partner } = world.as
    const seen = new Set<string | undefined>()
    await rounds(40, async (index) => {
      const vehicleId = await world.newVehicle()
      const due = Date.now() + AHEAD
      const input = { vehicleId, fleetId: world.partner, endsAt: iso(due) }
      const started = await act(index, owner, 'startSharing', input)
      expect(codes([started])).toEqual([null])
      const moves = [due + 3, due - 2, due + 7].map((endsAt, nth) => async () => {
        await at(due - 12 + 4 * nth)
        return act(index + nth, owner, 'updateSharingEnd', { vehicleId, endsAt: iso(endsAt) })
      })
      const ends = [owner, partner].map((token, nth) => async () => {
        await aim(index + 5 * nth, due)
        return act(index + nth, token, 'endSharing', { vehicleId })
      })
      const [moved, ended] = await Promise.all([
        Promise.all(moves.map((move) => move())),
        Promise.all(ends.map((end) => end())),
      ])
      // The last possible end: whatever was agreed, it is over then.
      await at(due + 8)
      const late = await act(index, owner, 'endSharing', { vehicleId })
      expect(codes([late])).toEqual(['NOT_SHARED'])

      for (const code of codes(moved)) expect([null, 'NOT_SHARED', 'INVALID_PERIOD']).toContain(code)
      const [byOwner, byPartner] = codes(ended)
      expect([null, 'NOT_SHARED']).toContain(byOwner)
      expect([null, 'VEHICLE_NOT_FOUND']).toContain(byPartner)

      await act(index, owner, 'updateVehicle', { id: vehicleId, name: 'Over' })
      const log = await logOf(vehicleId)
      const [start, ...rest] = log
      const [end, over] = rest.splice(-2)
      expect([start?.type, end?.type, over?.type]).toEqual(['SHARING_STARTED', 'SHARING_ENDED', 'VEHICLE_CHANGED'])
      expect(rest.map(({ type }) => type)).toEqual(rest.map(() => 'SHARING_END_CHANGED'))
      expect(requestIds(rest)).toEqual(requestIds(succeeded(moved)))
      const winners = succeeded(ended)
      const endsAt = rest.at(-1)?.endsAt ?? iso(due)
      expect(end?.endsAt).toBe(endsAt)
      if (winners.length === 0) {
        expect(end).toMatchObject({ occurredAt: endsAt, requestId: null, endReason: 'EXPIRED' })
      } else {
        expect(winners).toHaveLength(1)
        const endReason = winners[0] === ended[0] ? 'ENDED_BY_OWNER' : 'ENDED_BY_PARTNER'
        expect(end).toMatchObject({ requestId: winners[0]?.requestId, endReason })
        expect(Date.parse(end?.occurredAt ?? '')).toBeLessThan(Date.parse(endsAt))
      }
      seen.add(end?.endReason ?? undefined)
      // Each change came while the sharing was in force by what was agreed until then.
      const agreed = [iso(due), ...rest.map((event) => event.endsAt ?? '')]
      for (const [nth, { occurredAt }] of rest.entries()) expect(occurredAt < (agreed[nth] ?? '')).toBe(true)
      expect(await sharingOf(started.result.sharing.id)).toEqual({
        phase: 'ENDED',
        endsAt,
        endedAt: end?.occurredAt,
        endReason: end?.endReason,
      })
      const instants = log.map(({ occurredAt }) => occurredAt)
      expect(instants).toEqual(instants.toSorted())
    })
    expect(seen.size).toBeGreaterThan(1)
  })

  it('a scheduled sharing is called off before its start or ended after it, and never both or neither', async () => {
    const { owner, partner } = world.as
    const seen = new Set<string | undefined>()
    await rounds(40, async (index) => {
      const vehicleId = await world.newVehicle()
      const startsAt = Date.now() + AHEAD
      const input = { vehicleId, fleetId: world.partner, startsAt: iso(startsAt) }
      const { result } = await act(index, owner, 'startSharing', input)
      const { id: sharingId } = result.sharing
      const ended = await Promise.all(
        [owner, partner].map(async (token, nth) => {
          await aim(index + 3 * nth, startsAt)
          return act(index + nth, token, 'endSharing', { vehicleId, sharingId })
        }),
      )
      const winners = succeeded(ended)
      expect(winners).toHaveLength(1)
      expect(codes(ended).filter((code) => code !== null)).toMatchObject([
        winners[0] === ended[0] ? 'VEHICLE_NOT_FOUND' : 'NOT_SHARED',
      ])
      const by = winners[0] === ended[0] ? 'OWNER' : 'PARTNER'
      const [, ...log] = await logOf(vehicleId)
      const last = { requestId: winners[0]?.requestId }
      if (log.length === 1) {
        expect(log).toMatchObject([{ ...last, type: 'SHARING_CANCELLED', endReason: `CANCELLED_BY_${by}` }])
        expect(Date.parse(log[0]?.occurredAt ?? '')).toBeLessThan(startsAt)
      } else {
        expect(log).toMatchObject([
          { type: 'SHARING_STARTED', occurredAt: iso(startsAt), requestId: null },
          { ...last, type: 'SHARING_ENDED', endReason: `ENDED_BY_${by}` },
        ])
        expect(Date.parse(log[1]?.occurredAt ?? '')).toBeGreaterThan(startsAt)
      }
      seen.add(log.at(-1)?.type)
    })
    expect(seen.size).toBe(2)
  })
})
