import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { pino } from 'pino'
import { run } from '../../support/api.ts'
import { sendCommand } from '../../support/gateway.ts'
import { startPostgres } from '../../support/postgres.ts'
import type { Postgres } from '../../support/postgres.ts'
import { connectWith } from '../../support/raw.ts'
import { isSubscription, ROOT_OPERATIONS } from '../../support/root-operations.ts'
import type { Subjects } from '../../support/root-operations.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver } from '../../support/transports.ts'
import type { Transport } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import { schema } from '../../../src/graphql/schema.ts'

const [ROLE, DATABASE] = ['fleetshare', 'fleets']
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${ROLE}'`
const RELOAD = 'SELECT pg_reload_conf()'

/** Statements of a superuser, on another database. */
type Way = { readonly away: readonly string[]; readonly back: readonly string[] }
const WAYS: Readonly<Record<string, Way>> = {
  'has no connection left for the role': {
    away: [`ALTER ROLE ${ROLE} CONNECTION LIMIT 0`, TERMINATE],
    back: [`ALTER ROLE ${ROLE} CONNECTION LIMIT -1`],
  },
  'has no connection left for the database': {
    away: [`ALTER DATABASE ${DATABASE} CONNECTION LIMIT 0`, TERMINATE],
    back: [`ALTER DATABASE ${DATABASE} CONNECTION LIMIT -1`],
  },
  'has another password': {
    away: [`ALTER ROLE ${ROLE} PASSWORD 'other'`, TERMINATE],
    back: [`ALTER ROLE ${ROLE} PASSWORD 'secret'`],
  },
  'has a role without LOGIN': { away: [`ALTER ROLE ${ROLE} NOLOGIN`, TERMINATE], back: [`ALTER ROLE ${ROLE} LOGIN`] },
  'has a role without CONNECT': {
    away: [`REVOKE CONNECT ON DATABASE ${DATABASE} FROM PUBLIC, ${ROLE}`, TERMINATE],
    back: [`GRANT CONNECT ON DATABASE ${DATABASE} TO ${ROLE}`],
  },
  'takes no connections': {
    away: [`ALTER DATABASE ${DATABASE} ALLOW_CONNECTIONS false`, TERMINATE],
    back: [`ALTER DATABASE ${DATABASE} ALLOW_CONNECTIONS true`],
  },
  'has another name': {
    away: [
      `ALTER ROLE ${ROLE} NOLOGIN`,
      TERMINATE,
      `ALTER DATABASE ${DATABASE} RENAME TO elsewhere`,
      `ALTER ROLE ${ROLE} LOGIN`,
    ],
    back: [`ALTER DATABASE elsewhere RENAME TO ${DATABASE}`],
  },
  'was made read-only, and its sessions ended': {
    away: ['ALTER SYSTEM SET default_transaction_read_only = on', RELOAD, TERMINATE],
    back: ['ALTER SYSTEM RESET default_transaction_read_only', RELOAD],
  },
}

type Broken = {
  readonly postgres: Postgres
  readonly admin: (...statements: readonly string[]) => Promise<void>
  readonly server: TestServer
  readonly lines: readonly string[]
  /** The code that each operation is answered with over each transport; null for an answer without errors. */
  readonly codes: (names?: readonly string[]) => Promise<Record<string, string | null>>
  readonly ready: () => Promise<number>
  /** What somebody of a fleet that was not seen yet is told: the status over HTTP, and how a socket is closed. */
  readonly toldStranger: () => Promise<unknown[]>
}

