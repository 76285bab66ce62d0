import type { Command } from '../../domain/command.ts'
import { auditOf } from '../../domain/log/audit.ts'
import type { Actor } from '../../domain/log/audit.ts'
import type { LoggedEvent, Moment, NewEvent } from '../../domain/log/event.ts'
import type { Instant } from '../../domain/period.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle, VehicleUse } from '../../domain/vehicle.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement, Tx } from '../database/statement.ts'
import { IS_OPEN } from '../queries/open-vehicles.ts'
import { AUDIT, auditRowsOf } from '../tables/audit.ts'
import { COMMAND } from '../tables/command.ts'
import { EVENT, rowOf } from '../tables/event.ts'
import { SHARING } from '../tables/sharing.ts'
import type { Table } from '../tables/table.ts'

type Change<T> = { readonly row: T; readonly isNew: boolean }

/** The changes of a decision to a vehicle's sharings, its commands and its use, collected for one write. */
export type Changes = {
  readonly sharings: Map<string, Change<Sharing>>
  readonly commands: Map<string, Change<Command>>
  /** undefined for a use that stays as it is. */
  use: VehicleUse | null | undefined
}

export const noChanges = (): Changes => ({ sharings: new Map(), commands: new Map(), use: undefined })

/** Whether there is something to write. A change without an event is written, too. */
export const isUnchanged = ({ changes, events }: Pick<Decision, 'changes' | 'events'>): boolean =>
  events.length === 0 && changes.sharings.size === 0 && changes.commands.size === 0 && changes.use === undefined

/** Adds a changed row, or replaces an earlier change of the same row. */
export function change<T extends { readonly id: string }>(
  changes: Map<string, Change<T>>,
  row: T,
  isNew = changes.get(row.id)?.isNew ?? false,
): void {
  changes.set(row.id, { row, isNew })
}

const appended = (from: string, parameter: string) => `INSERT INTO event (${EVENT.names})
  SELECT ${EVENT.names} FROM ${from} ROWS FROM (jsonb_to_recordset(${parameter}::jsonb) AS (${EVENT.typed}))
    WITH ORDINALITY AS e
  ORDER BY e.ordinality RETURNING position, tag`

const POSITIONS = 'SELECT position, tag FROM appended ORDER BY position'
/** Without a position for a decision that was written and has no events. */
type PositionRow = { readonly position: string | null; readonly tag: number }

const APPEND: Statement = { name: 'append', text: `WITH appended AS (${appended('', '$1')}) ${POSITIONS}` }

/** Adds the positions to the events; the rows have the events' order. */
const placed = (events: readonly NewEvent[], rows: readonly PositionRow[]): LoggedEvent[] =>
  rows.flatMap(({ position, tag }, index) => {
    const event = events[index]
    return event && position !== null ? [{ ...event, position: Number(position), tag }] : []
  })

/**
 * Appends events to the log in the order given, with the transaction's commit. Positions are drawn under the vehicle's lock, so
 * the events of one vehicle have the order of their commits.
 */
export const append = async (tx: Tx, events: readonly NewEvent[]): Promise<LoggedEvent[]> =>
  placed(
    events,
    await tx.query<PositionRow>(APPEND, [JSON.stringify(events.map((event) => EVENT.toJson(rowOf(event))))]),
  )

/** A decision on a vehicle, ready for its commit. */
export type Decision = {
  readonly vehicle: Vehicle
  /** The version of the vehicle's row that the commit compares; null under the row lock, where it cannot change. */
  readonly version: string | null
  /**
   * The commit happens before this instant or not at all: no instant falls due before it, and a snapshot read without the lock
   * is fresh until then. null for no limit.
   */
  readonly validUntil: Instant | null
  /** The instant of the decision, by the database's clock, and the id of its request. */
  readonly moment: Moment
  /** The changed rows, and the events in their order, those of due steps first. */
  readonly changes: Changes
  readonly events: NewEvent[]
  /** The fleet and person of the audit entry; null for a decision without a requester. */
  readonly actor: Actor | null
}

/** The changed rows, by part, and the use. */
const ROWS = '$6::jsonb'

/** Of the owner with the partner of a new sharing. */
const PARTNERS = `partners AS MATERIALIZED (
    SELECT 1 FROM partnership WHERE fleet_id = $7 AND partner_id = $8 FOR KEY SHARE), `

/** Waits for the row's lock, then compares the version and the time. */
const keeping = (use: boolean, partners: boolean) => `${partners ? PARTNERS : ''}
  waited AS (UPDATE vehicle AS v SET last_instant = $2${use ? `, use = NULLIF(${ROWS} -> 'use', 'null')` : ''}
    FROM ${WITH_LOCK_TIMEOUT} WHERE v.id = $1 AND ($3::text IS NULL OR v.xmin::text = $3)
    ${partners ? 'AND EXISTS (SELECT FROM partners)' : ''}
    RETURNING $4::timestamptz IS NULL OR clock_timestamp() < $4 AS in_time),
  kept AS (SELECT 1 FROM waited WHERE in_time)`

