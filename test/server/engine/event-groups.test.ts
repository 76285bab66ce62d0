import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { run } from '../../support/api.ts'
import { endOfLog, TRANSPORTS } from '../../support/events.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { subscribe } from '../../support/sockets.ts'
import type { Subscription } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const DOCUMENT = `subscription ($after: String, $first: Int = 1) { vehicleEvents(after: $after) {
  type requestId vehicle { id name sharings(first: $first) { nodes { id } } viewerCan { update { code } } }
  ... on SharingEvent { sharing { status } } } }`

let server: TestServer
let world: World
let vehicleId: string
/** How often vehicles were read for an answer. */
let reads = 0
beforeAll(async () => {
  server = await startServer({
    announce: false,
    onStatement: (sql) => (reads += sql.includes('FROM vehicle AS v LEFT JOIN LATERAL') ? 1 : 0),
  })
  world = await makeWorld(server)
})
afterAll(() => server.close())
beforeEach(async () => {
  vehicleId = await world.newVehicle({ name: 'before' })
})

const openAll = async (count: number, token: string, variables: object, open = subscribe): Promise<Subscription[]> => {
  const after = await endOfLog(server.url, token)
  const all = await Promise.all(
    Array.from({ length: count }, () => open(server.url, token, DOCUMENT, { after, ...variables })),
  )
  // Each has one event behind it: all are at the head, and wait.
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'at the head' })
  await Promise.all(all.map(({ received }) => received(1)))
  return all
}

const lastOf = async ({ received }: Subscription, count = 2) => (await received(count)).at(-1)

it.each(TRANSPORTS)(
  'an event is evaluated once for all subscribers with the same selection over %s',
  async (_, open) => {
    // Fewer than after which a turn looks at the clock, and may end: the rest would have the event evaluated again.
    const all = await openAll(15, world.as.owner, {}, open)
    reads = 0
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'live' })
    const received = await Promise.all(all.map((subscription) => lastOf(subscription)))
    expect(new Set(received.map((result) => JSON.stringify(result)))).toHaveLength(1)
    expect(received[0].data.vehicleEvents.vehicle).toMatchObject({ id: vehicleId, name: 'live' })
    // Once for them, and nothing for the answer to the mutation, which knows what it did.
    expect(reads).toBe(1)
    for (const { stop } of all) stop()
  },
)

it('a subscriber with other rights, or another selection by a variable, gets a result of its own', async () => {
  const viewer = await server.token(world.owner, 'viewer')
  await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const [manager] = await openAll(1, world.as.owner, {})
  const [reader] = await openAll(1, viewer, {})
  const [brief] = await openAll(1, world.as.owner, { first: 0 })
  const [partner] = await openAll(1, world.as.partner, {})
  const all = [manager, reader, brief, partner].map((subscription) => subscription as Subscription)
  await run(server.url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: '2099-01-01T00:00:00Z' })
  // How much came before it is another number for each.
  const endMoved = async ({ received }: Subscription) => {
    for (let count = 1; ; count++) {
      const { vehicleEvents } = (await received(count))[count - 1].data
      if (vehicleEvents.type === 'SHARING_END_CHANGED') return vehicleEvents
    }
  }
  const seen = await Promise.all(all.map(endMoved))
  expect(new Set(seen.map(({ requestId }) => requestId)).size).toBe(1)
  expect(seen.map(({ vehicle }) => vehicle.viewerCan.update.code)).toEqual([
    null,
    'ROLE_NOT_SUFFICIENT',
    null,
    'NOT_OWNER',
  ])
  expect(seen.map(({ vehicle }) => vehicle.sharings.nodes.length)).toEqual([1, 1, 0, 1])
  const [own, borrowed] = ['SHARED_OWN_VEHICLE', 'SHARED_PARTNER_VEHICLE']
  expect(seen.map(({ sharing }) => sharing.status)).toEqual([own, own, own, borrowed])
  for (const { stop } of all) stop()
})

it('an event shows the vehicle as it is now, also after it was shown to others', async () => {
  const [first] = await openAll(1, world.as.owner, {})
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'one' })
  expect((await lastOf(first as Subscription)).data.vehicleEvents.vehicle.name).toBe('one')
  const place = await endOfLog(server.url, world.as.owner)
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'two' })
  await (first as Subscription).received(3)
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'three' })
  await (first as Subscription).received(4)
  // The event of "two" comes from memory, where it was evaluated for the other before.
  const late = await subscribe(server.url, world.as.owner, DOCUMENT, { after: place })
  const names = (await late.received(2)).map(({ data }) => data.vehicleEvents.vehicle.name)
  expect(names).toEqual(['three', 'three'])
  for (const { stop } of [first as Subscription, late]) stop()
})
