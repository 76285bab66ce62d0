import type { Command } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { SHARING_COLUMNS, toOpenSharing, toVehicle, VEHICLE_COLUMNS } from './reads.ts'
import type { OpenSharingRow, VehicleRow } from './reads.ts'
import { isId } from './rows.ts'
import type { Query, Statement, Tx } from './sql.ts'

export const LOCK: Statement = { name: 'lock', text: 'SELECT owner_id FROM vehicle WHERE id = $1 FOR UPDATE' }

/** $1 and $2 two fleets; holds off an end of their partnership until the transaction is over. */
export const LOCK_PARTNERSHIP: Statement = {
  name: 'lock_partnership',
  text: 'SELECT 1 FROM partnership WHERE fleet_id = $1 AND partner_id = $2 FOR KEY SHARE',
}

const OVER_COLUMNS = 's.ended_at, s.end_reason, s.cancelled_at, s.handover, s.returned'

const IS_OPEN = 's.cancelled_at IS NULL AND s.ended_at IS NULL'

/**
 * Vehicles ($1), each with its sharings that are not over by the log and the one that is named ($2), over or not; its open
 * commands; and whether its owner is a partner of a fleet ($3), which is looked up (OFFSET 0) rather than all partners hashed.
 * xmin is another one after each change of the row.
 */
const HELD: Statement = {
  name: 'held',
  text: `SELECT a.number, ${VEHICLE_COLUMNS}, v.xmin::text AS version, v.last_instant, v.deleted_at IS NOT NULL AS deleted,
    extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
    a.fleet_id IS NOT NULL AND EXISTS (
      SELECT FROM partnership AS p WHERE p.fleet_id = v.owner_id AND p.partner_id = a.fleet_id
      OFFSET 0) AS are_partners,
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.requested_at, c.id) FROM command AS c
      WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED')) AS commands,
    ${SHARING_COLUMNS}, ${OVER_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a(id, sharing_id, fleet_id, number)
    JOIN vehicle AS v ON v.id = a.id
    LEFT JOIN LATERAL (
      SELECT * FROM sharing AS s WHERE s.vehicle_id = v.id AND ${IS_OPEN}
      UNION ALL
      SELECT * FROM sharing AS s WHERE s.id = a.sharing_id AND s.vehicle_id = v.id AND NOT (${IS_OPEN})
    ) AS s ON TRUE`,
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
type HeldRow = VehicleRow & {
  /** Which of those asked for, from 1. */
  readonly number: string
  readonly version: string
  readonly last_instant: Instant
  readonly deleted: boolean
  readonly now: number
  readonly are_partners: boolean
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

/** A vehicle, and a sharing and a partner of its owner's that a decision is about. */
export type Asked = {
  readonly vehicleId: string
  readonly sharingId?: string | null | undefined
  readonly partnerId?: string | null
}

export type Stored = {
  readonly vehicle: Vehicle
  readonly deleted: boolean
  readonly lastInstant: Instant
  /** Another one after each change. */
  readonly version: string
  /** By the database's clock, no earlier than the rest was so. Milliseconds, with fractions. */
  readonly now: number
  /** The same as a reading of performance.now(), or a little later. */
  readonly read: number
  /** Whether its owner may share with the partner asked for. */
  readonly arePartners: boolean
  readonly sharings: readonly Sharing[]
  readonly commands: readonly Command[]
}

const idOrNull = (id: string | null | undefined): string | null => (id != null && isId(id) ? id : null)

/** In one statement. @returns null for each vehicle that never was */
export async function readStored(query: Query, asked: readonly Asked[]): Promise<(Stored | null)[]> {
  const rows = await query<HeldRow>(HELD, [
    asked.map(({ vehicleId }) => idOrNull(vehicleId)),
    asked.map(({ sharingId }) => idOrNull(sharingId)),
    asked.map(({ partnerId }) => idOrNull(partnerId)),
  ])
  const read = performance.now()
  const groups = asked.map((): HeldRow[] => [])
  for (const row of rows) groups[Number(row.number) - 1]?.push(row)
  return groups.map((group) => toStored(group, read))
}

function toStored(rows: readonly HeldRow[], read: number): Stored | null {
  const [row] = rows
  if (!row) return null
  return {
    vehicle: toVehicle(row),
    deleted: row.deleted,
    lastInstant: row.last_instant,
    version: row.version,
    now: row.now,
    read,
    arePartners: row.are_partners,
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
