import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readTrail } from '../../../src/data/decisions/audit.ts'
import type { TrailEntry } from '../../../src/data/decisions/audit.ts'
import { listCommands } from '../../../src/data/queries/history/commands.ts'
import type { CommandKey } from '../../../src/data/queries/history/commands.ts'
import { listSharings } from '../../../src/data/queries/history/sharings.ts'
import { listVehicles } from '../../../src/data/queries/lists.ts'
import type { Page, SharingKey } from '../../../src/data/queries/lists.ts'
import { createOpenVehicles } from '../../../src/data/queries/open-vehicles.ts'
import { createWaitForWriters } from '../../../src/data/queries/wait-for-writers.ts'
import { findVehicles } from '../../../src/data/queries/search/find-vehicles.ts'
import type { Services } from '../../../src/data/services.ts'
import { VEHICLE_RELATIONS } from '../../../src/domain/access/access.ts'
import { COMMAND_STATUSES } from '../../../src/domain/command.ts'
import type { Command } from '../../../src/domain/command.ts'
import { SHARING_PHASES, SHARING_STATUSES } from '../../../src/domain/sharing.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { keyOf } from '../../../src/domain/vehicle-order.ts'
import type { Vehicle } from '../../../src/domain/vehicle.ts'
import { newPostgresDatabase, sql } from '../../support/databases.ts'

/** What a page may read and sort at most, in pages: a branch for each status of a command, of own vehicles and of others. */
const MOST_PAGES = 15
const PAGE = 20
/** Of each kind that a filter tells apart: many more than that. */
const EACH = 2_000

/** Fleet b is the partner in half of the sharings and sent half of the commands, and the other half is that of others. */
const WORLD = `
  INSERT INTO fleet (id, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');
  INSERT INTO vehicle (id, owner_id, name, license_plate, supported_commands, last_instant, created_at)
    SELECT 'v' || n, 'a', 'Car ' || n % 7, CASE WHEN n % 9 > 0 THEN 'P ' || n END, '{}', now(), now() FROM generate_series(0, ${2 * EACH}) AS n;
  INSERT INTO sharing
    (id, vehicle_id, owner_id, partner_id, starts_at, started_at, start_recorded, ended_at, end_reason, cancelled_at, created_at)
    SELECT phase || n, vehicle, 'a', CASE WHEN n % 2 = 0 THEN 'b' ELSE 'c' END, at,
      CASE WHEN phase IN ('ACTIVE', 'ENDED') THEN at END, phase IN ('ACTIVE', 'ENDED'),
      CASE WHEN phase = 'ENDED' THEN at + interval '1 second' END,
      CASE WHEN phase IN ('ENDED', 'CANCELLED') THEN 'ENDED_BY_OWNER' END,
      CASE WHEN phase = 'CANCELLED' THEN at - interval '1 second' END, at
    FROM generate_series(1, ${EACH}) AS n, unnest('{SCHEDULED, ACTIVE, ENDED, CANCELLED}'::text[]) AS phase,
      LATERAL (SELECT CASE WHEN phase = 'SCHEDULED' THEN now() + interval '1 day' + n * interval '1 minute'
        WHEN phase = 'ACTIVE' THEN now() - interval '1 hour' ELSE now() - interval '1 day' - n * interval '1 minute' END AS at,
        CASE WHEN phase IN ('ENDED', 'CANCELLED') THEN 'v0' WHEN phase = 'ACTIVE' THEN 'v' || n ELSE 'v' || n + ${EACH} END AS vehicle) AS t;
  INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, requested_at, deadline, dispatched_at, completed_at)
    SELECT status || n, 'DRAW_ATTENTION', status, 'v0', 'a', CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END, at, at + interval '1 day', at, at
    FROM generate_series(1, ${EACH}) AS n, unnest('{SUCCEEDED, FAILED}'::text[]) AS status,
      LATERAL (SELECT now() - n * interval '1 minute' AS at) AS t;
  INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, request_id)
    SELECT reader, now(), 'START_SHARING', 'a', CASE WHEN n % 2 = 0 THEN 'v0' ELSE 'v1' END, 'request'
    FROM generate_series(1, ${EACH}) AS n, unnest('{a, b}'::text[]) AS reader`

