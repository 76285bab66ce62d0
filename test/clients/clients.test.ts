import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { endOfLog } from '../support/events.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { createApollo, known, lend, roster, stories } from './apollo.ts'
import { RefusedError } from './refusal.ts'
import { borrowed, moveEnd } from './tada.ts'
import { createUrql, steps, unlock, whyNot } from './urql.ts'

let server: TestServer
let world: World
beforeEach(async () => {
  server = await startServer()
  world = await makeWorld(server)
})
afterEach(() => server.close())

/** What a subscription told, and a promise of so much of it. */
function telling<T>() {
  const told: T[] = []
  const waiting = new Map<number, () => void>()
  return {
    tell: (one: T) => {
      told.push(one)
      waiting.get(told.length)?.()
    },
    first: async (count: number) => {
      if (told.length < count) await new Promise<void>((resolve) => waiting.set(count, resolve))
      return told.slice(0, count)
    },
  }
}

describe('Apollo Client, with the code of the client preset,', () => {
  it('reads page by page, mutates, catches a refusal, reads its cache, and follows events', async () => {
    for (const name of ['a', 'b', 'c']) await world.newVehicle({ name })
    const vehicleId = await world.newVehicle({ name: 'd' })
    const { client, close } = createApollo(server.url, () => world.as.owner)
    expect((await roster(client)).toSorted()).toEqual(['a: at home', 'b: at home', 'c: at home', 'd: at home'])

    const { tell, first } = telling<string>()
    const following = stories(client, await endOfLog(server.url, world.as.owner), tell)
    expect(await lend(client, vehicleId, world.partner)).toMatchObject({ endsAt: null })
    expect(known(client, vehicleId)).toMatchObject({ name: 'd', sharing: { partner: { name: 'Partner' } } })
    expect(await roster(client)).toContain('d: Partner')

    const refused = lend(client, vehicleId, world.partner)
    await expect(refused).rejects.toThrow(RefusedError)
    await expect(refused).rejects.toMatchObject({ code: 'ALREADY_SHARED' })

    await run(server.url, world.as.partner, 'endSharing', { vehicleId })
    expect(await first(2)).toEqual(['sharing goes on', 'sharing ENDED_BY_PARTNER'])
    following.unsubscribe()
    await close()
  })
})

describe('urql, with the code of the client preset,', () => {
  it('asks for permissions, sends a command, catches a refusal, and follows over server-sent events', async () => {
    const vehicleId = await world.newVehicle()
    const client = createUrql(server.url, () => world.as.owner)
    const { tell, first } = telling<readonly [string, string]>()
    const after = await endOfLog(server.url, world.as.owner)
    const following = steps(client, vehicleId, after, (id, to) => tell([id, to]))

    expect(await whyNot(client, vehicleId)).toBe(null)
    const { id, status } = await unlock(client, vehicleId)
    expect(status).toBe('PENDING')
    await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    expect(await first(2)).toEqual([
      [id, 'PENDING'],
      [id, 'CANCELLED_BY_HANDOVER'],
    ])
    expect(await whyNot(client, vehicleId)).toBe('SHARED_WITH_PARTNER')
    await expect(unlock(client, vehicleId)).rejects.toMatchObject({ code: 'SHARED_WITH_PARTNER' })
    following.unsubscribe()
  })
})

describe('types inferred by gql.tada', () => {
  it('read a list, tell one failure from the others, and catch those', async () => {
    const vehicleId = await world.newVehicle()
    const endsAt = '2099-01-01T12:00:00.000Z'
    const { owner, partner } = world.as
    await expect(moveEnd(server.url, owner, vehicleId, endsAt)).rejects.toMatchObject({ code: 'NOT_SHARED' })
    await run(server.url, owner, 'startSharing', { vehicleId, fleetId: world.partner })
    expect(await borrowed(server.url, partner, { phase: 'ACTIVE' })).toEqual(['Partner until further notice'])
    expect(await moveEnd(server.url, owner, vehicleId, endsAt)).toBe(`Partner until ${endsAt}`)
    expect(await moveEnd(server.url, owner, vehicleId, '2001-01-01T00:00:00Z')).toBe('wrong: endsAt')
    expect(await borrowed(server.url, partner, { phase: 'SCHEDULED' })).toEqual([])
  })
})
