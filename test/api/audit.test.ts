import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ask, mutations, post } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { SEND } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { sign } from '../support/signing.ts'
import { HOUR, inHours, makeWorld } from '../support/world.ts'

const TRAIL = `query ($first: Int, $after: String, $last: Int, $before: String, $vehicleId: ID) {
  auditTrail(first: $first, after: $after, last: $last, before: $before, filter: { vehicleId: $vehicleId }) {
    nodes { occurredAt action fleet { id } subject vehicleId sharingId refusal requestId } edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

describe.each(DATABASE_KINDS)('the audit trail, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeWorld(server)

  const trail = async (token: string, variables: Variables = {}): Promise<Answer['data']> =>
    (await ask(server.url, token, TRAIL, variables)).auditTrail
  const shown = async (token: string, vehicleId: string) =>
    (await trail(token, { vehicleId })).nodes.map(
      (entry: Answer['data']) => `${entry.fleet.id} ${entry.action} ${entry.refusal ?? 'done'}`,
    )

  /** @returns its request's id */
  async function change(token: string, name: keyof typeof mutations | 'sendCommand', input: Variables) {
    const requestId = randomUUID()
    const query = name === 'sendCommand' ? SEND : mutations[name]
    const { errors } = await post(server.url, token, query, { input }, { 'X-Request-Id': requestId })
    expect(errors).toBeUndefined()
    return requestId
  }

  it('has actions for both parties, refusals for the fleet that asked, and those of a partner for the owner', async () => {
    const vehicleId = await world.newVehicle()
    const { owner, partner, stranger } = world.as
    const share = { vehicleId, fleetId: world.partner }
    await change(stranger, 'endSharing', { vehicleId })
    await change(partner, 'sendCommand', { vehicleId, type: 'DRAW_ATTENTION' })
    await change(owner, 'endSharing', { vehicleId })
    const started = await change(owner, 'startSharing', share)
    await change(owner, 'startSharing', share)
    await change(partner, 'updateSharingEnd', { vehicleId, endsAt: null })
    await change(owner, 'sendCommand', { vehicleId, type: 'DRAW_ATTENTION' })
    await change(owner, 'updateSharingEnd', { vehicleId, endsAt: inHours(1) })
    await change(partner, 'sendCommand', { vehicleId, type: 'DRAW_ATTENTION' })
    await change(partner, 'endSharing', { vehicleId })
    const [o, p] = [world.owner, world.partner]
    const end = `${p} END_SHARING done`
    const moved = `${o} UPDATE_SHARING_END done`
    expect(await shown(owner, vehicleId)).toEqual([
      end,
      `${p} SEND_COMMAND done`,
      moved,
      `${o} SEND_COMMAND SHARED_WITH_PARTNER`,
      `${p} UPDATE_SHARING_END NOT_OWNER`,
      `${o} START_SHARING ALREADY_SHARED`,
      `${o} START_SHARING done`,
      `${o} END_SHARING NOT_SHARED`,
    ])
    expect(await shown(partner, vehicleId)).toEqual([
      end,
      `${p} SEND_COMMAND done`,
      moved,
      `${p} UPDATE_SHARING_END NOT_OWNER`,
      `${o} START_SHARING done`,
      `${p} SEND_COMMAND VEHICLE_NOT_FOUND`,
    ])
    expect(await shown(stranger, vehicleId)).toHaveLength(1)
    const { nodes } = await trail(partner, { vehicleId })
    const start = nodes.find(({ requestId }: Answer['data']) => requestId === started)
    const { events } = await eventsOf(vehicleId)
    const event = events.find(({ requestId }: Answer['data']) => requestId === started)
    expect(start).toMatchObject({ vehicleId, sharingId: event.sharing.id, occurredAt: event.recordedAt })
  })

  const eventsOf = async (vehicleId: string) => {
    const query = `query ($id: ID!) { vehicleEvents(filter: { vehicleIds: [$id] }) {
      nodes { requestId recordedAt ... on SharingEvent { sharing { id } } } } }`
    return { events: (await ask(server.url, world.as.owner, query, { id: vehicleId })).vehicleEvents.nodes }
  }

  it('names the person to its own fleet alone, and has no entry for a request that changes nothing', async () => {
    const alice = await sign(server, { fleet_id: world.owner, roles: 'manager', sub: 'alice' })
    const vehicleId = await world.newVehicle()
    const start = { vehicleId, fleetId: world.partner, idempotencyKey: randomUUID(), endsAt: inHours(1) }
    for (let time = 0; time < 3; time++) await change(alice, 'startSharing', start)
    await change(alice, 'updateSharingEnd', { vehicleId, endsAt: start.endsAt })
    const [own, others] = [await trail(world.as.owner, { vehicleId }), await trail(world.as.partner, { vehicleId })]
    expect([own.nodes.length, others.nodes.length]).toEqual([1, 1])
    expect(own.nodes[0].subject).toBe('alice')
    expect(others.nodes[0].subject).toBeNull()
    expect({ ...others.nodes[0], subject: 'alice' }).toEqual(own.nodes[0])
  })

  it.each(['a\0b', '\ud800', '😀'.repeat(500)])('takes any subject of a token: %j', async (sub) => {
    const vehicleId = await world.newVehicle()
    const token = await sign(server, { fleet_id: world.owner, roles: 'manager', sub })
    await change(token, 'endSharing', { vehicleId })
    await change(token, 'startSharing', { vehicleId, fleetId: world.partner })
    const { nodes } = await trail(token, { vehicleId })
    expect(nodes).toHaveLength(2)
    expect(nodes[0].subject.length).toBeLessThanOrEqual(200)
  })

  it('keeps 60 refusals of a fleet in a minute, and all that was done', async () => {
    const vehicleId = await world.newVehicle()
    for (let time = 0; time < 65; time++) await change(world.as.stranger, 'endSharing', { vehicleId })
    expect((await trail(world.as.stranger, { vehicleId, first: 100 })).nodes.length).toBeLessThanOrEqual(60)
  })

  it('goes by pages, either way', async () => {
    const vehicleId = await world.newVehicle()
    for (let time = 0; time < 5; time++) await change(world.as.owner, 'endSharing', { vehicleId })
    const all = await trail(world.as.owner, { vehicleId })
    const ids = (page: Answer['data']) => page.nodes.map(({ requestId }: Answer['data']) => requestId)
    const first = await trail(world.as.owner, { vehicleId, first: 2 })
    const second = await trail(world.as.owner, { vehicleId, first: 2, after: first.pageInfo.endCursor })
    expect([...ids(first), ...ids(second)]).toEqual(ids(all).slice(0, 4))
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, true])
    const last = await trail(world.as.owner, { vehicleId, last: 2 })
    expect(ids(last)).toEqual(ids(all).slice(3))
    const before = await trail(world.as.owner, { vehicleId, last: 2, before: last.pageInfo.startCursor })
    expect(ids(before)).toEqual(ids(all).slice(1, 3))
    const { errors } = await post(server.url, world.as.owner, TRAIL, { after: all.pageInfo.endCursor.slice(1) })
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    // Nor is a place in the log one in the trail.
    const log = await ask(server.url, world.as.owner, '{ vehicleEvents(first: 1) { pageInfo { endCursor } } }')
    const foreign = Buffer.from(JSON.stringify(['auditTrail', log.vehicleEvents.pageInfo.endCursor])).toString(
      'base64url',
    )
    const refused = await post(server.url, world.as.owner, TRAIL, { after: foreign })
    expect(refused.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
  })

  it('is for fleets, and takes any text as a vehicle', async () => {
    for (const who of ['admin', 'gateway'] as const) {
      const { errors } = await post(server.url, await server.token(null, who), TRAIL)
      expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    }
    for (const vehicleId of ['', 'NONE', 'a\0b', '\ud800', 'x'.repeat(10_000)]) {
      await change(world.as.owner, 'endSharing', { vehicleId })
      const { nodes } = await trail(world.as.owner, { vehicleId })
      expect(nodes.length).toBe(vehicleId === 'NONE' ? 1 : 0)
    }
  })

  it('is kept as long as events are', async () => {
    const vehicleId = await world.newVehicle()
    await change(world.as.owner, 'endSharing', { vehicleId })
    expect(await server.app.prisma.audit.prune(HOUR)).toBe(false)
    expect(await shown(world.as.owner, vehicleId)).toHaveLength(1)
    await server.app.prisma.audit.prune(0)
    expect(await shown(world.as.owner, vehicleId)).toEqual([])
  })
})
