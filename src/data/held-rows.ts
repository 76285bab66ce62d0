import type { Command } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { commandsOf, toVehicle, VEHICLE_COLUMNS } from './reads.ts'
import type { VehicleRow } from './reads.ts'
import type { Statement } from './sql.ts'

/** The row, and the database's clock once it was had: in one expression it would be read before the wait. */
export const LOCK: Statement = {
  name: 'lock',
  text: `WITH locked AS MATERIALIZED (SELECT id FROM vehicle WHERE id = $1 FOR UPDATE)
    SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now FROM locked`,
}

const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

/** A vehicle with its sharings that are not over by the log and the one that is named ($2), over or not; and its open commands. */
export const HELD: Statement = {
  name: 'held',
  text: `SELECT ${VEHICLE_COLUMNS}, v.last_instant, v.deleted_at IS NOT NULL AS deleted,
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.requested_at, c.id) FROM command AS c
      WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED')) AS commands,
    s.id AS sharing_id, s.partner_id, s.starts_at, s.ends_at, s.ended_at, s.end_reason, s.cancelled_at,
    s.allowed_commands, s.start_recorded, s.end_requested_at, s.end_requested_by, s.handover, s.returned, s.created_at
  FROM vehicle AS v LEFT JOIN LATERAL (
    SELECT * FROM sharing AS s WHERE s.vehicle_id = v.id AND ${IS_OPEN}
    UNION ALL
    SELECT * FROM sharing AS s WHERE s.id = $2 AND s.vehicle_id = v.id AND NOT (${IS_OPEN})
  ) AS s ON TRUE
  WHERE v.id = $1`,
}

/** $1 its id. */
export const SHARING: Statement = { name: 'sharing', text: 'SELECT * FROM sharing WHERE id = $1' }

/** $1 its id. */
export const COMMAND: Statement = {
  name: 'command',
  text: 'SELECT to_jsonb(c) AS command FROM command AS c WHERE id = $1',
}

/** As HELD names them: one row for each sharing, or one without. */
export type HeldRow = VehicleRow & {
  readonly last_instant: Instant
  readonly deleted: boolean
  readonly commands: readonly CommandRow[] | null
  readonly sharing_id: string | null
} & Omit<SharingRow, 'id' | 'vehicle_id' | 'owner_id'>

export type SharingRow = {
  readonly id: string
  readonly vehicle_id: string
  readonly owner_id: string
  readonly partner_id: string
  readonly starts_at: Instant
  readonly ends_at: Instant | null
  readonly ended_at: Instant | null
  readonly end_reason: Sharing['endReason']
  readonly cancelled_at: Instant | null
  readonly allowed_commands: string
  readonly start_recorded: boolean
  readonly end_requested_at: Instant | null
  readonly end_requested_by: string | null
  readonly handover: VehicleState | null
  readonly returned: VehicleState | null
  readonly created_at: Instant
}

/** As to_jsonb() writes it. */
export type CommandRow = {
  readonly id: string
  readonly type: Command['type']
  readonly status: Command['status']
  readonly vehicle_id: string
  readonly owner_id: string
  readonly fleet_id: string
  readonly sharing_id: string | null
  readonly requested_at: string
  readonly deadline: string
  readonly dispatched_at: string | null
  readonly completed_at: string | null
  readonly message: string | null
}

export type Stored = {
  readonly vehicle: Vehicle
  readonly deleted: boolean
  readonly lastInstant: Instant
  readonly sharings: readonly Sharing[]
  readonly commands: readonly Command[]
}

/** @param rows of HELD, for a vehicle that there is */
export function heldOf(rows: readonly HeldRow[]): Stored {
  const [row] = rows
  if (!row) throw new Error('a vehicle that was locked is missing')
  return {
    vehicle: toVehicle(row),
    deleted: row.deleted,
    lastInstant: row.last_instant,
    sharings: rows.flatMap((one) =>
      one.sharing_id === null ? [] : [toSharing({ ...one, id: one.sharing_id, vehicle_id: one.id })],
    ),
    commands: (row.commands ?? []).map(toCommand),
  }
}

export const toSharing = (row: SharingRow): Sharing => ({
  id: row.id,
  vehicleId: row.vehicle_id,
  ownerId: row.owner_id,
  partnerId: row.partner_id,
  startsAt: row.starts_at,
  endsAt: row.ends_at,
  endedAt: row.ended_at,
  endReason: row.end_reason,
  cancelledAt: row.cancelled_at,
  allowedCommands: row.allowed_commands === '{}' ? null : commandsOf(row.allowed_commands),
  startRecorded: row.start_recorded,
  endRequestedAt: row.end_requested_at,
  endRequestedBy: row.end_requested_by,
  handover: row.handover,
  returned: row.returned,
  createdAt: row.created_at,
})

const instant = (text: string | null): Instant | null => (text === null ? null : Date.parse(text))

export const toCommand = (row: CommandRow): Command => ({
  id: row.id,
  type: row.type,
  status: row.status,
  vehicleId: row.vehicle_id,
  ownerId: row.owner_id,
  fleetId: row.fleet_id,
  sharingId: row.sharing_id,
  requestedAt: Date.parse(row.requested_at),
  deadline: Date.parse(row.deadline),
  dispatchedAt: instant(row.dispatched_at),
  completedAt: instant(row.completed_at),
  message: row.message,
})
