import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { rowsOf, transaction } from './pool.ts'
import type { Statement } from './pool.ts'
import { CONTROL, END, LOCK, LOCK_ALL, PARTNERS, RECORD, SEND, START } from './statements.ts'

/** An event as it lies in the log. */
export type EventRow = {
  readonly position: string
  readonly type: string
  readonly vehicle_id: string
  readonly owner_id: string
  readonly partner_id: string | null
  readonly occurred_at: string
  readonly recorded_at: string
  readonly request_id: string | null
  readonly sharing_id: string | null
  readonly command_id: string | null
  readonly facts: Readonly<Record<string, unknown>>
}

/** What a mutation answers, and what it has appended to the log. */
export type Written = { readonly answer: object; readonly events: readonly EventRow[] }

export class RefusedError extends Error {}

export type StartInput = { readonly vehicleId: string; readonly fleetId: string; readonly endsAt?: string | null }
export type EndInput = { readonly vehicleId: string }
export type SendInput = { readonly vehicleId: string; readonly type: string; readonly timeoutSeconds?: number | null }

export type Report = {
  readonly vehicleId: string
  readonly messageId: string
  readonly occurredAt: string
  readonly position?: { readonly latitude: number; readonly longitude: number } | null
  readonly speedKmh?: number | null
  readonly mileageKm?: number | null
  readonly energyPercent?: number | null
  readonly centralLock?: string | null
  readonly drivingEnabled?: boolean | null
  readonly ignition?: boolean | null
}

type Locked = { readonly owner_id: string; readonly supported_commands: readonly string[] }

const EXCLUSION_VIOLATION = '23P01'

async function lock(client: pg.PoolClient, vehicleId: string): Promise<Locked> {
  const [locked] = await rowsOf<Locked>(client, LOCK, [vehicleId])
  if (locked === undefined) throw new RefusedError('VEHICLE_NOT_FOUND')
  return locked
}

/** The rows of a statement that is one, with the events in them. */
async function write<Row>(client: pg.PoolClient, statement: Statement, values: unknown[], otherwise: string) {
  const rows = await rowsOf<EventRow & Row>(client, statement, values)
  const [row] = rows
  if (row === undefined) throw new RefusedError(otherwise)
  return { row, events: rows }
}

/** The owner lends a vehicle from now on. */
export const startSharing = (pool: pg.Pool, fleetId: string, input: StartInput): Promise<Written> =>
  transaction(pool, async (client) => {
    const { vehicleId, fleetId: partnerId, endsAt = null } = input
    const { owner_id } = await lock(client, vehicleId)
    if (owner_id !== fleetId) throw new RefusedError('VEHICLE_NOT_FOUND')
    const partners = await rowsOf(client, PARTNERS, [fleetId, partnerId])
    if (partners.length === 0) throw new RefusedError('NOT_A_PARTNER')
    const id = randomUUID()
    type Row = { starts_at: string; ends_at: string | null; partner_name: string }
    const values = [vehicleId, randomUUID(), partnerId, endsAt, id]
    const { row, events } = await write<Row>(client, START, values, 'VEHICLE_NOT_FOUND').catch((error: unknown) => {
      const isTaken = error instanceof pg.DatabaseError && error.code === EXCLUSION_VIOLATION
      throw isTaken ? new RefusedError('ALREADY_SHARED') : error
    })
    const partner = { id: partnerId, name: row.partner_name }
    const sharing = { id, phase: 'ACTIVE', startsAt: row.starts_at, endsAt: row.ends_at, partner }
    return { answer: { __typename: 'StartSharingSuccess', vehicle: { id: vehicleId }, sharing }, events }
  })

/** Either party ends the sharing in force. */
export const endSharing = (pool: pg.Pool, fleetId: string, { vehicleId }: EndInput): Promise<Written> =>
  transaction(pool, async (client) => {
    const { owner_id } = await lock(client, vehicleId)
    type Row = { ended_id: string; ended_at: string; end_reason: string }
    const { row, events } = await write<Row>(client, END, [vehicleId, randomUUID(), fleetId], 'NOT_SHARED')
    const sharing = { id: row.ended_id, phase: 'ENDED', endedAt: row.ended_at, endReason: row.end_reason }
    const vehicle = owner_id === fleetId ? { id: vehicleId } : null
    return { answer: { __typename: 'EndSharingSuccess', vehicle, sharing }, events }
  })

