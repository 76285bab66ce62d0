import type { Command } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { SHARING_COLUMNS, toOpenSharing, toVehicle, VEHICLE_COLUMNS } from './reads.ts'
import type { OpenSharingRow, VehicleRow } from './reads.ts'
import type { Statement, Tx } from './sql.ts'

/** The row, and the database's clock once it was had: in one expression it would be read before the wait. */
export const LOCK: Statement = {
  name: 'lock',
  text: `WITH locked AS MATERIALIZED (SELECT id FROM vehicle WHERE id = $1 FOR UPDATE)
    SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now FROM locked`,
}

const OVER_COLUMNS = 's.ended_at, s.end_reason, s.cancelled_at, s.handover, s.returned'

const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

/** A vehicle with its sharings that are not over by the log and the one that is named ($2), over or not; and its open commands. */
export const HELD: Statement = {
  name: 'held',
  text: `SELECT ${VEHICLE_COLUMNS}, v.last_instant, v.deleted_at IS NOT NULL AS deleted,
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.requested_at, c.id) FROM command AS c
      WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED')) AS commands,
    ${SHARING_COLUMNS}, ${OVER_COLUMNS}
  FROM vehicle AS v LEFT JOIN LATERAL (
    SELECT * FROM sharing AS s WHERE s.vehicle_id = v.id AND ${IS_OPEN}
    UNION ALL
    SELECT * FROM sharing AS s WHERE s.id = $2 AND s.vehicle_id = v.id AND NOT (${IS_OPEN})
  ) AS s ON TRUE
  WHERE v.id = $1`,
}

const SHARING: Statement = {
  name: 'sharing',
  text: `SELECT s.vehicle_id, s.owner_id, ${SHARING_COLUMNS}, ${OVER_COLUMNS} FROM sharing AS s WHERE s.id = $1`,
}

const COMMAND: Statement = {
  name: 'command',
  text: 'SELECT to_jsonb(c) AS command FROM command AS c WHERE id = $1',
}

/** As HELD names them: one row for each sharing, or one without. */
export type HeldRow = VehicleRow & {
  readonly last_instant: Instant
  readonly deleted: boolean
  readonly commands: readonly CommandRow[] | null
} & (SharingRow | { readonly sharing_id: null })

type SharingRow = OpenSharingRow & {
  readonly ended_at: Instant | null
  readonly end_reason: Sharing['endReason']
  readonly cancelled_at: Instant | null
  readonly handover: VehicleState | null
  readonly returned: VehicleState | null
}

/** As to_jsonb() writes it. */
type CommandRow = {
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
    sharings: rows.flatMap((one) => (one.sharing_id === null ? [] : [toSharing(one, one.id, one.owner_id)])),
    commands: (row.commands ?? []).map(toCommand),
  }
}

/** As it is stored, over or not. */
export async function storedSharing(tx: Tx, id: string): Promise<Sharing> {
  const [row] = await tx.query<SharingRow & { vehicle_id: string; owner_id: string }>(SHARING, [id])
  if (!row) throw new Error('a sharing that is known is missing')
  return toSharing(row, row.vehicle_id, row.owner_id)
}

export async function storedCommand(tx: Tx, id: string): Promise<Command> {
  const [row] = await tx.query<{ command: CommandRow }>(COMMAND, [id])
  if (!row) throw new Error('a command that is known is missing')
  return toCommand(row.command)
}

const toSharing = (row: SharingRow, vehicleId: string, ownerId: string): Sharing => ({
  ...toOpenSharing(row, vehicleId, ownerId),
  endedAt: row.ended_at,
  endReason: row.end_reason,
  cancelledAt: row.cancelled_at,
  handover: row.handover,
  returned: row.returned,
})

const instant = (text: string | null): Instant | null => (text === null ? null : Date.parse(text))

const toCommand = (row: CommandRow): Command => ({
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
