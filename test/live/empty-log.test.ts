import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Variables } from '../support/api.ts'
import { follow, readAll, TRANSPORTS } from '../support/events.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

const PAGE = `query ($first: Int, $last: Int, $before: String, $filter: VehicleEventFilter) {
  vehicleEvents(first: $first, last: $last, before: $before, filter: $filter) {
    nodes { id } pageInfo { hasNextPage startCursor endCursor } } }`

describe.each(DATABASE_KINDS)('a log without events, on %s', async (database) => {
  const server = await serverForAll({ database })
  const { url } = server
  const world = await makeWorld(server)
  const { owner } = world.as
  const newFleet = async () => {
    const { fleet } = await run(url, world.as.admin, 'createFleet', { name: randomUUID() })
    return server.token(fleet.id as string, 'manager')
  }
  const page = async (token: string, variables: Variables = {}) =>
    (await ask(url, token, PAGE, variables)).vehicleEvents
  const created = async (token: string) => (await run(url, token, 'createVehicle', {})).vehicle.id as string
  const vehicleIds = (events: readonly { readonly vehicleId: string }[]) => events.map(({ vehicleId }) => vehicleId)

  it.each(TRANSPORTS)(
    'is followed over %s from the cursor of its empty page, and nothing is missed',
    async (_, open) => {
      const token = await newFleet()
      for (const variables of [{}, { last: 1 }, { first: 500 }]) {
        const { nodes, pageInfo } = await page(token, variables)
        expect([nodes, pageInfo]).toMatchObject([[], { hasNextPage: false, startCursor: null }])
        expect(pageInfo.endCursor).toEqual(expect.any(String))
      }
      const after = (await page(token)).pageInfo.endCursor
      // Between the page and the subscription.
      const first = await created(token)
      const follower = await follow(url, token, { after, open })
      const second = await created(token)
      expect(vehicleIds(await follower.events(2))).toEqual([first, second])
      expect(vehicleIds(await readAll(url, token, { after }))).toEqual([first, second])
      expect((await page(token, { before: after })).nodes).toEqual([])
      follower.stop()
    },
  )

  it('has the same cursor whatever others do, and for all fleets', async () => {
    const [one, other] = [await newFleet(), await newFleet()]
    const { endCursor } = (await page(one)).pageInfo
    await created(owner)
    expect((await page(one)).pageInfo.endCursor).toBe(endCursor)
    expect((await page(other)).pageInfo.endCursor).toBe(endCursor)
  })

  it('is not one of which no event was asked for', async () => {
    await created(owner)
    const none = { startCursor: null, endCursor: null }
    expect((await page(owner, { first: 0 })).pageInfo).toMatchObject({ ...none, hasNextPage: true })
    expect((await page(owner, { last: 0 })).pageInfo).toMatchObject(none)
  })
})
