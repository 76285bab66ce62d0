import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { format } from 'node:util'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import type { ApolloCache, DocumentNode } from '@apollo/client'
import { Client, fetchExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import {
  buildSchema,
  getNamedType,
  getNullableType,
  introspectionFromSchema,
  isIntrospectionType,
  isListType,
  isObjectType,
} from 'graphql'
import type { GraphQLField } from 'graphql'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../../support/api.ts'
import { endOfLog } from '../../support/events.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'
import possible from '../generated/possible-types.ts'
import { applyEvent, createApolloCache, forgetVehicle, typePolicies } from './apollo-cache.ts'
import { CREATE, DELETE, EDGES, EVENTS, LISTS, NAME, NODES, READING, SPEED, START, TIMES } from './documents.ts'
import { graphcacheOptions } from './graphcache.ts'

const server = await serverForAll()
const world = await makeWorld(server)
const { url } = server
const gateway = await server.token(null, 'gateway')
const schema = buildSchema(await readFile(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'))

/** Both caches warn on the console. */
let warnings: string[]
let requests: number
beforeEach(() => {
  warnings = []
  requests = 0
  const spies = (['warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((...told: unknown[]) => void warnings.push(format(...told))),
  )
  return () => spies.forEach((spy) => spy.mockRestore())
})
const counted: typeof fetch = (...args) => {
  requests++
  return fetch(...args)
}

const headers = { Authorization: `Bearer ${world.as.owner}` }
const clients: ApolloClient[] = []
afterEach(() => clients.splice(0).forEach((client) => client.stop()))
function apollo(cache: ApolloCache = createApolloCache(possible.possibleTypes)): ApolloClient {
  const client = new ApolloClient({ cache, link: new HttpLink({ uri: `${url}/graphql`, headers, fetch: counted }) })
  clients.push(client)
  return client
}
const urql = (token = world.as.owner) =>
  new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
    fetch: counted,
    exchanges: [cacheExchange(graphcacheOptions(introspectionFromSchema(schema))), fetchExchange],
  })

/** Asks anew, and stores the answer. */
const askApollo = async (client: ApolloClient, query: DocumentNode, variables: object) =>
  (await client.query({ query, variables, fetchPolicy: 'network-only' })).data
const askUrql = async (client: Client, query: DocumentNode, variables: object) => {
  const { data, error } = await client.query(query, variables, { requestPolicy: 'network-only' }).toPromise()
  if (error) throw error
  return data as unknown
}

/** A vehicle that reported a speed. */
async function newCar(speedKmh: number, at: number): Promise<string> {
  const id = await world.newVehicle()
  await drive(id, speedKmh, at)
  return id
}
const drive = (id: string, speedKmh: number, at: number) =>
  report(url, gateway, [reportAt(id, `${id} ${at}`, at, { speedKmh, mileageKm: 7, ignition: true })])

const now = Date.now()
const [EARLIER, LATER] = [now - 60_000, now - 1_000]

describe("Apollo's cache", () => {
  it('keeps what two queries read of the same objects without an id, and warns of nothing', async () => {
    const client = apollo()
    const id = await newCar(40, EARLIER)
    const speed = await askApollo(client, SPEED, { id })
    const times = await askApollo(client, TIMES, { id })
    expect(client.readQuery({ query: SPEED, variables: { id } })).toEqual(speed)
    expect(client.readQuery({ query: TIMES, variables: { id } })).toEqual(times)
    expect(warnings).toEqual([])
  })

  it('does neither without the policies', async () => {
    const client = apollo(new InMemoryCache({ possibleTypes: possible.possibleTypes }))
    const id = await newCar(40, EARLIER)
    await askApollo(client, SPEED, { id })
    await askApollo(client, TIMES, { id })
    expect(client.readQuery({ query: SPEED, variables: { id } })).toBe(null)
    expect(warnings.join('\n')).toMatch(/Cache data may be lost when replacing the state field of a Vehicle object/)
  })

  it('never makes one reading of two', async () => {
    const client = apollo()
    const id = await newCar(40, EARLIER)
    await askApollo(client, READING, { id })
    await drive(id, 50, LATER)
    await askApollo(client, SPEED, { id })
    // The new speed with the time of the old one would be a reading that there never was.
    expect(client.readQuery({ query: READING, variables: { id } })).toBe(null)
    expect(client.readQuery({ query: SPEED, variables: { id } })).toMatchObject({
      vehicle: { state: { speedKmh: { value: 50 } } },
    })
  })

  it('grows a list by its pages, of nodes and of edges, and lets forgotten vehicles leave it', async () => {
    const client = apollo()
    for (const name of ['a', 'b', 'c', 'd']) await world.newVehicle({ name })
    const { vehicles: all } = (await askApollo(apollo(), NODES, { first: 100 })) as {
      vehicles: { nodes: { id: string }[] }
    }
    const ids = all.nodes.map((node) => node.id)
    const edges = await askApollo(client, EDGES, { first: 2 })
    await askApollo(client, NODES, { first: 2 })
    expect(client.readQuery({ query: EDGES, variables: { first: 2 } })).toEqual(edges)

    const read = () =>
      client.readQuery<{
        vehicles: { nodes: { id: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } }
      }>({
        query: NODES,
        variables: { first: 2 },
      })?.vehicles
    await askApollo(client, NODES, { first: 2, after: read()?.pageInfo.endCursor })
    expect(read()?.nodes.map(({ id }) => id)).toEqual(ids.slice(0, 4))
    await askApollo(client, NODES, { first: 100, after: read()?.pageInfo.endCursor })
    expect(read()).toMatchObject({ nodes: all.nodes, pageInfo: { hasNextPage: false } })

    forgetVehicle(client.cache, ids[1] ?? '')
    expect(read()?.nodes.map(({ id }) => id)).toEqual(ids.toSpliced(1, 1))
    applyEvent(client.cache, { vehicleId: ids[0] ?? '', vehicle: null })
    applyEvent(client.cache, { vehicleId: ids[2] ?? '', vehicle: {} })
    expect(read()?.nodes.map(({ id }) => id)).toEqual(ids.slice(2))
    expect(warnings).toEqual([])
  })

  it('finds by its id what a list has brought', async () => {
    const client = apollo()
    const id = await world.newVehicle({ name: 'known' })
    await askApollo(client, NODES, { first: 100 })
    const asked = requests
    const query = gql`
      query Known($id: ID!) {
        vehicle(id: $id) {
          name
        }
      }
    `
    const { data } = await client.query({ query, variables: { id } })
    expect(data).toMatchObject({ vehicle: { name: 'known' } })
    expect(requests).toBe(asked)
  })

  it('has a policy for every object without an id that a field holds', () => {
    const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type))
    const holders = types.filter(isObjectType)
    const isPart = ({ type }: GraphQLField<unknown, unknown>) => {
      const named = getNamedType(type)
      return (
        isObjectType(named) &&
        !isListType(getNullableType(type)) &&
        !('id' in named.getFields()) &&
        !/Edge$|PageInfo/.test(named.name)
      )
    }
    const fields = holders.flatMap((holder) =>
      Object.values(holder.getFields())
        .filter(isPart)
        .map((field) => ({ holder: holder.name, field: field.name, type: getNamedType(field.type).name })),
    )
    const missing = fields.filter(({ holder, field, type }) => {
      const own = typePolicies[holder]?.fields as Record<string, unknown> | undefined
      return type.endsWith('Connection') ? !own?.[field] : !typePolicies[type]
    })
    expect(fields.length).toBeGreaterThan(15)
    expect(missing).toEqual([])
    expect(Object.keys(typePolicies).filter((name) => !schema.getType(name))).toEqual([])
  })
})

