import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { placeBefore } from '../../support/following.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const MOST = 3
const QUERY = '{ vehicles { nodes { id } } }'
const MUTATION = 'mutation { createVehicle(input: {}) { ... on CreateVehicleSuccess { vehicle { id } } } }'

let server: TestServer
let world: World
let database: pg.Client
beforeAll(async () => {
  server = await startServer({ env: { OPERATIONS_AT_ONCE: `${MOST}` } })
  world = await makeWorld(server)
  database = new pg.Client({ connectionString: server.settings.databaseUrl ?? '' })
  await database.connect()
})
afterAll(async () => {
  await database.end()
  await server.close()
})

/** As many as may be are under way, and get no further before the table is unlocked. */
async function fill(query: string) {
  await database.query('BEGIN; LOCK TABLE vehicle IN ACCESS EXCLUSIVE MODE')
  const kept = Array.from({ length: MOST }, () => sendOver('POST')(server.url, world.as.owner, { query }))
  for (let waiting = 0; waiting < MOST;) {
    const { rows } = await database.query<{ count: string }>(
      "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'vehicle'::regclass",
    )
    waiting = Number(rows[0]?.count)
  }
  return {
    drain: async () => {
      await database.query('COMMIT')
      return Promise.all(kept)
    },
  }
}

describe.each([QUERY, MUTATION])('while as much is under way as may be: %s', (query) => {
  it('one more is refused at once, by name, over every transport', async () => {
    const { drain } = await fill(query)
    for (const transport of TRANSPORTS) {
      const { data, errors, status, headers } = await sendOver(transport)(server.url, world.as.owner, {
        query: transport === 'GET' ? QUERY : query,
      })
      expect(data).toBeUndefined()
      expect(errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }])
      if (transport !== 'WebSocket') expect([status, headers?.get('Retry-After')]).toEqual([503, '1'])
    }
    for (const path of ['/health', '/ready']) expect((await fetch(`${server.url}${path}`)).status).toBe(200)
    for (const { errors } of await drain()) expect(errors).toBeUndefined()
    // What was given back is there again, on every way.
    for (const transport of TRANSPORTS) {
      expect((await sendOver(transport)(server.url, world.as.owner, { query: QUERY })).errors).toBeUndefined()
    }
  })
})

it('those who follow events are not counted', async () => {
  const { after } = await placeBefore(server.url, world.as.owner)
  const streams = await Promise.all(
    [subscribe, subscribeSse].flatMap((open) =>
      Array.from({ length: MOST }, () => open(server.url, world.as.owner, FOLLOW, { after })),
    ),
  )
  await Promise.all(streams.map(({ received }) => received(1)))
  const { drain } = await fill(QUERY)
  const more = await subscribeSse(server.url, world.as.owner, FOLLOW, { after })
  await drain()
  for (const { received, stop } of [...streams, more]) {
    await received(1)
    stop()
  }
})

it('what fails, and what is refused, counts no longer than it takes', async () => {
  for (let time = 0; time < 2 * MOST; time++) {
    for (const query of [
      '{ nothing }',
      '{ vehicles(after: "x") { nodes { id } } }',
      'query ($a: ID!) { vehicle(id: $a) { id } }',
      '{ vehicles(first: 100) { nodes { sharings(first: 100) { nodes { vehicle { sharings { nodes { id } } } } } } } }',
    ]) {
      for (const transport of TRANSPORTS) await sendOver(transport)(server.url, world.as.owner, { query })
    }
  }
  expect((await sendOver('POST')(server.url, world.as.owner, { query: QUERY })).errors).toBeUndefined()
})
