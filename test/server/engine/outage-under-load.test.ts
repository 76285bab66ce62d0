import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { pino } from 'pino'
import { run } from '../../support/api.ts'
import { sql } from '../../support/databases.ts'
import { sendCommand } from '../../support/gateway.ts'
import { startPostgres, startStandbyOf } from '../../support/postgres.ts'
import { isSubscription, ROOT_OPERATIONS } from '../../support/root-operations.ts'
import type { RootOperation, Subjects } from '../../support/root-operations.ts'
import { startServer } from '../../support/server.ts'
import { sendOver } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'

const CALLERS = 16
const OPERATIONS = Object.entries(ROOT_OPERATIONS).filter(
  ([name, operation]) => !isSubscription(operation) && name !== 'deleteVehicle',
)

type Load = {
  /** How often each code was answered, null standing for an answer without errors. */
  readonly codes: Map<string | null, number>
  readonly stop: () => Promise<void>
}

/** Callers that send one operation after the other, all kinds of them, half of them over WebSockets. */
function load(send: (operation: RootOperation, isSocket: boolean) => Promise<readonly string[]>): Load {
  const codes = new Map<string | null, number>()
  let isOver = false
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let nth = caller; !isOver; nth++) {
      const operation = OPERATIONS[nth % OPERATIONS.length]?.[1]
      const found: readonly (string | null)[] = operation ? await send(operation, caller % 2 === 0) : []
      for (const code of found.length > 0 ? found : [null]) codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  })
  return {
    codes,
    stop: async () => {
      isOver = true
      await Promise.all(callers)
    },
  }
}

it(
  'whatever happens to the database under load, clients meet SERVICE_UNAVAILABLE and nothing else',
  { timeout: 180_000 },
  async () => {
    const primary = await startPostgres()
    onTestFinished(primary.stop)
    await sql(`${primary.url}/postgres`, 'CREATE DATABASE fleets')
    const prepared = await startServer({ databaseUrl: `${primary.url}/fleets` })
    const { as, owner, partner, stranger, newVehicle } = await makeWorld(prepared)
    const vehicle = await newVehicle()
    const { command } = await sendCommand(prepared.url, as.owner, { vehicleId: vehicle, type: 'DRAW_ATTENTION' })
    const { sharing } = await run(prepared.url, as.owner, 'startSharing', { vehicleId: vehicle, fleetId: partner })
    const subjects: Subjects = { owner, partner, stranger, vehicle, sharing: sharing.id, command: command.id }
    await prepared.close()
    const standby = await startStandbyOf(primary)
    onTestFinished(standby.stop)

    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
    const databaseUrl = `${primary.url},${new URL(standby.url).host}/fleets?target_session_attrs=read-write`
    const server = await startServer({ databaseUrl, log, dataDir: prepared.settings.dataDir })
    onTestFinished(server.close)
    const tokens = {
      owner: await server.token(owner, 'manager'),
      admin: await server.token(null, 'admin'),
      gateway: await server.token(null, 'gateway'),
    }
    const { codes, stop } = load(async ({ query, variables, by }, isSocket) => {
      const params = { query, variables: variables?.(subjects) ?? {} }
      const { errors = [] } = await sendOver(isSocket ? 'WebSocket' : 'POST')(server.url, tokens[by], params)
      return errors.map(({ extensions }) => extensions['code'])
    })
    onTestFinished(stop)
    const ready = async () => (await fetch(`${server.url}/ready`)).status
    const count = (code: string | null) => codes.get(code) ?? 0
    /** Something that happens, what ends it, and that it was noticed and is over. */
    const outage = async (begin: () => Promise<unknown>, end: () => Promise<unknown>) => {
      const before = count('SERVICE_UNAVAILABLE')
      await begin()
      await expect.poll(() => count('SERVICE_UNAVAILABLE'), { timeout: 15_000 }).toBeGreaterThan(before)
      await end()
      await expect.poll(ready, { timeout: 20_000 }).toBe(200)
      const answered = count(null)
      await expect.poll(() => count(null), { timeout: 10_000 }).toBeGreaterThan(answered + CALLERS)
    }
    const onStandby =
      (...statements: readonly string[]) =>
      async () => {
        const client = new pg.Client({ connectionString: `${standby.url}/postgres` })
        await client.connect()
        for (const statement of statements) await client.query(statement)
        await client.end()
      }

    await expect.poll(() => count(null), { timeout: 20_000 }).toBeGreaterThan(OPERATIONS.length)
    // The primary's process is killed, and comes back: its log is replayed.
    await outage(primary.crash, primary.resume)
    // It is killed again, and the standby, which was behind, takes its place.
    await outage(primary.crash, onStandby('SELECT pg_promote()'))
    // One of its sessions is killed: PostgreSQL ends all of them, and recovers.
    await outage(
      () => killSession(standby.url),
      () => Promise.resolve(),
    )
    await outage(standby.halt, standby.resume)
    await outage(
      onStandby('ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()'),
      onStandby('ALTER SYSTEM RESET default_transaction_read_only', 'SELECT pg_reload_conf()'),
    )
    await stop()
    codes.delete(null)
    expect([...codes.keys()], lines.at(-1)).toEqual(['SERVICE_UNAVAILABLE'])
  },
)

/** Kills the process that serves one of this server's connections. */
async function killSession(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${url}/postgres` })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'fleetshare' LIMIT 1",
  )
  const [session] = rows
  if (!session) throw new Error('there is no session')
  process.kill(session.pid, 'SIGKILL')
  await client.end().catch(() => {})
}
