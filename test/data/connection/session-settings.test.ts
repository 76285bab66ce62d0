import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { ask, run } from '../../support/api.ts'
import { newName, sql } from '../../support/databases.ts'
import { report } from '../../support/gateway.ts'
import { startServer } from '../../support/server.ts'
import { inHours, makeWorld } from '../../support/world.ts'
import { startupOptions } from '../../../src/data/connection/session.ts'

/** A database of a role of its own, which owns it. */
async function ownDatabase(encoding = 'UTF8') {
  const name = newName('own')
  const server = inject('postgresUrl')
  await sql(`${server}/postgres`, `CREATE ROLE ${name} LOGIN PASSWORD 'secret'`)
  await sql(
    `${server}/postgres`,
    `CREATE DATABASE ${name} OWNER ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`,
  )
  const url = new URL(`${server}/${name}`)
  url.username = name
  url.password = 'secret'
  return { name, url: url.href, set: (text: string) => sql(`${server}/${name}`, text) }
}

const SPEED = 123.45678901234567

/** What a server makes of instants and numbers. */
async function expectRight(databaseUrl: string): Promise<void> {
  const server = await startServer({ databaseUrl })
  onTestFinished(server.close)
  const { as, partner, newVehicle } = await makeWorld(server)
  const gateway = await server.token(null, 'gateway')
  const vehicleId = await newVehicle({ name: 'Größe 漢字' })
  const begun = Date.now()
  await run(server.url, as.owner, 'startSharing', { vehicleId, fleetId: partner, endsAt: inHours(1) })
  await report(server.url, gateway, [
    { vehicleId, messageId: 'm', occurredAt: new Date().toISOString(), speedKmh: SPEED },
  ])
  const read = `query ($id: ID!) { vehicle(id: $id) { name sharing { phase startsAt } state { speedKmh { value observedAt } } }
    sharings(filter: { phase: ACTIVE }) { nodes { phase startsAt } }
    vehicleEvents(filter: { types: [STATE_RECORDED] }) { nodes { recordedAt ... on StateEvent { state { speedKmh { value } } } } } }`
  const data = await ask(server.url, as.owner, read, { id: vehicleId })
  expect(data.vehicle).toMatchObject({
    name: 'Größe 漢字',
    sharing: { phase: 'ACTIVE' },
    state: { speedKmh: { value: SPEED } },
  })
  expect(data.sharings.nodes).toMatchObject([{ phase: 'ACTIVE' }])
  const [event] = data.vehicleEvents.nodes
  expect(event.state).toEqual({ speedKmh: { value: SPEED } })
  for (const instant of [
    data.vehicle.sharing.startsAt,
    data.vehicle.state.speedKmh.observedAt,
    data.sharings.nodes[0].startsAt,
    event.recordedAt,
  ]) {
    expect(Math.abs(Date.parse(instant) - begun)).toBeLessThan(60_000)
  }
  const revoke = 'mutation { revokeTokens(input: { subject: "nobody" }) { ... on RevokeTokensSuccess { until } } }'
  const { revokeTokens } = await ask(server.url, as.admin, revoke)
  expect(Math.abs(Date.parse(revokeTokens.until) - begun)).toBeLessThan(60_000)
}

const HOSTILE: Readonly<Record<string, string>> = {
  TimeZone: 'Asia/Kolkata',
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  statement_timeout: '1',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
  idle_session_timeout: '50',
  transaction_timeout: '1',
  synchronous_commit: 'off',
  enable_indexscan: 'off',
  enable_seqscan: 'on',
  jit: 'on',
  plan_cache_mode: 'force_custom_plan',
}

it.each(['the database', 'the role', 'the URL'] as const)('settings of %s change nothing', async (whose) => {
  const { name, url, set } = await ownDatabase()
  if (whose === 'the URL') {
    const options = Object.entries(HOSTILE).map(([setting, value]) => `-c ${setting}=${value.replaceAll(' ', '\\ ')}`)
    return expectRight(`${url}?options=${encodeURIComponent(options.join(' '))}`)
  }
  const kind = whose === 'the role' ? 'ROLE' : 'DATABASE'
  const settings = Object.entries(HOSTILE).map(([setting, value]) => {
    const list = setting === 'DateStyle' ? value : `'${value}'`
    return `ALTER ${kind} ${name} SET ${setting} = ${list}`
  })
  await set(settings.join('; '))
  return expectRight(url)
})

it('each connection has the settings that this server relies on, even if the role sets others', async () => {
  const { name, url, set } = await ownDatabase()
  await set(
    Object.entries(HOSTILE)
      .map(([setting, value]) => `ALTER ROLE ${name} SET ${setting} = '${value}'`)
      .join('; '),
  )
  const client = new pg.Client({
    connectionString: url.split('?')[0],
    options: startupOptions('-c work_mem=9MB', 'public', 0),
  })
  await client.connect()
  onTestFinished(() => client.end())
  const { rows } = await client.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE source = 'client' ORDER BY name",
  )
  const settings = Object.fromEntries(rows.map((row) => [row.name, row.setting]))
  expect(settings).toMatchObject({
    TimeZone: 'UTC',
    DateStyle: 'ISO, MDY',
    default_transaction_isolation: 'read committed',
    enable_indexscan: 'on',
    extra_float_digits: '1',
    search_path: '"public"',
    statement_timeout: '15000',
    work_mem: '9216',
  })
})

it.each([
  [
    'the first of the search_path',
    '',
    (name: string) =>
      `ALTER ROLE ${name} SET search_path = 'My fleet', public; CREATE SCHEMA "My fleet" AUTHORIZATION ${name}`,
  ],
  ['one named after the role', '', (name: string) => `CREATE SCHEMA AUTHORIZATION ${name}`],
  ['one that the URL names, and that is not there yet', '?schema=My%20fleet', () => 'SELECT 1'],
])('the tables may be in another schema than public: %s', async (_, query, prepare) => {
  const { name, url, set } = await ownDatabase()
  await set(prepare(name))
  await expectRight(`${url}${query}`)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  const { rows } = await client.query(
    "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('vehicle', 'event', 'secret')",
  )
  expect(rows).toEqual([{ schemaname: name === rows[0]?.schemaname ? name : 'My fleet' }])
})

it.each(['LATIN1', 'SQL_ASCII'])('a database in %s is refused', async (encoding) => {
  const { url } = await ownDatabase(encoding)
  await expect(startServer({ databaseUrl: url })).rejects.toThrow(
    new RegExp(`^DATABASE_URL leads to a database in the encoding ${encoding}`),
  )
})

it.each([
  [
    'ALTER ROLE # SET default_transaction_read_only = on',
    /^DATABASE_URL: cannot be written to, for default_transaction_read_only is on/,
  ],
  ['ALTER DATABASE # SET default_transaction_read_only = on', /^DATABASE_URL: cannot be written to/],
  [
    "ALTER ROLE # SET session_replication_role = 'replica'",
    /^DATABASE_URL: session_replication_role of the session has to be origin, not replica/,
  ],
  ["ALTER ROLE # SET search_path = 'nowhere'", /^DATABASE_URL: no schema of the role's search_path exists/],
])('what it cannot live with stops the start in one line: %s', async (statement, complaint) => {
  const { name, url, set } = await ownDatabase()
  await set(statement.replace('#', name))
  const failed = await startServer({ databaseUrl: url }).catch((error: unknown) => error as Error)
  expect(failed).toBeInstanceOf(Error)
  expect((failed as Error).message).toMatch(complaint)
  expect((failed as Error).message).not.toContain('\n')
})
