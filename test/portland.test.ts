import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, mutations, post, run } from './support/api.ts'
import type { Answer, Variables } from './support/api.ts'
import { readAll } from './support/events.ts'
import type { SeenEvent } from './support/events.ts'
import { startSecond, startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { makeWorld } from './support/world.ts'
import type { World } from './support/world.ts'

/** Real cars, as a trip planner recorded them. They lie beside the project, and belong to no copy of it. */
const FILE = new URL('../../shared/data/portland-car2go.json', import.meta.url)

const input = await readFile(FILE, 'utf8').catch(() => null)
if (input === null) console.warn(`SKIPPED: ${FILE.pathname} is not there, so nothing here was tried on real input`)
const names = ((input === null ? [] : JSON.parse(input)) as { id: string }[]).map(({ id }) => id)

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: VehicleFilter) {
  vehicles(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    nodes { id name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

type Page = {
  readonly nodes: readonly Car[]
  readonly pageInfo: Readonly<Record<'hasNextPage' | 'hasPreviousPage', boolean>> &
    Readonly<Record<'startCursor' | 'endCursor', string | null>>
}
type Car = { readonly id: string; readonly name: string }
type Done = { readonly vehicleId: string; readonly type: string; readonly requestId: string | null }

describe.skipIf(input === null)('the cars of Portland, in two fleets that share with each other', () => {
  let server: TestServer
  let second: TestServer
  let world: World
  /** What was answered with success, in either fleet's name. */
  const done: Done[] = []
  const cars: Record<'owner' | 'partner', Car[]> = { owner: [], partner: [] }
  const fleets = ['owner', 'partner'] as const

  beforeAll(async () => {
    server = await startServer()
    second = await startSecond(server)
    world = await makeWorld(server)
    await each(names, async (name, index) => {
      const fleet = fleets[index % 2 === 0 ? 0 : 1]
      const { vehicle } = await act(index, world.as[fleet], 'createVehicle', 'VEHICLE_CHANGED', { name })
      expect(vehicle).toMatchObject({ name, fleet: { id: world[fleet] } })
      cars[fleet].push(vehicle)
    })
  })
  afterAll(async () => {
    await second.close()
    await server.close()
  })

  /** Answered by one instance or the other. @returns the mutation's union */
  async function act(turn: number, token: string, name: keyof typeof mutations, type: string, input: Variables) {
    const { url } = turn % 2 === 0 ? server : second
    const { data, errors, headers } = await post(url, token, mutations[name], { input })
    if (errors) throw new Error(`unexpected errors: ${JSON.stringify(errors)}`)
    const result = data[name]
    if (result.code === undefined) {
      done.push({ vehicleId: result.vehicle?.id ?? input['vehicleId'], type, requestId: headers.get('x-request-id') })
    }
    return result
  }

  /** All of it, ten at a time. */
  async function each<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
    let next = 0
    const worker = async () => {
      while (next < items.length) {
        const index = next++
        await work(items[index] as T, index)
      }
    }
    await Promise.all(Array.from({ length: 10 }, worker))
  }

  async function pages(url: string, token: string, size: number, backwards: boolean, filter: object = {}) {
    const found: Car[] = []
    for (let place: string | null = null; ;) {
      const where: object = backwards ? { last: size, before: place } : { first: size, after: place }
      const { nodes, pageInfo } = (await ask(url, token, PAGE, { ...where, filter })).vehicles as Page
      if (backwards) found.unshift(...nodes)
      else found.push(...nodes)
      place = backwards ? pageInfo.startCursor : pageInfo.endCursor
      if (!(backwards ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return found
    }
  }

  it('are all there, each under an id of its own', () => {
    expect(names).toHaveLength(371)
    const all = [...cars.owner, ...cars.partner]
    expect(new Set(all.map(({ id }) => id)).size).toBe(371)
    expect(all.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  })

  it.each([
    [100, 'forwards'],
    [7, 'forwards'],
    [100, 'backwards'],
    [7, 'backwards'],
  ])('are listed %i at a time, %s, each once and by id', async (size, direction) => {
    for (const fleet of fleets) {
      const expected = cars[fleet].map(({ id }) => id).toSorted()
      const listed = await pages(second.url, world.as[fleet], size, direction === 'backwards')
      expect(listed.map(({ id }) => id)).toEqual(expected)
    }
  })

  it('are shared and ended by both sides at once: no overlap, no lost event, no error but the expected ones', async () => {
    const third = names.filter((_, index) => index % 3 === 0)
    const sides = fleets.map((fleet) => cars[fleet].filter(({ name }) => third.includes(name)))
    const [own = [], theirs = []] = sides
    const refusals: Record<string, Set<string>> = { start: new Set(), owner: new Set(), partner: new Set() }
    const note = (kind: string, result: Answer['data']) => result.code && refusals[kind]?.add(result.code as string)
    await each([...own, ...theirs], async ({ id: vehicleId }, index) => {
      const [owner, partner] = index < own.length ? (['owner', 'partner'] as const) : (['partner', 'owner'] as const)
      const start = (turn: number) =>
        act(turn, world.as[owner], 'startSharing', 'SHARING_STARTED', { vehicleId, fleetId: world[partner] })
      const end = (turn: number, fleet: 'owner' | 'partner') =>
        act(turn, world.as[fleet], 'endSharing', 'SHARING_ENDED', { vehicleId })
      for (let round = 0; round < 2; round++) {
        const [started, startedToo, byOwner, byPartner] = await Promise.all([
          start(index + round),
          start(index + round + 1),
          end(index, owner),
          end(index + 1, partner),
        ])
        note('start', started)
        note('start', startedToo)
        note('owner', byOwner)
        note('partner', byPartner)
      }
    })
    expect([...(refusals['start'] ?? [])]).toEqual(['ALREADY_SHARED'])
    expect([...(refusals['owner'] ?? [])]).toEqual(['NOT_SHARED'])
    expect([...(refusals['partner'] ?? [])]).toEqual(['VEHICLE_NOT_FOUND'])

    const logs = await Promise.all(fleets.map((fleet) => readAll(second.url, world.as[fleet])))
    const plain = ({ vehicleId, type, requestId }: Done) => `${requestId} ${type} ${vehicleId}`
    for (const [index, fleet] of fleets.entries()) {
      const owned = new Set(cars[fleet].map(({ id }) => id))
      // Sharing events belong to both; the cars were not changed while they were shared.
      const expected = done.filter(({ type, vehicleId }) => type !== 'VEHICLE_CHANGED' || owned.has(vehicleId))
      expect(logs[index]?.map(plain).toSorted()).toEqual(expected.map(plain).toSorted())
    }
    for (const [vehicleId, events] of Map.groupBy(logs[0] ?? [], (event: SeenEvent) => event.vehicleId)) {
      const sharing = events.filter(({ type }) => type !== 'VEHICLE_CHANGED')
      for (const [nth, { type, occurredAt, sharing: of }] of sharing.entries()) {
        expect(type, vehicleId).toBe(nth % 2 === 0 ? 'SHARING_STARTED' : 'SHARING_ENDED')
        const before = sharing[nth - 1]
        if (before === undefined) continue
        expect(occurredAt > before.occurredAt, vehicleId).toBe(true)
        expect(of?.id === before.sharing?.id, vehicleId).toBe(nth % 2 === 1)
      }
    }
    expect(logs[0]?.filter(({ type }) => type === 'SHARING_STARTED').length).toBeGreaterThanOrEqual(third.length)

    const shared = new Map((logs[0] ?? []).map(({ vehicleId, type }) => [vehicleId, type]))
    for (const fleet of fleets) {
      const lent = cars[fleet].map(({ id }) => id).filter((id) => shared.get(id) === 'SHARING_STARTED')
      const listed = await pages(server.url, world.as[fleet], 40, false, { relation: 'SHARED_OUT' })
      expect(listed.map(({ id }) => id)).toEqual(lent.toSorted())
    }
  })

  it('come back in the end, all of them', async () => {
    for (const fleet of fleets) {
      const lent = await pages(server.url, world.as[fleet], 100, false, { relation: 'SHARED_IN' })
      await each(lent, async ({ id: vehicleId }) => {
        expect(await run(second.url, world.as[fleet], 'endSharing', { vehicleId })).toMatchObject({ vehicle: null })
      })
    }
    for (const fleet of fleets) {
      const listed = await pages(second.url, world.as[fleet], 100, false)
      expect(listed.map(({ id }) => id)).toEqual(cars[fleet].map(({ id }) => id).toSorted())
    }
  })
})
