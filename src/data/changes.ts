import type { Command } from '../domain/command.ts'
import type { NewEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import type { Sharing } from '../domain/sharing.ts'
import { timestamp } from './sql.ts'
import type { Statement, Tx } from './sql.ts'

type Change<T> = { readonly row: T; readonly isNew: boolean }

/** What a decision does to a vehicle's sharings and commands, until all of it is written at once. */
export type Changes = {
  readonly sharings: Map<string, Change<Sharing>>
  readonly commands: Map<string, Change<Command>>
}

export const noChanges = (): Changes => ({ sharings: new Map(), commands: new Map() })

/** Adds one, or goes on from what was done to it before. */
export function change<T extends { readonly id: string }>(
  changes: Map<string, Change<T>>,
  row: T,
  isNew = changes.get(row.id)?.isNew ?? false,
): void {
  changes.set(row.id, { row, isNew })
}

const iso = (at: Instant | null): string | null => (at === null ? null : timestamp(at))

const sharingRow = (sharing: Sharing) => ({
  id: sharing.id,
  vehicle_id: sharing.vehicleId,
  owner_id: sharing.ownerId,
  partner_id: sharing.partnerId,
  starts_at: iso(sharing.startsAt),
  ends_at: iso(sharing.endsAt),
  ended_at: iso(sharing.endedAt),
  end_reason: sharing.endReason,
  cancelled_at: iso(sharing.cancelledAt),
  allowed_commands: sharing.allowedCommands ?? [],
  start_recorded: sharing.startRecorded,
  end_requested_at: iso(sharing.endRequestedAt),
  end_requested_by: sharing.endRequestedBy,
  handover: sharing.handover,
  returned: sharing.returned,
  created_at: iso(sharing.createdAt),
})

const commandRow = (command: Command) => ({
  id: command.id,
  type: command.type,
  status: command.status,
  vehicle_id: command.vehicleId,
  owner_id: command.ownerId,
  fleet_id: command.fleetId,
  sharing_id: command.sharingId,
  requested_at: iso(command.requestedAt),
  deadline: iso(command.deadline),
  dispatched_at: iso(command.dispatchedAt),
  completed_at: iso(command.completedAt),
  message: command.message,
})

const eventRow = (event: NewEvent) => ({
  type: event.type,
  vehicle_id: event.vehicleId,
  owner_id: event.ownerId,
  partner_id: event.partnerId,
  occurred_at: iso(event.occurredAt),
  recorded_at: iso(event.recordedAt),
  request_id: event.requestId,
  sharing_id: 'sharingId' in event ? event.sharingId : null,
  command_id: 'commandId' in event ? event.commandId : null,
  facts: 'facts' in event ? event.facts : null,
})

const APPENDED = `INSERT INTO event
  (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, sharing_id, command_id, facts)
  SELECT e.type, e.vehicle_id, e.owner_id, e.partner_id, e.occurred_at, e.recorded_at, e.request_id, e.sharing_id,
    e.command_id, e.facts
  FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (
    type TEXT, vehicle_id TEXT, owner_id TEXT, partner_id TEXT, occurred_at TIMESTAMPTZ(3), recorded_at TIMESTAMPTZ(3),
    request_id TEXT, sharing_id TEXT, command_id TEXT, facts JSONB)) WITH ORDINALITY AS e
  ORDER BY e.ordinality`

const APPEND: Statement = { name: 'append', text: APPENDED }

/** The instant of the decision, what it changes, and the events, in one statement. */
const SAVE: Statement = {
  name: 'save',
  text: `WITH kept AS (UPDATE vehicle SET last_instant = $3 WHERE id = $2),
  new_sharing AS (INSERT INTO sharing SELECT * FROM jsonb_populate_recordset(NULL::sharing, $4::jsonb)),
  old_sharing AS (
    UPDATE sharing AS s SET starts_at = n.starts_at, ends_at = n.ends_at, ended_at = n.ended_at,
      end_reason = n.end_reason, cancelled_at = n.cancelled_at, start_recorded = n.start_recorded,
      end_requested_at = n.end_requested_at, end_requested_by = n.end_requested_by, handover = n.handover,
      returned = n.returned
    FROM jsonb_populate_recordset(NULL::sharing, $5::jsonb) AS n WHERE s.id = n.id),
  new_command AS (INSERT INTO command SELECT * FROM jsonb_populate_recordset(NULL::command, $6::jsonb)),
  old_command AS (
    UPDATE command AS c SET status = n.status, dispatched_at = n.dispatched_at, completed_at = n.completed_at,
      message = n.message
    FROM jsonb_populate_recordset(NULL::command, $7::jsonb) AS n WHERE c.id = n.id)
  ${APPENDED}`,
}

/**
 * Appends in the order given; the transaction is what makes them happen. Positions are drawn while the vehicle's lock is
 * held, so events of one vehicle have the order of their commits.
 */
export async function append(tx: Tx, events: readonly NewEvent[]): Promise<void> {
  if (events.length > 0) await tx.query(APPEND, [JSON.stringify(events.map(eventRow))])
}

export async function save(
  tx: Tx,
  vehicleId: string,
  at: Instant,
  { sharings, commands }: Changes,
  events: readonly NewEvent[],
): Promise<void> {
  const rows = <T>(changes: Map<string, Change<T>>, isNew: boolean, toRow: (row: T) => object) =>
    JSON.stringify([...changes.values()].filter((one) => one.isNew === isNew).map(({ row }) => toRow(row)))
  await tx.query(SAVE, [
    JSON.stringify(events.map(eventRow)),
    vehicleId,
    iso(at),
    rows(sharings, true, sharingRow),
    rows(sharings, false, sharingRow),
    rows(commands, true, commandRow),
    rows(commands, false, commandRow),
  ])
}
