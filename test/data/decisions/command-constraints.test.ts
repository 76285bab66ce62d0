import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { newPostgresDatabase } from '../../support/databases.ts'

let client: pg.Client
beforeAll(async () => {
  client = new pg.Client({ connectionString: await newPostgresDatabase(inject('postgresUrl')) })
  await client.connect()
  await client.query(`INSERT INTO fleet (id, name) VALUES ('owner', 'Owner')`)
  await client.query(
    `INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at) VALUES ('car', 'owner', '{}', now(), now())`,
  )
})
beforeEach(() => client.query('DELETE FROM command'))
afterAll(() => client.end())

/** @returns the constraint that refuses it, or null */
const refusedBy = (sql: string, values: readonly unknown[]): Promise<string | null> =>
  client.query(sql, [...values]).then(
    () => null,
    ({ constraint, message }: Error & { constraint?: string }) => constraint ?? message,
  )

const T = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second))

type Row = {
  readonly status: string
  readonly dispatched_at?: Date
  readonly completed_at?: Date
  readonly deadline?: Date
  readonly vehicle_id?: string
  readonly fleet_id?: string
}

const insert = (row: Row) => {
  const given = {
    vehicle_id: 'car',
    fleet_id: 'owner',
    deadline: T(30),
    dispatched_at: null,
    completed_at: null,
    ...row,
  }
  return refusedBy(
    `INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, requested_at, deadline, dispatched_at, completed_at)
     VALUES ('c', 'LOCK_TOP_CASE', $1, $2, 'owner', $3, $4, $5, $6, $7)`,
    [given.status, given.vehicle_id, given.fleet_id, T(0), given.deadline, given.dispatched_at, given.completed_at],
  )
}

describe('the database takes a command', () => {
  it.each<[Row]>([
    [{ status: 'PENDING' }],
    [{ status: 'DISPATCHED', dispatched_at: T(1) }],
    [{ status: 'SUCCEEDED', dispatched_at: T(1), completed_at: T(2) }],
    [{ status: 'FAILED', dispatched_at: T(1), completed_at: T(2) }],
    [{ status: 'OUTCOME_UNKNOWN', dispatched_at: T(1), completed_at: T(30) }],
    [{ status: 'EXPIRED', completed_at: T(30) }],
    [{ status: 'CANCELLED_BY_HANDOVER', completed_at: T(2) }],
  ])('%j', async (row) => {
    expect(await insert(row)).toBeNull()
  })
})

describe('the database refuses a command', () => {
  it.each<[string, Row, constraint: string]>([
    ['of a status of its own', { status: 'LOST', completed_at: T(2) }, 'command_status_check'],
    ['whose deadline is its beginning', { status: 'PENDING', deadline: T(0) }, 'command_check'],
    ['dispatched at no time', { status: 'DISPATCHED' }, 'command_dispatched'],
    ['dispatched, and pending', { status: 'PENDING', dispatched_at: T(1) }, 'command_dispatched'],
    ['dispatched, and expired', { status: 'EXPIRED', dispatched_at: T(1), completed_at: T(30) }, 'command_dispatched'],
    ['succeeded without being dispatched', { status: 'SUCCEEDED', completed_at: T(2) }, 'command_dispatched'],
    ['completed, and pending', { status: 'PENDING', completed_at: T(2) }, 'command_completed'],
    ['failed at no time', { status: 'FAILED', dispatched_at: T(1) }, 'command_completed'],
    ['of a vehicle that does not exist', { status: 'PENDING', vehicle_id: 'none' }, 'command_vehicle_id_fkey'],
    ['by a fleet that does not exist', { status: 'PENDING', fleet_id: 'none' }, 'command_fleet_id_fkey'],
  ])('%s', async (_, row, constraint) => {
    expect(await insert(row)).toBe(constraint)
  })
})

describe('the database refuses readings that no vehicle can have', () => {
  it.each<[column: string, low: unknown, high: unknown, ...wrong: unknown[]]>([
    ['latitude', -90, 90, -90.1, 90.1],
    ['longitude', -180, 180, -180.1, 180.1],
    ['speed_kmh', 0, 1e6, -0.1],
    ['mileage_km', 0, 1e9, -0.1],
    ['energy_percent', 0, 100, -0.1, 100.1],
    ['central_lock', 'LOCKED', 'UNLOCKED', 'AJAR'],
  ])('%s', async (column, low, high, ...wrong) => {
    const update = `UPDATE vehicle SET ${column} = $1`
    expect([await refusedBy(update, [low]), await refusedBy(update, [high])]).toEqual([null, null])
    for (const value of wrong) expect(await refusedBy(update, [value])).toBe(`vehicle_${column}_check`)
  })
})