type Node = {
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

let client: pg.Client
beforeAll(async () => {
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  await sql(databaseUrl, WORLD)
  await sql(databaseUrl, 'VACUUM ANALYZE')
  client = new pg.Client({ connectionString: databaseUrl, options: '-c plan_cache_mode=force_generic_plan' })
  await client.connect()
})
afterAll(() => client.end())

/** The most rows that one step of the plan looked at. */
const mostRows = (node: Node): number =>
  Math.max(
    (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
      node['Actual Loops'],
    ...(node.Plans ?? []).map(mostRows),
  )

async function rowsReadBy(text: string, values: readonly unknown[]): Promise<number> {
  const literals = values.map((value) => {
    if (value instanceof Date) return client.escapeLiteral(value.toISOString())
    if (Array.isArray(value)) return client.escapeLiteral(`{${value.join(',')}}`)
    return typeof value === 'number' ? String(value) : client.escapeLiteral(value as string)
  })
  await client.query(`PREPARE explained AS ${text}`)
  const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE explained (${literals.join(', ')})`,
  )
  await client.query('DEALLOCATE explained')
  const [row] = rows
  if (!row) throw new Error('there is no plan')
  return mostRows(row['QUERY PLAN'][0].Plan)
}

/** Reads the first page, the one behind it and the last one. @returns their lengths, and the most that one step looked at */
async function read<Row, Key>(
  keyOf: (row: Row) => Key,
  list: (services: Services, page: Page<Key>) => Promise<readonly Row[]>,
): Promise<{ readonly lengths: readonly number[]; readonly most: number }> {
  let most = 0
  const query = async <Found>({ text }: { readonly text: string }, values: readonly unknown[]) => {
    most = Math.max(most, await rowsReadBy(text, values))
    return (await client.query(text, [...values])).rows as Found[]
  }
  const services = {
    query,
    openVehicles: createOpenVehicles(query, createWaitForWriters(query)),
  } as unknown as Services
  const start: Page<Key> = { after: null, before: null, limit: PAGE, backwards: false }
  const first = await list(services, start)
  const edge = first.at(-1)
  const behind = edge && (await list(services, { ...start, after: keyOf(edge) }))
  const last = await list(services, { ...start, backwards: true })
  return { lengths: [first, behind ?? [], last].map(({ length }) => length), most }
}

const FLEETS = ['a', 'b'] as const
const FULL = [PAGE, PAGE, PAGE]
const startOf = ({ startsAt, id }: Sharing): SharingKey => [startsAt, id]
const requestOf = ({ requestedAt, id }: Command): CommandKey => [requestedAt, id]

it('a page of sharings costs the same however long the past is, whatever the filter', async () => {
  const found: Record<string, number> = {}
  for (const fleetId of FLEETS) {
    for (const phase of [null, ...SHARING_PHASES]) {
      for (const status of [null, ...SHARING_STATUSES]) {
        const filter = { phase, status, vehicleId: null }
        const { lengths, most } = await read(startOf, (services, page) =>
          listSharings(services, fleetId, Date.now(), filter, page),
        )
        const isParty = status === null || (status === 'SHARED_OWN_VEHICLE') === (fleetId === 'a')
        const name = `${fleetId} ${phase} ${status}`
        expect(lengths, name).toEqual(isParty ? FULL : [0, 0, 0])
        if (most > MOST_PAGES * PAGE) found[name] = most
      }
    }
  }
  expect(found).toEqual({})
})

it("so does one of a vehicle's sharings", async () => {
  const filter = { phase: null, status: null, vehicleId: 'v0' }
  for (const fleetId of FLEETS) {
    const { lengths, most } = await read(startOf, (services, page) =>
      listSharings(services, fleetId, Date.now(), filter, page),
    )
    expect(lengths, fleetId).toEqual(FULL)
    expect(most, fleetId).toBeLessThanOrEqual(MOST_PAGES * PAGE)
  }
})

it('so does one of commands', async () => {
  const found: Record<string, number> = {}
  for (const fleetId of FLEETS) {
    for (const vehicleId of [null, 'v0']) {
      for (const status of [null, ...COMMAND_STATUSES]) {
        const filter = { vehicleId, status }
        const { lengths, most } = await read(requestOf, (services, page) =>
          listCommands(services, fleetId, Date.now(), filter, page),
        )
        const name = `${fleetId} ${vehicleId} ${status}`
        if (status === null) expect(lengths, name).toEqual(FULL)
        if (most > MOST_PAGES * PAGE) found[name] = most
      }
    }
  }
  expect(found).toEqual({})
})

it('so does one of vehicles, whatever their relation, in each order that has an index', async () => {
  const found: Record<string, number> = {}
  for (const fleetId of FLEETS) {
    for (const relation of [null, ...VEHICLE_RELATIONS]) {
      const filter = { relation, ids: null, search: null, partnerId: null }
      const isSome = relation === null || (relation === 'SHARED_IN') === (fleetId === 'b')
      const check = (order: string, { lengths, most }: Awaited<ReturnType<typeof read>>) => {
        const name = `${fleetId} ${relation} ${order}`
        expect(lengths, name).toEqual(isSome ? FULL : [0, 0, 0])
        if (most > MOST_PAGES * PAGE) found[name] = most
      }
      const byId = await read(
        ({ id }: Vehicle) => id,
        (services, page: Page<string>) => listVehicles(services, fleetId, Date.now(), filter, page),
      )
      check('ID', byId)
      for (const partnerId of relation === 'OWNED' ? [null] : [null, fleetId === 'a' ? 'b' : 'a']) {
        for (const order of ['LICENSE_PLATE', 'NAME'] as const) {
          const ordered = await read(
            (vehicle: Vehicle) => keyOf(order, vehicle),
            (services, page) => findVehicles(services, fleetId, Date.now(), { ...filter, partnerId }, order, page),
          )
          check(`${order} ${partnerId}`, ordered)
        }
      }
    }
  }
  expect(found).toEqual({})
})

it('so does one of the audit trail', async () => {
  for (const fleetId of FLEETS) {
    for (const vehicleId of [null, 'v0']) {
      const { lengths, most } = await read(
        ({ position }: TrailEntry) => position,
        (services, page) => readTrail(services, fleetId, vehicleId, page),
      )
      expect(lengths, `${fleetId} ${vehicleId}`).toEqual(FULL)
      expect(most, `${fleetId} ${vehicleId}`).toBeLessThanOrEqual(MOST_PAGES * PAGE)
    }
  }
})