async function start(): Promise<Broken> {
  const postgres = await startPostgres()
  onTestFinished(postgres.stop)
  const admin = async (...statements: readonly string[]) => {
    const client = new pg.Client({ connectionString: `${postgres.url}/postgres` })
    await client.connect()
    for (const statement of statements) {
      // A session that was ended needs a moment to be gone.
      for (let left = 50; ; left--) {
        const failed = await client.query(statement).then(
          () => null,
          (error: unknown) => error,
        )
        if (failed === null) break
        if (left === 0) throw failed
        // One that was just coming in when the others were ended is there now; PostgreSQL waits 5 s for it each time.
        await client.query(TERMINATE)
      }
    }
    await client.end()
  }
  await admin(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'secret'`, `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`)
  const databaseUrl = `${postgres.url.replace('postgres:postgres@', `${ROLE}:secret@`)}/${DATABASE}`
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
  const server = await startServer({ databaseUrl, log })
  onTestFinished(server.close)
  const { url } = server
  const { as, owner, partner, stranger, newVehicle } = await makeWorld(server)
  const vehicle = await newVehicle()
  const command = (await sendCommand(url, as.owner, { vehicleId: vehicle, type: 'DRAW_ATTENTION' })).command
    .id as string
  const { sharing } = await run(url, as.owner, 'startSharing', { vehicleId: vehicle, fleetId: partner })
  const subjects: Subjects = { owner, partner, stranger, vehicle, sharing: sharing.id, command }
  const tokens = { owner: as.owner, admin: as.admin, gateway: await server.token(null, 'gateway') }
  const unseen = await server.token('NEVERSEEN', 'manager')
  return {
    postgres,
    admin,
    server,
    lines,
    ready: async () => (await fetch(`${url}/ready`)).status,
    toldStranger: async () => [
      (await sendOver('POST')(url, unseen, { query: '{ viewer { roles } }' })).status,
      await connectWith(url, { Authorization: `Bearer ${unseen}` }),
    ],
    codes: async (names = Object.keys(ROOT_OPERATIONS)) => {
      const found: Record<string, string | null> = {}
      for (const [name, operation] of Object.entries(ROOT_OPERATIONS)) {
        if (!names.includes(name)) continue
        const transports: Transport[] = isSubscription(operation) ? ['SSE', 'WebSocket'] : ['POST', 'WebSocket']
        for (const transport of transports) {
          const params = { query: operation.query, variables: operation.variables?.(subjects) ?? {} }
          const { errors } = await sendOver(transport)(url, tokens[operation.by], params)
          found[`${name} over ${transport}`] = errors?.[0]?.extensions.code ?? null
        }
      }
      return found
    },
  }
}

it('the operations that are tried here are all that there are', () => {
  const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  )
  expect(new Set(Object.keys(ROOT_OPERATIONS).map((name) => name.split(' ')[0]))).toEqual(new Set(fields))
})

/** That it is told as what it is, to everybody; and that it is over when it is over. */
async function expectAway({ codes, ready, toldStranger, lines }: Broken): Promise<void> {
  await expect.poll(ready, { timeout: 10_000 }).toBe(503)
  // What a token says, and the fleet that it names, are known without the database.
  const told = Object.entries(await codes()).filter(
    ([name, code]) => code !== 'SERVICE_UNAVAILABLE' && !(name.startsWith('viewer ') && code === null),
  )
  expect(told, lines.slice(-3).join('\n')).toEqual([])
  expect(await toldStranger()).toEqual([503, 1013])
}

const expectBack = async ({ ready, server, toldStranger }: Broken): Promise<void> => {
  await expect.poll(ready, { timeout: 20_000 }).toBe(200)
  expect(await toldStranger()).toEqual([200, 'connection_ack'])
  const answer = await sendOver('POST')(server.url, await server.token(null, 'admin'), {
    query: '{ fleets { nodes { id } } }',
  })
  expect(answer.errors).toBeUndefined()
}

it(
  'every way in which a database can be away is SERVICE_UNAVAILABLE, for every operation',
  { timeout: 300_000 },
  async () => {
    const broken = await start()
    for (const [name, { away, back }] of Object.entries(WAYS)) {
      await broken.admin(...away)
      await expectAway(broken).catch((error: unknown) => {
        throw new Error(`a database that ${name}: ${String(error)}`, { cause: error })
      })
      await broken.admin(...back)
      await expectBack(broken)
    }
  },
)

it('a database that stops is SERVICE_UNAVAILABLE, and one that is about to', { timeout: 120_000 }, async () => {
  const broken = await start()
  const { postgres, admin } = broken
  // Somebody who stays connected keeps it from stopping; it lets nobody in any more.
  const last = new pg.Client({ connectionString: `${postgres.url}/postgres` })
  last.on('error', () => {})
  await last.connect()
  process.kill(postgres.pid, 'SIGTERM')
  await last.query(TERMINATE)
  await expectAway(broken)
  await last.end()
  await postgres.halt()
  await expectAway(broken)
  await postgres.resume()
  await admin('SELECT 1')
  await expectBack(broken)
})

it(
  'a primary that turns read-only under its sessions is left within seconds, by LISTEN, too',
  { timeout: 120_000 },
  async () => {
    const broken = await start()
    const { admin, postgres } = broken
    await admin('ALTER SYSTEM SET default_transaction_read_only = on', RELOAD)
    const client = new pg.Client({ connectionString: `${postgres.url}/postgres` })
    await client.connect()
    const sessions = async () =>
      (
        await client.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = '${ROLE}' AND state = 'idle'`,
        )
      ).rows[0]?.count
    await expect.poll(sessions, { timeout: 5_000, interval: 20 }).toBe(0)
    await client.end()
    await expectAway(broken)
    await admin('ALTER SYSTEM RESET default_transaction_read_only', RELOAD)
    await expectBack(broken)
  },
)

it(
  'connections that are terminated again and again cost only the operations under way',
  { timeout: 120_000 },
  async () => {
    const { admin, codes } = await start()
    // A subscription that can be opened has nothing to tell.
    const answered = Object.keys(ROOT_OPERATIONS).filter(
      (name) => !isSubscription(ROOT_OPERATIONS[name] ?? { by: 'owner', query: '' }),
    )
    let over = false
    const terminating = (async () => {
      while (!over) await admin(TERMINATE)
    })()
    for (let time = 0; time < 5; time++) {
      const told = Object.values(await codes(answered)).filter(
        (code) => code !== null && code !== 'SERVICE_UNAVAILABLE',
      )
      expect(told).toEqual([])
    }
    over = true
    await terminating
  },
)
