import { auditOf } from '../../domain/log/audit.ts'
import type { LoggedEvent, NewEvent } from '../../domain/log/event.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement, Tx } from '../database/statement.ts'
import { IS_OPEN } from '../queries/open-vehicles.ts'
import type { Change, Changes, Decision } from '../services.ts'
import { AUDIT, auditRowsOf } from '../tables/audit.ts'
import { COMMAND } from '../tables/command.ts'
import { EVENT, rowOf } from '../tables/event.ts'
import { SHARING } from '../tables/sharing.ts'
import type { Table } from '../tables/table.ts'

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
  placed(events, await tx.query<PositionRow>(APPEND, [eventsJson(events)]))

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

/** Parts of a decision beside the vehicle and the log, in the order in which they are written. */
export const PARTS = ['sharings', 'newSharings', 'newCommands', 'commands', 'audit'] as const
export type Part = (typeof PARTS)[number]

/**
 * Statements for the parts of a decision. A changed row is one of the vehicle's open ones; the condition lets PostgreSQL search
 * those few instead of the table.
 * @param recordset the rows `n` of a part, as they are in a table
 * @param vehicleId the vehicle of a changed row
 * @param isWritten the condition for a row to be written
 */
export function changing(
  recordset: (table: string, part: Part) => string,
  vehicleId: string,
  isWritten: string,
): Readonly<Record<Part, string>> {
  const inserting = <T>({ name, columns, names }: Table<T>, part: Part) =>
    `INSERT INTO ${name} (${names}) SELECT ${columns.map((column) => `n.${column.name}`).join(', ')}
      FROM ${recordset(name, part)} WHERE ${isWritten}`
  return {
    sharings: `UPDATE sharing AS s SET ${SHARING.assignments('n')} FROM ${recordset('sharing', 'sharings')}
      WHERE s.id = n.id AND s.vehicle_id = ${vehicleId} AND ${IS_OPEN} AND ${isWritten}`,
    newSharings: inserting(SHARING, 'newSharings'),
    newCommands: inserting(COMMAND, 'newCommands'),
    commands: `UPDATE command AS c SET ${COMMAND.assignments('n')} FROM ${recordset('command', 'commands')}
      WHERE c.id = n.id AND c.vehicle_id = ${vehicleId} AND c.status IN ('PENDING', 'DISPATCHED') AND ${isWritten}`,
    audit: inserting(AUDIT, 'audit'),
  }
}

const CHANGING = changing(
  (table, part) => `kept, jsonb_populate_recordset(NULL::${table}, ${ROWS} -> '${part}') AS n`,
  '$1',
  'TRUE',
)

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
export function statementsFor(
  prefix: string,
  make: (parts: readonly Part[], use: boolean) => Omit<Statement, 'name'>,
): (parts: readonly Part[], use?: boolean) => Statement {
  const known = new Map<string, Statement>()
  return (parts, use = false) => {
    const name = [prefix, ...(use ? ['use'] : []), ...parts].join('_')
    const statement = known.get(name) ?? { name, ...make(parts, use) }
    known.set(name, statement)
    return statement
  }
}

/** A sharing that ends gives its period back before a new one takes it. */
const afterEnds = (part: Part, parts: readonly Part[]): string =>
  part === 'newSharings' && parts.includes('sharings') ? 'AND (SELECT count(*) FROM changed_sharings) > 0' : ''

const saving = statementsFor('save', (parts, use) => {
  const changed = parts.map((part) => `changed_${part} AS (${CHANGING[part]} ${afterEnds(part, parts)} RETURNING 1), `)
  const kept = keeping(use, parts.includes('newSharings'))
  const text = `WITH ${kept}, ${changed.join('')} appended AS (${appended('kept,', '$5')}), ${demanding(parts)}
    SELECT position, tag FROM demanded LEFT JOIN appended ON TRUE ORDER BY position`
  return { text, waits: 'row' }
})

const rowsOf = <T>(changes: Map<string, Change<T>>, isNew: boolean, toRow: (row: T) => object): object[] =>
  [...changes.values()].filter((one) => one.isNew === isNew).map(({ row }) => toRow(row))

/** The rows of a decision that change or are new, as JSON, by part. */
export const rowsByPart = ({ changes: { sharings, commands }, events, actor }: Decision): Record<Part, object[]> => ({
  sharings: rowsOf(sharings, false, SHARING.toJson),
  newSharings: rowsOf(sharings, true, SHARING.toJson),
  newCommands: rowsOf(commands, true, COMMAND.toJson),
  commands: rowsOf(commands, false, COMMAND.toJson),
  audit: actor ? auditOf(events, actor).flatMap(auditRowsOf).map(AUDIT.toJson) : [],
})

/** The parts that have rows. */
export const partsIn = (rows: Readonly<Record<Part, readonly object[]>>): Part[] =>
  PARTS.filter((part) => rows[part].length > 0)

/** The fleet that a new sharing is with; null for a decision without one. */
export const newPartnerOf = ({ changes }: Decision): string | null =>
  [...changes.sharings.values()].find(({ isNew }) => isNew)?.row.partnerId ?? null

/** The events, in their order, as JSON. */
export const eventsJson = (events: readonly NewEvent[]): string =>
  JSON.stringify(events.map((event) => EVENT.toJson(rowOf(event))))

/**
 * Writes a decision's instant, changes and events in one statement. Writes nothing if the vehicle's version has changed, the
 * owner's partnership with the partner of a new sharing has ended, or validUntil has passed.
 * @param decision is not empty
 * @returns the events with their positions; null if nothing was written
 * @throws the errors of demand_rows(): FS001 for a named row that was not changed, FS002 after validUntil
 */
export async function save({ query }: Tx, decision: Decision): Promise<LoggedEvent[] | null> {
  const { vehicle, version, validUntil, moment, events } = decision
  const { use } = decision.changes
  const rows = rowsByPart(decision)
  const parts = partsIn(rows)
  const values = [
    vehicle.id,
    timestamp(moment.at),
    version,
    validUntil === null ? null : timestamp(validUntil),
    eventsJson(events),
  ]
  if (parts.length > 0 || use !== undefined) values.push(JSON.stringify({ ...rows, use }))
  const partnerId = newPartnerOf(decision)
  if (partnerId !== null) values.push(vehicle.ownerId, partnerId)
  const written = await query<PositionRow>(saving(parts, use !== undefined), values)
  return written.length === 0 ? null : placed(events, written)
}