/** Whoever controls a vehicle tells it what to do. */
export const sendCommand = (pool: pg.Pool, fleetId: string, input: SendInput): Promise<Written> =>
  transaction(pool, async (client) => {
    const { vehicleId, type, timeoutSeconds } = input
    const { owner_id, supported_commands } = await lock(client, vehicleId)
    type Control = { id: string; partner_id: string; allowed_commands: readonly string[] }
    const [sharing] = await rowsOf<Control>(client, CONTROL, [vehicleId])
    if (fleetId !== (sharing?.partner_id ?? owner_id)) {
      throw new RefusedError(fleetId === owner_id ? 'SHARED_WITH_PARTNER' : 'VEHICLE_NOT_FOUND')
    }
    if (!supported_commands.includes(type)) throw new RefusedError('COMMAND_NOT_SUPPORTED')
    const allowed = sharing?.allowed_commands ?? []
    if (allowed.length > 0 && !allowed.includes(type)) throw new RefusedError('COMMAND_NOT_ALLOWED_BY_SHARING')
    const id = randomUUID()
    const values = [vehicleId, randomUUID(), id, type, timeoutSeconds ?? 30, fleetId, sharing?.id ?? null]
    type Row = { status: string; requested_at: string; deadline: string }
    const { row, events } = await write<Row>(client, SEND, values, 'VEHICLE_NOT_FOUND')
    const command = { id, type, status: row.status, requestedAt: row.requested_at, deadline: row.deadline }
    return { answer: { __typename: 'SendCommandSuccess', command }, events }
  })

/** What vehicles reported: two statements, whatever their number. */
export const recordReports = (pool: pg.Pool, reports: readonly Report[]): Promise<Written> =>
  transaction(pool, async (client) => {
    const ids = [...new Set(reports.map(({ vehicleId }) => vehicleId))]
    const known = new Set((await rowsOf<{ id: string }>(client, LOCK_ALL, [ids])).map(({ id }) => id))
    const rejected = reports.flatMap(({ vehicleId }, index) =>
      known.has(vehicleId) ? [] : [{ index, code: 'VEHICLE_NOT_FOUND', message: 'There is no such vehicle.' }],
    )
    const events = await rowsOf<EventRow>(client, RECORD, [JSON.stringify(reports.map(toColumns)), randomUUID()])
    const skipped = reports.length - rejected.length - events.length
    return {
      answer: { __typename: 'ReportVehicleStatesSuccess', recorded: events.length, skipped, rejected },
      events,
    }
  })

const toColumns = ({ vehicleId, messageId, occurredAt, ...facts }: Report, index: number) => ({
  index,
  vehicleId,
  messageId,
  occurredAt,
  latitude: facts.position?.latitude,
  longitude: facts.position?.longitude,
  speed_kmh: facts.speedKmh,
  mileage_km: facts.mileageKm,
  energy_percent: facts.energyPercent,
  central_lock: facts.centralLock,
  driving_enabled: facts.drivingEnabled,
  ignition: facts.ignition,
  facts,
})

/** As the subscription shows it. */
export const toEvent = (row: EventRow) => ({
  __typename: TYPE_NAMES[row.type] ?? 'SharingEvent',
  cursor: row.position,
  type: row.type,
  vehicleId: row.vehicle_id,
  occurredAt: row.occurred_at,
  recordedAt: row.recorded_at,
  requestId: row.request_id,
  state: row.type === 'STATE_RECORDED' ? stateOf(row) : undefined,
})

const TYPE_NAMES: Readonly<Record<string, string>> = { STATE_RECORDED: 'StateEvent', COMMAND_UPDATED: 'CommandEvent' }

const stateOf = ({ facts, occurred_at: observedAt }: EventRow) =>
  Object.fromEntries(
    Object.entries(facts).map(([kind, value]) => [
      kind,
      kind === 'position' ? { ...(value as object), observedAt } : { value, observedAt },
    ]),
  )
