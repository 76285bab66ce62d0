import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { commandDispatches, COMMAND, outcome, readCommand, STATUSES } from '../support/gateway.ts'
import type { Status } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at } from '../support/world.ts'

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: CommandFilter) {
  commands(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { ${COMMAND} }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

type Who = 'owner' | 'partner' | 'rival' | 'stranger'
const READERS: readonly Who[] = ['owner', 'partner', 'rival', 'stranger']

/** A command as the specification has it: in which order it was sent, by which fleet, and what became of it. */
type Sent = { readonly id: string; readonly vehicleId: string; readonly by: Who; readonly status: Status }

const NO_IDS = ['ZZZZZ', '', 'x\0', '\ud800', '%', "' OR true --", 'x'.repeat(10_000)]

describe.each(DATABASE_KINDS)('commands on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const { url } = server
  let world: ControlWorld
  let tokens: Record<Who, string>
  const vehicles: string[] = []
  let sent: Sent[] = []

  beforeAll(async () => {
    world = await makeControlWorld(server)
    const { as, rival, gateway, lend, newVehicle, send } = world
    tokens = { owner: as.owner, partner: as.partner, rival: rival.token, stranger: as.stranger }
    const [one, two, three, gone] = [await newVehicle(), await newVehicle(), await newVehicle(), await newVehicle()]
    vehicles.push(one, two, three, gone)
    const add = async (vehicleId: string, by: Who, status: Status, timeoutSeconds = 300) => {
      const { id, deadline } = await send(vehicleId, { token: tokens[by], timeoutSeconds })
      sent.unshift({ id, vehicleId, by, status })
      return { id: id as string, due: Date.parse(deadline) }
    }
    await lend(one)
    await lend(two, { fleetId: rival.id })
    const done = [
      await add(one, 'partner', 'SUCCEEDED'),
      await add(two, 'rival', 'FAILED'),
      await add(three, 'owner', 'SUCCEEDED'),
      await add(one, 'partner', 'DISPATCHED'),
      await add(gone, 'owner', 'FAILED'),
      await add(two, 'rival', 'OUTCOME_UNKNOWN', 2),
      await add(three, 'owner', 'OUTCOME_UNKNOWN', 2),
    ]
    const dispatches = await commandDispatches(url, gateway)
    await dispatches.received(done.length)
    dispatches.stop()
    await dispatches.ended.catch(() => {})
    for (const { id } of done) {
      const status = sent.find((command) => command.id === id)?.status
      if (status === 'SUCCEEDED' || status === 'FAILED') await outcome(url, gateway, { commandId: id, outcome: status })
    }
    await add(one, 'partner', 'CANCELLED_BY_HANDOVER')
    await add(two, 'rival', 'CANCELLED_BY_HANDOVER')
    for (const vehicleId of [one, two]) await run(url, as.owner, 'endSharing', { vehicleId })
    await lend(one, { fleetId: rival.id })
    const short = [await add(one, 'rival', 'EXPIRED', 1), await add(three, 'owner', 'EXPIRED', 1)]
    await add(one, 'rival', 'PENDING')
    await add(two, 'owner', 'PENDING')
    await add(three, 'owner', 'PENDING')
    await run(url, as.owner, 'deleteVehicle', { id: gone })
    await at(Math.max(...[...done, ...short].map(({ due }) => due).filter((due) => due < Date.now() + 10_000)))
  })

  const page = async (who: Who, args: Variables): Promise<Answer['data']> =>
    (await ask(url, tokens[who], PAGE, args)).commands

  /** What the model has for a reader, newest first. */
  const expected = (who: Who, { vehicleId = null, status = null }: Filter): string[] =>
    sent
      .filter((command) => who === 'owner' || command.by === who)
      .filter((command) => vehicleId === null || command.vehicleId === vehicleId)
      .filter((command) => status === null || command.status === status)
      .map(({ id }) => id)

  type Filter = { readonly vehicleId?: string | null; readonly status?: string | null }

  it('has what command(id) answers to each reader, as it does, newest first', async () => {
    for (const who of READERS) {
      const { nodes } = await page(who, { first: 100 })
      const readable: Answer['data'][] = []
      for (const { id } of sent) {
        const command = await readCommand(url, tokens[who], id)
        if (command !== null) readable.push(command)
      }
      expect(nodes).toEqual(readable)
      const instants = nodes.map(({ requestedAt }: { requestedAt: string }) => requestedAt)
      expect(instants).toEqual(instants.toSorted().toReversed())
    }
  })

  it('has no command of a deleted vehicle that cannot be read singly, and the others', async () => {
    const [, , , gone] = vehicles
    const [single] = sent.filter(({ vehicleId }) => vehicleId === gone)
    const read = await readCommand(url, tokens.owner, single?.id ?? '')
    const { nodes } = await page('owner', { filter: { vehicleId: gone } })
    expect(nodes).toEqual(read === null ? [] : [read])
    if (read === null) sent = sent.filter(({ vehicleId }) => vehicleId !== gone)
  })

  it('are filtered by the status that they have now, by vehicle and by both', async () => {
    for (const who of READERS) {
      for (const status of [null, ...STATUSES]) {
        for (const vehicleId of [null, ...vehicles]) {
          const { nodes } = await page(who, { first: 100, filter: { vehicleId, status } })
          const found = nodes.map(({ id }: Sent) => id)
          expect({ who, status, vehicleId, found }).toEqual({
            who,
            status,
            vehicleId,
            found: expected(who, { vehicleId, status }),
          })
          expect(new Set([status ?? 'any', ...nodes.map((node: Sent) => (status ? node.status : 'any'))]).size).toBe(1)
        }
      }
    }
  })

  it('let everything through a filter that is null, empty or all null, and nothing through one by no id', async () => {
    for (const filter of [undefined, null, {}, { vehicleId: null }, { status: null, vehicleId: null }]) {
      const { nodes } = await page('owner', { first: 100, filter })
      expect(nodes.map(({ id }: Sent) => id)).toEqual(expected('owner', {}))
    }
    for (const vehicleId of NO_IDS) expect((await page('owner', { filter: { vehicleId } })).nodes).toEqual([])
  })

  it('are in pages what they are in one, from both ends and between any two places', async () => {
    const filters = fc.record({
      vehicleId: fc.constantFrom(null, 0, 1, 2),
      status: fc.constantFrom(null, null, ...STATUSES),
    })
    const size = fc.record({ first: fc.option(fc.nat(6)), last: fc.option(fc.nat(6)) })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...READERS),
        filters,
        size,
        fc.nat(12),
        fc.nat(12),
        async (who, chosen, { first, last }, from, to) => {
          const filter = {
            status: chosen.status,
            vehicleId: chosen.vehicleId === null ? null : (vehicles[chosen.vehicleId] ?? null),
          }
          // Places are those of the whole list, so that the filter need not have the row that a cursor stands at.
          const { edges } = await page(who, { first: 100 })
          const all = expected(who, {})
          const [after, before] = [edges[from]?.cursor ?? null, edges[to]?.cursor ?? null]
          const left = after === null ? 0 : from + 1
          const right = before === null ? all.length : to
          const chosenIds = new Set(expected(who, filter))
          const between = all.slice(left, right).filter((id) => chosenIds.has(id))
          const both = first !== null && last !== null
          const args = { first, last: both ? null : last, after, before, filter }
          const { nodes, pageInfo, edges: found } = await page(who, args)
          const cut =
            args.last === null ? between.slice(0, first ?? 50) : between.slice(Math.max(0, between.length - args.last))
          expect(nodes.map(({ id }: Sent) => id)).toEqual(cut)
          expect(found.map(({ node }: { node: Sent }) => node.id)).toEqual(cut)
          // What lies beyond a given cursor may be told or not.
          const isCut = cut.length < between.length
          if (args.last === null && before === null) expect(pageInfo.hasNextPage).toBe(isCut)
          if (args.last !== null && after === null) expect(pageInfo.hasPreviousPage).toBe(isCut)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('refuse a filter that is none, and cursors of other lists', async () => {
    const query = '{ sharings { edges { cursor } } vehicles { edges { cursor } } vehicleEvents { edges { cursor } } }'
    const others = await ask(url, tokens.owner, query)
    const cursors: string[] = Object.values<Answer['data']>(others).map(({ edges }) => edges[0].cursor)
    const bad: Variables[] = [
      { filter: { status: 'OVER' } },
      { filter: { status: ['PENDING'] } },
      { filter: { vehicleIds: [] } },
      { filter: { vehicleId: ['x', 'y'] } },
      { first: 1, last: 1 },
      { first: 101 },
      { last: -1 },
      ...[...cursors, '', 'nonsense', 'x\0', '\ud800'].flatMap((cursor) => [{ after: cursor }, { before: cursor }]),
    ]
    for (const args of bad) {
      const { data, errors } = await post(url, tokens.owner, PAGE, args)
      expect({ args, code: errors?.[0]?.extensions.code, data: data?.commands ?? null }).toEqual({
        args,
        code: 'BAD_USER_INPUT',
        data: null,
      })
    }
  })

  it('may be read by each role of a fleet, and by nobody without one', async () => {
    for (const role of ['viewer', 'operator', 'manager']) {
      const token = await server.token(world.partner, role)
      expect((await ask(url, token, PAGE)).commands).toEqual(await page('partner', {}))
    }
    for (const [fleet, role] of [
      [null, 'admin'],
      [null, 'gateway'],
      [world.owner, 'chief'],
      ['NEVER', 'manager'],
    ] as const) {
      const { errors } = await post(url, await server.token(fleet, role), PAGE)
      expect({ role, code: errors?.[0]?.extensions.code }).toEqual({ role, code: 'FORBIDDEN' })
    }
  })
})
