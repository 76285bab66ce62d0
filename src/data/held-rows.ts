import type { Command } from '../domain/command.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { VehicleState } from '../domain/state.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import {
  flag,
  flagAt,
  float,
  floatAt,
  instant,
  instantAt,
  integer,
  integerAt,
  packing,
  present,
  word,
  wordAt,
} from './packed.ts'
import type { Packed, Places } from './packed.ts'
import { IS_OPEN, OPEN_SHARING, SHARING, toOpenSharing, toVehicle, VEHICLE, VEHICLE_TEXTS } from './reads.ts'
import type { VehicleTexts } from './reads.ts'
import { isId } from './rows.ts'
import { jsonInstant } from './sql.ts'
import type { Query, Statement, Tx } from './sql.ts'

export const LOCK: Statement = { name: 'lock', text: 'SELECT owner_id FROM vehicle WHERE id = $1 FOR UPDATE' }

/** $1 and $2 two fleets; holds off an end of their partnership until the transaction is over. */
export const LOCK_PARTNERSHIP: Statement = {
  name: 'lock_partnership',
  text: 'SELECT 1 FROM partnership WHERE fleet_id = $1 AND partner_id = $2 FOR KEY SHARE',
}

const ANY_SHARING = {
  ...SHARING,
  endedAt: instant('s.ended_at'),
  endReason: word('s.end_reason'),
  cancelledAt: instant('s.cancelled_at'),
}

const SNAPSHOTS = 's.handover, s.returned'

const HELD_COLUMNS = packing({
  ...VEHICLE,
  ...ANY_SHARING,
  /** Which of those asked for, from 1. */
  number: integer('a.number'),
  version: word('v.xmin'),
  lastInstant: instant('v.last_instant'),
  deleted: flag('v.deleted_at IS NOT NULL'),
  now: float('extract(epoch FROM clock_timestamp())::float8 * 1000'),
  arePartners: flag(`a.fleet_id IS NOT NULL AND EXISTS (
      SELECT FROM partnership AS p WHERE p.fleet_id = v.owner_id AND p.partner_id = a.fleet_id
      OFFSET 0)`),
})

/**
 * Vehicles ($1), each with its sharings that are not over by the log and the one that is named ($2), over or not; its open
 * commands; and whether its owner is a partner of a fleet ($3), which is looked up (OFFSET 0) rather than all partners hashed.
 * xmin is another one after each change of the row.
 */
const HELD: Statement = {
  name: 'held',
  text: `SELECT ${HELD_COLUMNS.sql}, ${VEHICLE_TEXTS}, ${SNAPSHOTS},
    (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.requested_at, c.id) FROM command AS c
      WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED')) AS commands
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a(id, sharing_id, fleet_id, number)
    JOIN vehicle AS v ON v.id = a.id
    LEFT JOIN LATERAL (
      SELECT * FROM sharing AS s WHERE ${OPEN_SHARING}
      UNION ALL
      SELECT * FROM sharing AS s WHERE s.id = a.sharing_id AND s.vehicle_id = v.id AND NOT (${IS_OPEN})
    ) AS s ON TRUE`,
}

const ONE_SHARING = packing({ ...ANY_SHARING, vehicleId: word('s.vehicle_id'), ownerId: word('s.owner_id') })

const STORED_SHARING: Statement = {
  name: 'sharing',
  text: `SELECT ${ONE_SHARING.sql}, ${SNAPSHOTS} FROM sharing AS s WHERE s.id = $1`,
}

const COMMAND: Statement = {
  name: 'command',
  text: 'SELECT to_jsonb(c) AS command FROM command AS c WHERE id = $1',
}

/** As SNAPSHOTS names them. */
type Snapshots = { readonly handover: VehicleState | null; readonly returned: VehicleState | null }

/** As HELD names them: one row for each sharing, or one without. */
type HeldRow = VehicleTexts & Snapshots & Packed & { readonly commands: readonly CommandRow[] | null }

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
  const { at } = HELD_COLUMNS
  const found: (Stored & { sharings: Sharing[] })[] = []
  for (const row of rows) {
    HELD_COLUMNS.open(row)
    const stored = (found[present(integerAt(at.number)) - 1] ??= toStored(row, read))
    if (wordAt(at.sharingId) !== null) stored.sharings.push(toSharing(row, at, stored.vehicle))
  }
  return asked.map((_, index) => found[index] ?? null)
}

/** Of the row that is open, without its sharings. */
function toStored(row: HeldRow, read: number): Stored & { sharings: Sharing[] } {
  const { at } = HELD_COLUMNS
  return {
    vehicle: toVehicle(row, at),
    deleted: present(flagAt(at.deleted)),
    lastInstant: present(instantAt(at.lastInstant)),
    version: present(wordAt(at.version)),
    now: present(floatAt(at.now)),
    read,
    arePartners: present(flagAt(at.arePartners)),
    sharings: [],
    commands: (row.commands ?? []).map(toCommand),
  }
}

/** As it is stored, over or not. */
export async function storedSharing(tx: Tx, id: string): Promise<Sharing> {
  const [row] = await tx.query<Snapshots & Packed>(STORED_SHARING, [id])
  if (!row) throw new Error('a sharing that is known is missing')
  ONE_SHARING.open(row)
  const { at } = ONE_SHARING
  return toSharing(row, at, { id: present(wordAt(at.vehicleId)), ownerId: present(wordAt(at.ownerId)) })
}

export async function storedCommand(tx: Tx, id: string): Promise<Command> {
  const [row] = await tx.query<{ command: CommandRow }>(COMMAND, [id])
  if (!row) throw new Error('a command that is known is missing')
  return toCommand(row.command)
}

/** Of the row that is open. */
const toSharing = (
  { handover, returned }: Snapshots,
  at: Places<typeof ANY_SHARING>,
  vehicle: { readonly id: string; readonly ownerId: string },
): Sharing => ({
  ...toOpenSharing(at, vehicle),
  endedAt: instantAt(at.endedAt),
  endReason: wordAt(at.endReason) as Sharing['endReason'],
  cancelledAt: instantAt(at.cancelledAt),
  handover,
  returned,
})

const parsed = (text: string | null): Instant | null => (text === null ? null : jsonInstant(text))

const toCommand = (row: CommandRow): Command => ({
  id: row.id,
  type: row.type,
  status: row.status,
  vehicleId: row.vehicle_id,
  ownerId: row.owner_id,
  fleetId: row.fleet_id,
  sharingId: row.sharing_id,
  requestedAt: jsonInstant(row.requested_at),
  deadline: jsonInstant(row.deadline),
  dispatchedAt: parsed(row.dispatched_at),
  completedAt: parsed(row.completed_at),
  message: row.message,
})
