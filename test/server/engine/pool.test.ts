import pg from 'pg'
import { expect, it } from 'vitest'
import { post } from '../../support/api.ts'
import { startServer } from '../../support/server.ts'
import { sendOver } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'

const VEHICLES = '{ vehicles { nodes { id } } }'
const unavailable = [{ extensions: { code: 'SERVICE_UNAVAILABLE', requestId: expect.any(String) } }]

it('a request that gets no connection to the database in time says so, and may be made again', async () => {
  const server = await startServer({ env: { DATABASE_POOL_SIZE: '2' } })
  const { as, owner } = await makeWorld(server)
  const stranger = await server.token('NEVERSEEN', 'manager')
  const database = new pg.Client({ connectionString: server.settings.databaseUrl ?? '' })
  await database.connect()
  // Whoever has a connection keeps it until its statement is given up, longer than others wait for one.
  await database.query('BEGIN; LOCK TABLE vehicle IN ACCESS EXCLUSIVE MODE')
  const holding = [1, 2].map(() => post(server.url, as.owner, VEHICLES))
  for (let waiting = 0; waiting < 2;) {
    const { rows } = await database.query<{ count: string }>(
      "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'vehicle'::regclass",
    )
    waiting = Number(rows[0]?.count)
  }
  const create = 'mutation { createVehicle(input: {}) { __typename } }'
  const answers = await Promise.all([
    sendOver('POST')(server.url, as.owner, { query: '{ vehicles { nodes { name } } }' }),
    sendOver('WebSocket')(server.url, as.owner, { query: create }),
    sendOver('POST')(server.url, as.admin, {
      query: 'mutation { createFleet(input: { name: "Late" }) { __typename } }',
    }),
    // Whether its fleet exists is not known yet.
    sendOver('POST')(server.url, stranger, { query: VEHICLES }),
  ])
  for (const { data, errors } of answers) {
    const answered = Object.values(data ?? {}).filter((field) => field !== null)
    expect([answered, errors]).toMatchObject([[], unavailable])
  }
  expect(answers[3]?.status).toBe(503)
  await database.query('COMMIT')
  for (const { errors } of await Promise.all(holding)) expect(errors).toBeUndefined()
  const { data } = await post(server.url, as.owner, '{ viewer { fleet { id } } vehicles { nodes { id } } }')
  expect(data).toEqual({ viewer: { fleet: { id: owner } }, vehicles: { nodes: [] } })
  await database.end()
  await server.close()
})
