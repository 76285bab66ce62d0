import { describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import { commandDispatches, outcome, readCommand, STATUSES } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: CommandFilter) {
  commands(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { id status vehicleId requestedAt vehicle { id } fleet { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

type Found = { id: string; status: string; vehicleId: string; requestedAt: string }

describe.each(DATABASE_KINDS)('the list of commands on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)
  const { as, rival, newVehicle, lend, send } = world

  const list = async (token: string, args: Variables = {}): Promise<Answer['data']> =>
    (await ask(server.url, token, PAGE, args)).commands
  const idsOf = async (token: string, args: Variables = {}): Promise<string[]> =>
    (await list(token, { first: 100, ...args })).nodes.map(({ id }: Found) => id)

  it('has what the fleet can read, newest first', async () => {
    const vehicleId = await newVehicle()
    const own = await send(vehicleId)
    await lend(vehicleId)
    const partners = await send(vehicleId, { token: as.partner })
    await run(server.url, as.owner, 'endSharing', { vehicleId })
    await lend(vehicleId, { fleetId: rival.id })
    const rivals = await send(vehicleId, { token: rival.token })
    const filter = { vehicleId }
    expect(await idsOf(as.owner, { filter })).toEqual([rivals.id, partners.id, own.id])
    expect(await idsOf(as.partner, { filter })).toEqual([partners.id])
    expect(await idsOf(rival.token, { filter })).toEqual([rivals.id])
    expect(await idsOf(as.stranger, { filter })).toEqual([])
    expect((await idsOf(as.owner)).slice(0, 3)).toEqual([rivals.id, partners.id, own.id])
    expect((await idsOf(as.partner))[0]).toBe(partners.id)
    expect(await idsOf(as.stranger)).toEqual([])
    const [first] = (await list(as.partner, { filter })).nodes
    expect(first).toMatchObject({ vehicle: null, fleet: { id: world.partner } })
    for (const token of [as.owner, as.partner, rival.token]) {
      for (const id of await idsOf(token)) expect(await readCommand(server.url, token, id)).not.toBeNull()
    }
  })

  it('is read in pages from either end, each command once', async () => {
    const ids = [await newVehicle(), await newVehicle()]
    for (let turn = 0; turn < 7; turn++) await send(ids[turn % 2] ?? '')
    for (const filter of [null, { vehicleId: ids[0] }, { status: 'PENDING' }]) {
      const all = await idsOf(as.owner, { filter })
      expect(all.length).toBeGreaterThan(3)
      const forwards: string[] = []
      for (let after: string | null = null; ;) {
        const page: Answer['data'] = await list(as.owner, { first: 2, after, filter })
        forwards.push(...page.nodes.map(({ id }: Found) => id))
        if (!page.pageInfo.hasNextPage) break
        after = page.pageInfo.endCursor
      }
      const backwards: string[] = []
      for (let before: string | null = null; ;) {
        const page: Answer['data'] = await list(as.owner, { last: 3, before, filter })
        backwards.unshift(...page.nodes.map(({ id }: Found) => id))
        if (!page.pageInfo.hasPreviousPage) break
        before = page.pageInfo.startCursor
      }
      expect([forwards, backwards]).toEqual([all, all])
    }
    const { nodes } = await list(as.owner, { first: 100 })
    const order = nodes.map(({ requestedAt, id }: Found) => `${requestedAt} ${id}`)
    expect(order).toEqual(order.toSorted().toReversed())
  })

  it('is filtered by the status as of now, stored or not', async () => {
    const vehicleId = await newVehicle()
    const gateway = await commandDispatches(server.url, world.gateway, [vehicleId])
    const dispatched = await send(vehicleId, { timeoutSeconds: 2 })
    const done = await send(vehicleId)
    await gateway.received(2)
    gateway.stop()
    await outcome(server.url, world.gateway, { commandId: done.id, outcome: 'SUCCEEDED' })
    const brief = await send(vehicleId, { timeoutSeconds: 1 })
    const waiting = await send(vehicleId, { timeoutSeconds: 300 })
    const other = await newVehicle()
    const lent = await lend(other, { endsAt: inHours(1) })
    const cancelled = await send(other, { token: as.partner, timeoutSeconds: 300 })
    const endsAt = Date.now() + 1_500
    await run(server.url, as.owner, 'updateSharingEnd', { vehicleId: other, endsAt: iso(endsAt) })
    expect(lent).toBeDefined()
    await at(Math.max(endsAt, Date.parse(dispatched.deadline), Date.parse(brief.deadline)))
    const mine = new Set([dispatched.id, done.id, brief.id, waiting.id, cancelled.id])
    const found: Record<string, string[]> = {}
    for (const status of STATUSES) {
      const { nodes } = await list(as.owner, { first: 100, filter: { status } })
      for (const node of nodes) expect(node.status).toBe(status)
      found[status] = nodes.map(({ id }: Found) => id).filter((id: string) => mine.has(id))
    }
    expect(found).toEqual({
      PENDING: [waiting.id],
      DISPATCHED: [],
      SUCCEEDED: [done.id],
      FAILED: [],
      EXPIRED: [brief.id],
      CANCELLED_BY_HANDOVER: [cancelled.id],
      OUTCOME_UNKNOWN: [dispatched.id],
    })
    expect(await idsOf(as.owner, { filter: { vehicleId, status: 'EXPIRED' } })).toEqual([brief.id])
  })

  it('refuses what is no cursor of it, and finds nothing for what is no id', async () => {
    const { errors } = await post(server.url, as.owner, PAGE, { after: 'nonsense' })
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
    for (const vehicleId of ['', 'x\0', 'nothing']) expect(await idsOf(as.owner, { filter: { vehicleId } })).toEqual([])
    for (const token of [world.gateway, as.admin]) {
      const refused = await post(server.url, token, PAGE)
      expect(refused.errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
    }
  })
})
