import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { newPostgresDatabase, sql } from '../support/databases.ts'
import { fill, fleetId, ownerOf, partnerOf, vehicleId } from '../bench/data.ts'
import { ask, run } from '../support/api.ts'
import { commandDispatches, outcome, readCommand, report, reportAt, sendCommand } from '../support/gateway.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { FOLLOW, subscribe } from '../support/sockets.ts'
import { iso } from '../support/world.ts'

/** Large enough that reading a whole table costs more than finding a row. */
const WORLD = { vehicles: 5_000, events: 20_000 }
const LARGE = ['vehicle', 'sharing', 'event', 'command', 'idempotency_key', 'audit']
const HOUR = 3_600_000

const VEHICLE =
  'id fleet { name } state { ignition { value } } sharing { id partner { name } } sharings(first: 2) { nodes { id } }'
const LISTS = [
  `{ vehicles(first: 3) { nodes { ${VEHICLE} } pageInfo { endCursor } } }`,
  `{ vehicles(last: 3) { nodes { ${VEHICLE} } } }`,
  '{ sharings(first: 3) { nodes { id vehicle { id } } pageInfo { endCursor } } }',
  '{ sharings(last: 3) { nodes { id } } }',
  '{ sharingPartners { nodes { id } } viewer { fleet { name } } }',
  '{ auditTrail(first: 3) { nodes { action } } }',
  '{ auditTrail(last: 3, filter: { vehicleId: "V" }) { nodes { action } } }',
  '{ vehicleEvents(first: 3) { nodes { cursor vehicle { id } } pageInfo { endCursor } } }',
  '{ vehicleEvents(first: 500, filter: { types: [SHARING_STARTED, SHARING_ENDED] }) { nodes { id } } }',
]

/** What was done in the past; little of it is still open. */
const PAST = `
  INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, requested_at, deadline, dispatched_at, completed_at)
    SELECT 'c' || v.id || n, 'DRAW_ATTENTION', 'SUCCEEDED', v.id, v.owner_id, v.owner_id, at, at + interval '1 minute', at, at
    FROM vehicle AS v, generate_series(1, 4) AS n, LATERAL (SELECT now() - n * interval '1 hour' AS at) AS t;
  INSERT INTO idempotency_key (fleet_id, mutation, key, input_hash, result_id, created_at)
    SELECT v.owner_id, 'sendCommand', v.id, 'hash', 'c' || v.id || 1, now() - interval '1 hour' FROM vehicle AS v;
  INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, request_id)
    SELECT owner_id, created_at, 'START_SHARING', owner_id, vehicle_id, id FROM sharing;
  ANALYZE`

const statements = new Set<string>()
let server: TestServer
let database: pg.Client

beforeAll(async () => {
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  await fill(databaseUrl, WORLD)
  await sql(databaseUrl, PAST)
  server = await startServer({ databaseUrl, onStatement: (text) => void statements.add(text) })
  database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  await aDay()
})
afterAll(async () => {
  await database.end()
  await server.close()
})

/** Everything that fleets and gateways do all day. */
async function aDay(): Promise<void> {
  const { url, token } = server
  const number = 1
  const [id, owner, partner] = [vehicleId(number), fleetId(ownerOf(number)), fleetId(ownerOf(number) + 1)]
  expect(partnerOf(number)).toBeNull()
  const as = await token(owner, 'manager')
  const gateway = await token(null, 'gateway')
  for (const list of LISTS) await ask(url, as, list)
  const { vehicles } = await ask(url, as, LISTS[0] ?? '')
  const more = 'query ($after: String) { vehicles(after: $after) { nodes { id } } }'
  await ask(url, as, more, { after: vehicles.pageInfo.endCursor })
  const { vehicleEvents } = await ask(
    url,
    as,
    LISTS.find((list) => list.includes('endCursor') && list.includes('vehicleEvents')) ?? '',
  )
  const follower = await subscribe(url, as, FOLLOW, { after: vehicleEvents.pageInfo.endCursor })
  const dispatches = await commandDispatches(url, gateway)
  const history =
    'query ($id: ID!) { vehicle(id: $id) { name } vehicleEvents(filter: { vehicleIds: [$id] }) { nodes { id } } }'
  await ask(url, as, history, { id })
  await report(url, gateway, [reportAt(id, 'plans', Date.now(), { speedKmh: 3 })])
  await run(url, as, 'startSharing', { vehicleId: id, fleetId: partner, idempotencyKey: 'plans' })
  await run(url, as, 'updateSharingEnd', { vehicleId: id, endsAt: iso(Date.now() + HOUR) })
  await run(url, as, 'endSharing', { vehicleId: id })
  await run(url, as, 'startSharing', { vehicleId: id, fleetId: partner, startsAt: iso(Date.now() + HOUR) })
  await run(url, as, 'updateVehicle', { id, name: 'Planned' })
  await sendCommand(url, as, { vehicleId: id, type: 'DRAW_ATTENTION' })
  const [{ data }] = await dispatches.received(1)
  const { commandId } = data.commandDispatches
  await outcome(url, gateway, { commandId, outcome: 'SUCCEEDED' })
  await readCommand(url, as, commandId)
  dispatches.stop()
  follower.stop()
}

type Plan = {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly Filter?: string
  readonly Plans?: readonly Plan[]
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

/** Also an index may be read whole, from one end to the other, for what a filter lets through. */
const isReadWhole = (node: Plan): boolean =>
  node['Node Type'].endsWith('Seq Scan') ||
  (node['Node Type'].includes('Index') && node['Index Cond'] === undefined && node.Filter !== undefined)

/** The tables that a statement reads whole, whatever its values are. */
async function readWhole(text: string): Promise<string[]> {
  const { rows } = await database.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Plan }] }>(
    `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
  )
  return rows.flatMap((row) =>
    nodesOf(row['QUERY PLAN'][0].Plan)
      .filter((node) => isReadWhole(node) && LARGE.includes(node['Relation Name'] ?? ''))
      .map((node) => node['Relation Name'] ?? ''),
  )
}

// As the server's own sessions plan, and as those behind a pooler do.
it.each(['off', 'on'])(
  'no statement of an ordinary day reads a large table whole, enable_seqscan %s',
  async (setting) => {
    await database.query(`SET enable_seqscan = ${setting}`)
    const plannable = [...statements].filter((text) => /^\s*(SELECT|WITH|INSERT|UPDATE|DELETE|\()/i.test(text))
    const found: string[] = []
    for (const text of plannable) {
      for (const table of await readWhole(text)) found.push(`${table}: ${text.replaceAll(/\s+/g, ' ')}`)
    }
    expect(found).toEqual([])
    // Of what matters most, nothing was missed: reading vehicles, lists, pages of the log, deciding and writing.
    for (const part of [
      'unnest($1',
      'FROM vehicle AS v',
      'UNION ALL',
      'FROM event',
      'kept AS',
      'FOR UPDATE',
      'log_horizon',
    ])
      expect(plannable.filter((text) => text.includes(part)).length, part).toBeGreaterThan(0)
    expect(plannable.length).toBeGreaterThan(25)
  },
)

it('would be found out if it did', async () => {
  const byName = 'SELECT * FROM vehicle AS v WHERE v.name = $1'
  expect(await readWhole(byName)).toEqual(['vehicle'])
  expect(await readWhole(`${byName} ORDER BY v.id LIMIT 1`)).toEqual(['vehicle'])
})
