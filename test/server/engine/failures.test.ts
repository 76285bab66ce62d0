import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { sql } from '../../support/databases.ts'
import { connectWith, openAcknowledged } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { FOLLOW, HISTORY, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const VEHICLES = '{ vehicles { nodes { id } } }'
/** What an answer must not tell: the database, its statements and tables, the code and where it lies. */
const INSIDE =
  /prisma|postgres|relation|select|insert|update|event_|_position|log_horizon|log_end|license_plate|\bat \w+.*:\d+|\.ts\b|node_modules/i

type Line = { readonly level: number; readonly requestId?: string; readonly err?: { readonly message: string } }

async function startBreakable(onStatement: (sql: string) => void = () => {}) {
  const lines: Line[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line) as Line) })
  const server = await startServer({ log, onStatement })
  const world = await makeWorld(server)
  const databaseUrl = server.settings.databaseUrl ?? ''
  return { server, world, lines, breakWith: (statement: string) => sql(databaseUrl, statement) }
}

describe('when the database fails in the middle of its work', () => {
  let server: TestServer
  let world: World
  let lines: readonly Line[]
  beforeAll(async () => {
    const breakable = await startBreakable()
    ;({ server, world, lines } = breakable)
    await post(server.url, world.as.owner, VEHICLES)
    await breakable.breakWith('ALTER TABLE vehicle RENAME TO wreck; ALTER TABLE event RENAME TO wreckage')
  })
  afterAll(() => server.close())

  const masked = (requestId: unknown) => ({
    message: 'Something went wrong inside the server. The log has the details under the request id.',
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  })
  const logged = (requestId: unknown) => lines.filter((line) => line.requestId === requestId)

  it.each([
    ['a query', VEHICLES, {}],
    ['a history', HISTORY, {}],
    ['a mutation', mutations.createVehicle, { input: { name: 'x' } }],
    ['a mutation of a vehicle', mutations.endSharing, { input: { vehicleId: 'FK852' } }],
  ])('%s says so under its request id, and nothing more', async (_what, query, variables) => {
    const requestId = `break-${Math.random().toString(36).slice(2)}`
    const headers = { 'X-Request-Id': requestId }
    const { status, data, errors } = await post(server.url, world.as.owner, query, variables, headers)
    expect(status).toBe(200)
    // A field of a mutation may be null; a list takes the whole answer with it.
    expect(Object.values(data ?? {}).filter((field) => field !== null)).toEqual([])
    expect(errors).toMatchObject([masked(requestId)])
    expect(JSON.stringify(errors)).not.toMatch(INSIDE)
    expect(logged(requestId)[0]?.err?.message).toMatch(/does not exist/)
    // Once the document is known it goes another way, and fails alike.
    for (let time = 0; time < 2; time++) {
      const again = await post(server.url, world.as.owner, query, variables, headers)
      expect(again).toMatchObject({ status, data: data ?? null, errors })
    }
  })

  it.each([
    ['a query', VEHICLES, {}],
    ['a mutation', mutations.createVehicle, { input: { name: 'x' } }],
  ])(
    '%s is executed once, whether its document is new or known, and fails once in the log',
    async (_what, query, variables) => {
      let statements = 0
      const { server, world, lines, breakWith } = await startBreakable(
        (sql) => (statements += /\bvehicle\b/.test(sql) ? 1 : 0),
      )
      await breakWith('ALTER TABLE vehicle RENAME TO wreck')
      const counted: { statements: number; lines: number }[] = []
      for (let time = 0; time < 4; time++) {
        statements = 0
        const before = lines.length
        const { errors } = await post(server.url, world.as.owner, query, variables)
        expect(errors).toMatchObject([masked(expect.any(String))])
        counted.push({ statements, lines: lines.length - before })
      }
      const [first] = counted
      expect(first?.statements).toBeGreaterThan(0)
      expect(counted).toEqual(counted.map(() => ({ ...first, lines: 1 })))
      await server.close()
    },
  )

  it('the rest of the answer is there where it may be null', async () => {
    const query = '{ viewer { fleet { id } } vehicle(id: "FK852") { id } }'
    const { data, errors } = await post(server.url, world.as.owner, query)
    expect(data).toEqual({ viewer: { fleet: { id: world.owner } }, vehicle: null })
    expect(errors).toMatchObject([{ ...masked(expect.any(String)), path: ['vehicle'] }])
  })

  it('an operation on a socket says so, and the socket lives on', async () => {
    const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
    send({ id: '1', type: 'subscribe', payload: { query: VEHICLES } })
    const { type, payload } = await message(({ id }) => id === '1')
    expect(type).toBe('next')
    expect(payload).toMatchObject({ errors: [masked(expect.any(String))] })
    expect(JSON.stringify(payload)).not.toMatch(INSIDE)
    const { errors } = payload as { errors: [{ extensions: { requestId: string } }] }
    expect(logged(errors[0].extensions.requestId)[0]?.err?.message).toMatch(/does not exist/)
    send({ id: '2', type: 'subscribe', payload: { query: '{ viewer { roles } }' } })
    expect((await message(({ id }) => id === '2')).payload).toEqual({ data: { viewer: { roles: ['MANAGER'] } } })
    socket.close()
  })

  it('a client with a new token learns no more', async () => {
    const { server, breakWith } = await startBreakable()
    const token = await server.token('NEVERSEEN', 'manager')
    await breakWith('ALTER TABLE fleet RENAME TO wreck')
    const { status, errors } = await post(server.url, token, VEHICLES, {}, { 'X-Request-Id': 'who' })
    expect([status, errors?.[0]?.extensions]).toEqual([500, { code: 'INTERNAL_SERVER_ERROR', requestId: 'who' }])
    expect(JSON.stringify(errors)).not.toMatch(INSIDE)
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(1011)
    await server.close()
  })

  it('a subscription that cannot be opened says so, as an error on a socket and as an answer over SSE', async () => {
    const { server, world, breakWith, lines } = await startBreakable()
    await breakWith('DROP FUNCTION log_end')
    const { send, message, socket } = await openAcknowledged(server.url, world.as.owner)
    send({ id: '1', type: 'subscribe', payload: { query: FOLLOW } })
    const { type, payload } = await message(({ id }) => id === '1')
    expect(type).toBe('error')
    expect(payload).toMatchObject([masked(expect.any(String))])
    expect(JSON.stringify(payload)).not.toMatch(INSIDE)
    const [{ extensions }] = payload as [{ extensions: { requestId: string } }]
    expect(lines.map(({ requestId }) => requestId)).toContain(extensions.requestId)
    socket.close()
    const sse = await subscribeSse(server.url, world.as.owner, FOLLOW)
    const [result] = await sse.received(1)
    expect(result.errors).toMatchObject([masked(expect.any(String))])
    expect(JSON.stringify(result)).not.toMatch(INSIDE)
    await sse.ended
    await server.close()
  })
})

describe('when the database is away', () => {
  it('/ready is 503 and /health 200, until it is back', async () => {
    const { server, world } = await startBreakable()
    const name = new URL(server.settings.databaseUrl ?? '').pathname.slice(1)
    const maintenance = (server.settings.databaseUrl ?? '').replace(name, 'postgres')
    const status = async (path: string) => (await fetch(`${server.url}${path}`)).status
    expect(await status('/ready')).toBe(200)
    await sql(maintenance, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await sql(maintenance, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
    expect(await status('/ready')).toBe(503)
    expect(await status('/health')).toBe(200)
    const { errors } = await post(server.url, world.as.owner, VEHICLES)
    expect(errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
    expect(JSON.stringify(errors)).not.toMatch(INSIDE)
    await sql(maintenance, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
    expect(await status('/ready')).toBe(200)
    expect((await post(server.url, world.as.owner, VEHICLES)).errors).toBeUndefined()
    await server.close()
  })
})
