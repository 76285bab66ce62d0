import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { inHours, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const FEW = 2
const MANY = 60

const FLEET = '{ id name }'
const CAN = `viewerCan { update { allowed code until } delete { code } sendCommand { code } startSharing { code }
  updateSharingEnd { code } endSharing { code } }`
const SHARING = `id status phase owner ${FLEET} partner ${FLEET} vehicle { id fleet ${FLEET} sharing { id } ${CAN} }`
const VEHICLE = `id fleet ${FLEET} ${CAN} sharing { ${SHARING} }
  sharings(first: 3) { nodes { ${SHARING} } pageInfo { hasNextPage } } latest: sharings(last: 1) { nodes { id } }`

const QUERIES = {
  vehicles: `query ($first: Int) { vehicles(first: $first) { nodes { ${VEHICLE} } pageInfo { hasNextPage } } }`,
  sharings: `query ($first: Int) { sharings(first: $first) { nodes { ${SHARING} vehicle { ${VEHICLE} } } } }`,
  vehicleEvents: `query ($first: Int) { vehicleEvents(first: $first) {
    nodes { id type vehicle { ${VEHICLE} } ... on SharingEvent { sharing { ${SHARING} } } } } }`,
} as const

let server: TestServer
let world: World
let statements: string[] = []

/** The same database with nothing beside the request: what it runs is the request's. */
beforeAll(async () => {
  const onStatement = (sql: string) => void statements.push(sql)
  server = await startServer({ announce: false, onStatement })
  world = await makeWorld(server)
  for (let index = 0; index < MANY; index++) {
    // Each with a past sharing, one in force, and some with one to come; every other one of the partner's.
    const [lender, borrower] = index % 2 === 0 ? (['owner', 'partner'] as const) : (['partner', 'owner'] as const)
    const as = world.as[lender]
    const { vehicle } = await run(server.url, as, 'createVehicle', { name: `Vehicle ${index}` })
    const share = (period: Variables) =>
      run(server.url, as, 'startSharing', { vehicleId: vehicle.id, fleetId: world[borrower], ...period })
    await share({})
    await run(server.url, as, 'endSharing', { vehicleId: vehicle.id })
    await share({ endsAt: inHours(1) })
    if (index % 3 === 0) await share({ startsAt: inHours(2) })
  }
})
afterAll(() => server.close())

async function cost(list: keyof typeof QUERIES, first: number): Promise<{ count: number; nodes: Answer['data'][] }> {
  statements = []
  const data = await ask(server.url, world.as.owner, QUERIES[list], { first })
  // The clock is compared with the database's from time to time, whoever asks.
  const own = statements.filter((sql) => !sql.includes('SELECT extract(epoch'))
  return { count: own.length, nodes: data[list].nodes }
}

it.each(Object.keys(QUERIES) as (keyof typeof QUERIES)[])(
  'a list of many %s with all that they lead to takes no more statements than one of few',
  async (list) => {
    await ask(server.url, world.as.owner, QUERIES[list], { first: 1 })
    const few = await cost(list, FEW)
    const many = await cost(list, MANY)
    expect([few.nodes.length, many.nodes.length]).toEqual([FEW, MANY])
    expect(JSON.stringify(many.nodes).length).toBeGreaterThan((JSON.stringify(few.nodes).length * MANY) / FEW / 4)
    expect(few.count).toBeGreaterThan(1)
    expect(many.count).toBeLessThanOrEqual(few.count)
  },
)