const recordset = (table: string, part: string) =>
  `kept, jsonb_populate_recordset(NULL::${table}, ${ROWS} -> '${part}') AS n`

const inserting = <T>({ name, columns, names }: Table<T>, part: string) =>
  `INSERT INTO ${name} (${names}) SELECT ${columns.map((column) => `n.${column.name}`).join(', ')}
    FROM ${recordset(name, part)}`

/** A changed row is one of the vehicle's open ones. The condition lets PostgreSQL search those few instead of the table. */
const PARTS = {
  sharings: `UPDATE sharing AS s SET ${SHARING.assignments('n')} FROM ${recordset('sharing', 'sharings')}
    WHERE s.id = n.id AND s.vehicle_id = $1 AND ${IS_OPEN}`,
  newSharings: inserting(SHARING, 'newSharings'),
  newCommands: inserting(COMMAND, 'newCommands'),
  commands: `UPDATE command AS c SET ${COMMAND.assignments('n')} FROM ${recordset('command', 'commands')}
    WHERE c.id = n.id AND c.vehicle_id = $1 AND c.status IN ('PENDING', 'DISPATCHED')`,
  audit: inserting(AUDIT, 'audit'),
}
type Part = keyof typeof PARTS

/**
 * Raises an error, which undoes the whole statement, unless each part changed all the rows that it names, before validUntil.
 * Counting the rows runs the parts first.
 */
const demanding = (parts: readonly Part[]) =>
  `demanded AS (SELECT demand_rows($4, ARRAY[${[...parts.map((part) => `'${part}'`), `'events'`].join()}], ARRAY[${[
    ...parts.map((part) => `(SELECT count(*) FROM changed_${part})`),
    '(SELECT count(*) FROM appended)',
  ].join()}], ARRAY[${[
    ...parts.map((part) => `jsonb_array_length(${ROWS} -> '${part}')`),
    'jsonb_array_length($5::jsonb)',
  ].join()}]) FROM kept)`

/** One statement for each set of parts, so that a commit touches no table without a change. */
const saves = new Map<string, Statement>()

/** A sharing that ends gives its period back before a new one takes it. */
const afterEnds = (part: Part, parts: readonly Part[]): string =>
  part === 'newSharings' && parts.includes('sharings') ? 'WHERE (SELECT count(*) FROM changed_sharings) > 0' : ''

function saving(parts: readonly Part[], use: boolean): Statement {
  const name = ['save', ...(use ? ['use'] : []), ...parts].join('_')
  const known = saves.get(name)
  if (known) return known
  const changed = parts.map((part) => `changed_${part} AS (${PARTS[part]} ${afterEnds(part, parts)} RETURNING 1), `)
  const kept = keeping(use, parts.includes('newSharings'))
  const text = `WITH ${kept}, ${changed.join('')} appended AS (${appended('kept,', '$5')}), ${demanding(parts)}
    SELECT position, tag FROM demanded LEFT JOIN appended ON TRUE ORDER BY position`
  const statement: Statement = { name, text, waits: 'row' }
  saves.set(name, statement)
  return statement
}

const rowsOf = <T>(changes: Map<string, Change<T>>, isNew: boolean, toRow: (row: T) => object): object[] =>
  [...changes.values()].filter((one) => one.isNew === isNew).map(({ row }) => toRow(row))

/**
 * Writes a decision's instant, changes and events in one statement. Writes nothing if the vehicle's version has changed, the
 * owner's partnership with the partner of a new sharing has ended, or validUntil has passed.
 * @param decision is not empty
 * @returns the events with their positions; null if nothing was written
 * @throws the errors of demand_rows(): FS001 for a named row that was not changed, FS002 after validUntil
 */
export async function save({ query }: Tx, decision: Decision): Promise<LoggedEvent[] | null> {
  const { vehicle, version, validUntil, moment, changes, events, actor } = decision
  const { sharings, commands, use } = changes
  const { at } = moment
  const rows: Record<Part, object[]> = {
    sharings: rowsOf(sharings, false, SHARING.toJson),
    newSharings: rowsOf(sharings, true, SHARING.toJson),
    newCommands: rowsOf(commands, true, COMMAND.toJson),
    commands: rowsOf(commands, false, COMMAND.toJson),
    audit: actor ? auditOf(events, actor).flatMap(auditRowsOf).map(AUDIT.toJson) : [],
  }
  const parts = (Object.keys(PARTS) as Part[]).filter((part) => rows[part].length > 0)
  const values = [
    vehicle.id,
    timestamp(at),
    version,
    validUntil === null ? null : timestamp(validUntil),
    JSON.stringify(events.map((event) => EVENT.toJson(rowOf(event)))),
  ]
  if (parts.length > 0 || use !== undefined) values.push(JSON.stringify({ ...rows, use }))
  const added = [...sharings.values()].find(({ isNew }) => isNew)
  if (added) values.push(vehicle.ownerId, added.row.partnerId)
  const written = await query<PositionRow>(saving(parts, use !== undefined), values)
  return written.length === 0 ? null : placed(events, written)
}
