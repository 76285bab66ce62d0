import { sharingAt } from '../domain/access.ts'
import { InputError, ERROR_CODES } from '../domain/errors.ts'
import type { ErrorCode } from '../domain/errors.ts'
import { sharingEvent } from '../domain/event.ts'
import type { LoggedEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { endIfIdle } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import { checkBatch, checkReport, isIdle, merge, stateOf } from '../domain/state.ts'
import type { Report, Values } from '../domain/state.ts'
import { change } from './changes.ts'
import type { Database } from './client.ts'
import { cancelPending, committed, hold, release } from './lock.ts'
import type { Held } from './lock.ts'
import { retried } from './retried.ts'
import { isId } from './rows.ts'
import type { Statement, Tx } from './sql.ts'

export type Rejected = { readonly index: number; readonly code: ErrorCode; readonly message: string }
export type Recorded = { readonly recorded: number; readonly skipped: number; readonly rejected: readonly Rejected[] }

type Indexed = Report & { readonly index: number }

/**
 * Takes a batch of reports: each is recorded, skipped as known, or rejected. One statement, whatever their number; only
 * where control passes is there more to do, and then it is one transaction.
 * @throws InputError at [reports] unless there are 1 to 1000
 */
export async function recordReports(db: Database, requestId: string, reports: readonly Report[]): Promise<Recorded> {
  checkBatch(reports)
  db.clock.check()
  const now = db.clock.now()
  const objections = new Map<number, Omit<Rejected, 'index'>>()
  const valid = reports.flatMap((report, index): Indexed[] => {
    const reason = objection(report, now)
    if (reason) objections.set(index, reason)
    return reason ? [] : [{ ...report, index }]
  })
  const repeated = await repeatedAmong(db, reports, objections)
  const rejected = [...objections].flatMap(([index, reason]) => (repeated.has(index) ? [] : [{ index, ...reason }]))
  if (valid.length === 0) return { recorded: 0, skipped: repeated.size, rejected }

  let outcome = await retried(() => recordAll(db, valid, requestId, [], db.isFollowed()))
  if (outcome.attention.length > 0) outcome = await recordWithHandovers(db, valid, requestId, outcome.attention)
  db.written.events.STATE_RECORDED += outcome.recorded
  if (outcome.recorded > 0) db.appended((outcome.events ?? []).map((row) => stateRecorded(row, requestId)))
  for (const index of outcome.unknown) rejected.push({ index, ...notFound })
  return {
    recorded: outcome.recorded,
    skipped: valid.length - outcome.recorded - outcome.unknown.length + repeated.size,
    rejected: rejected.toSorted((a, b) => a.index - b.index),
  }
}

/** Of the reports that cannot be taken, those whose message is known: it is skipped, whatever it says now. */
async function repeatedAmong(
  { prisma }: Database,
  reports: readonly Report[],
  objections: ReadonlyMap<number, unknown>,
): Promise<ReadonlySet<number>> {
  const asked = [...objections.keys()].flatMap((index) => {
    const { vehicleId, messageId } = reports[index] ?? { vehicleId: '', messageId: '' }
    const canBeKnown = isId(vehicleId) && messageId.isWellFormed() && !messageId.includes('\0')
    return canBeKnown ? [{ index, vehicleId, messageId }] : []
  })
  if (asked.length === 0) return new Set()
  const rows = await prisma.$queryRaw<{ index: number }[]>`
    SELECT r.index FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb)
      AS r (index INT, "vehicleId" TEXT, "messageId" TEXT)
    JOIN event AS e ON e.vehicle_id = r."vehicleId" AND e.message_id = r."messageId"
    JOIN vehicle AS v ON v.id = e.vehicle_id AND v.deleted_at IS NULL`
  return new Set(rows.map(({ index }) => index))
}

const notFound = { code: 'VEHICLE_NOT_FOUND', message: ERROR_CODES.VEHICLE_NOT_FOUND } as const

function objection(report: Report, now: number): Omit<Rejected, 'index'> | null {
  if (!isId(report.vehicleId)) return notFound
  try {
    checkReport(report, now)
    return null
  } catch (error) {
    if (error instanceof InputError) return { code: error.code, message: error.message }
    throw error
  }
}

/** The attention as a list: an array of texts would come as PostgreSQL writes it. */
const RECORD: Statement = {
  name: 'record',
  text: `SELECT recorded, "unknown", to_jsonb(attention) AS attention, events
    FROM record_vehicle_states($1::jsonb, $2, $3::text[], $4)`,
}
/** Always in this order, so that two batches never wait for each other crosswise. */
const LOCK_ALL: Statement = {
  name: 'lock_all',
  text: 'SELECT 1 FROM vehicle WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE',
}
const KNOWN: Statement = {
  name: 'known_messages',
  text: 'SELECT message_id FROM event WHERE vehicle_id = $1 AND message_id = ANY($2::text[])',
}

type Outcome = {
  recorded: number
  unknown: number[]
  attention: string[]
  /** What was appended; null where nothing was, or nobody follows it here. */
  events: RecordedRow[] | null
}

type RecordedRow = {
  readonly position: number
  readonly vehicle_id: string
  readonly owner_id: string
  readonly partner_id: string | null
  readonly occurred_at: Instant
  readonly recorded_at: Instant
  readonly facts: Partial<Values>
}

const stateRecorded = (row: RecordedRow, requestId: string): LoggedEvent => ({
  type: 'STATE_RECORDED',
  position: row.position,
  vehicleId: row.vehicle_id,
  ownerId: row.owner_id,
  partnerId: row.partner_id,
  occurredAt: row.occurred_at,
  recordedAt: row.recorded_at,
  requestId,
  facts: row.facts,
})

/**
 * @param attended the vehicles whose wish to end a sharing when idle the caller sees to
 * @param told whether to say what was appended
 */
async function recordAll(
  { query }: Tx,
  reports: readonly Indexed[],
  requestId: string,
  attended: readonly string[],
  told: boolean,
): Promise<Outcome> {
  const batch = reports.map(({ readings: { position, ...readings }, ...report }) => ({
    ...report,
    ...position,
    ...readings,
  }))
  const [outcome] = await query<Outcome>(RECORD, [JSON.stringify(batch), requestId, attended, told])
  if (!outcome) throw new Error('what became of the reports was not told')
  return outcome
}

/**
 * For some vehicle of the batch something fell due, or the end of a sharing waits for it to be idle. The first report that
 * makes it idle ends the sharing, also where the next finds it moving again; so the latter's are taken in two stretches.
 */
async function recordWithHandovers(
  db: Database,
  reports: readonly Indexed[],
  requestId: string,
  attention: readonly string[],
): Promise<Outcome> {
  const decided: Held[] = []
  const outcome = await db.transaction(async (tx) => {
    // It may be the second try.
    decided.length = 0
    const ids = [...new Set(reports.map(({ vehicleId }) => vehicleId))].toSorted()
    await tx.query(LOCK_ALL, [ids])
    const settled = async (vehicleId: string) => {
      const held = await hold(tx, { vehicleId, requestId, handover: false })
      if (!held) return null
      await release(held)
      decided.push(held)
      return sharingAwaitingIdle(held) && held
    }

    const awaiting = new Set<string>()
    let others: readonly Indexed[] = reports
    let total: Outcome = { recorded: 0, unknown: [], attention: [...attention], events: null }
    while (total.attention.length > 0) {
      for (const id of total.attention) if (await settled(id)) awaiting.add(id)
      others = reports.filter(({ vehicleId }) => !awaiting.has(vehicleId))
      total = await recordAll(tx, others, requestId, [], false)
    }
    for (const vehicleId of awaiting) {
      let rest = reports.filter((report) => report.vehicleId === vehicleId)
      while (rest.length > 0) {
        // As long as the wish stands: up to the report that will make the vehicle idle. Then the rest, at once.
        const stands = await settled(vehicleId)
        const stretch = stands ? await untilIdle(tx, stands, rest) : rest
        const part = await recordAll(tx, stretch, requestId, [vehicleId], false)
        // Something fell due since it was settled.
        if (part.attention.length > 0) continue
        total.recorded += part.recorded
        rest = rest.slice(stretch.length)
        const held = stands && (await hold(tx, { vehicleId, requestId, handover: true }))
        if (!held) continue
        endIfIdleNow(held)
        await release(held)
        decided.push(held)
      }
    }
    return total
  })
  committed(db, decided)
  return outcome
}

/** The reports up to and with the first that makes the vehicle idle; all of them if none does. */
async function untilIdle(tx: Tx, { vehicle, moment }: Held, reports: readonly Indexed[]): Promise<readonly Indexed[]> {
  const messageIds = reports.map(({ messageId }) => messageId)
  const rows = await tx.query<{ message_id: string }>(KNOWN, [vehicle.id, messageIds])
  const known = new Set(rows.map(({ message_id: messageId }) => messageId))
  let { state } = vehicle
  const first = reports.findIndex(({ messageId, occurredAt, readings }) => {
    if (known.has(messageId)) return false
    known.add(messageId)
    state = merge(state, stateOf(readings, Math.min(occurredAt, moment.at)))
    return isIdle(state)
  })
  return first === -1 ? reports : reports.slice(0, first + 1)
}

const sharingAwaitingIdle = ({ control, moment }: Held): Sharing | null => {
  const current = control && sharingAt(control, moment.at)
  return current?.endRequestedAt == null ? null : current
}

function endIfIdleNow(held: Held): void {
  const current = sharingAwaitingIdle(held)
  if (!current) return
  const ended = endIfIdle(current, held.vehicle.state, held.moment.at)
  if (ended === current) return
  change(held.changes.sharings, ended)
  held.events.push(sharingEvent('SHARING_ENDED', ended, held.moment))
  cancelPending(held)
}