describe("urql's graphcache", () => {
  it('keeps what two queries read of the same objects without an id, and warns of nothing', async () => {
    const client = urql()
    const id = await newCar(40, EARLIER)
    const speed = await askUrql(client, SPEED, { id })
    const times = await askUrql(client, TIMES, { id })
    expect(client.readQuery(SPEED, { id })?.data).toEqual(speed)
    expect(client.readQuery(TIMES, { id })?.data).toEqual(times)
    expect(warnings).toEqual([])
  })

  it('grows a list by its pages, and asks again for one that has a deleted vehicle', async () => {
    const client = urql()
    for (const name of ['a', 'b', 'c']) await world.newVehicle({ name })
    type Answer = { vehicles: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }
    const first = (await askUrql(client, NODES, { first: 2 })) as Answer
    const both = (await askUrql(client, NODES, { first: 2, after: first.vehicles.pageInfo.endCursor })) as Answer
    expect(both.vehicles.nodes).toHaveLength(4)
    expect(both.vehicles.nodes.slice(0, 2)).toEqual(first.vehicles.nodes)

    const asked = requests
    const id = first.vehicles.nodes[0]?.id ?? ''
    expect(client.readQuery(NAME, { id })?.data).toMatchObject({ vehicle: { id } })
    expect(requests).toBe(asked)
    await client.mutation(DELETE, { id }).toPromise()
    const { data } = (await client.query(NODES, { first: 2 }).toPromise()) as { data: Answer }
    expect(data.vehicles.nodes.map((node) => node.id)).not.toContain(id)
    expect(warnings).toEqual([])
  })

  it('asks again for lists that a new vehicle or a new sharing may be in', async () => {
    const client = urql()
    const ids = async () => {
      const { data } = await client.query(LISTS, {}).toPromise()
      const { vehicles, sharings } = data as Record<'vehicles' | 'sharings', { nodes: { id: string }[] }>
      return { vehicles: vehicles.nodes.map(({ id }) => id), sharings: sharings.nodes.map(({ id }) => id) }
    }
    await ids()
    const { data } = await client.mutation(CREATE, {}).toPromise()
    const { id } = (data as { createVehicle: { vehicle: { id: string } } }).createVehicle.vehicle
    expect((await ids()).vehicles).toContain(id)
    const started = await client.mutation(START, { input: { vehicleId: id, fleetId: world.partner } }).toPromise()
    const { sharing } = (started.data as { startSharing: { sharing: { id: string } } }).startSharing
    expect((await ids()).sharings).toContain(sharing.id)
    await run(url, world.as.owner, 'endSharing', { vehicleId: id })
    expect(warnings).toEqual([])
  })

  it('asks again for lists of a vehicle that an event says is out of sight', async () => {
    const client = urql(world.as.partner)
    const id = await world.newVehicle()
    await run(url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
    const seen = async () => {
      const { data } = await client.query(NODES, { first: 100 }).toPromise()
      return (data as { vehicles: { nodes: { id: string }[] } }).vehicles.nodes.map((node) => node.id)
    }
    expect(await seen()).toEqual([id])
    const after = await endOfLog(url, world.as.partner)
    const ended = Promise.withResolvers<void>()
    const following = client.subscription(EVENTS, { after }).subscribe(() => ended.resolve())
    await run(url, world.as.owner, 'endSharing', { vehicleId: id })
    await ended.promise
    expect(await seen()).toEqual([])
    following.unsubscribe()
    expect(warnings).toEqual([])
  })
})
