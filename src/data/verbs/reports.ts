import { InputError, ERROR_CODES } from '../../domain/errors.ts'
import type { ErrorCode } from '../../domain/errors.ts'
import type { LoggedEvent } from '../../domain/log/event.ts'
import type { Instant } from '../../domain/period.ts'
import { checkBatch, checkReport } from '../../domain/state.ts'
import type { Report, SentReport } from '../../domain/state.ts'
import { dueAmong, SET_SIZE, settleSet } from '../decisions/settle-set.ts'
import { retried } from '../database/retry.ts'
import type { Statement } from '../database/statement.ts'
import { isLockTimeout } from '../database/unavailable.ts'
import type { Services } from '../services.ts'
import { isId } from '../tables/ids.ts'
import { recordAll } from './record-reports.ts'
import type { Indexed, RecordedRow } from './record-reports.ts'
import { recordWithHandovers } from './report-handovers.ts'

export type Rejected = { readonly index: number; readonly code: ErrorCode; readonly message: string }
export type Recorded = { readonly recorded: number; readonly skipped: number; readonly rejected: readonly Rejected[] }

type Objection = Omit<Rejected, 'index'>

/**
 * Takes a batch of reports: each is recorded, skipped as known, or rejected. One statement, whatever their number; only
 * where control passes is there more to do, and then it is one transaction.
 * @throws InputError at [reports] unless there are 1 to 1000; UnavailableError and the like, also where the reports of some
 * vehicles were recorded because others are locked: the whole batch is to be sent again
 */
export async function recordReports(
  db: Services,
  requestId: string,
  reports: readonly SentReport[],
): Promise<Recorded> {
  checkBatch(reports)
  try {
    return await recordBatch(db, requestId, reports)
  } catch (error) {
    if (!isLockTimeout(error)) throw error
    // A vehicle that is locked for long must not keep all those from reporting whose reports come in the same batch.
    const free = await freeAmong(db, reports)
    if (free.length === reports.length) return recordBatch(db, requestId, reports)
    if (free.length > 0) await recordBatch(db, requestId, free)
    throw error
  }
}

const FREE: Statement = {
  name: 'free',
  text: 'SELECT v.id FROM vehicle AS v WHERE v.id = ANY($1::text[]) ORDER BY v.id FOR UPDATE OF v SKIP LOCKED',
}

/** The reports of vehicles whose lock nobody has. */
async function freeAmong({ query }: Services, reports: readonly SentReport[]): Promise<readonly SentReport[]> {
  const ids = new Set(reports.map(({ vehicleId }) => vehicleId).filter(isId))
  const free = new Set((await query<{ id: string }>(FREE, [[...ids]])).map(({ id }) => id))
  return reports.filter(({ vehicleId }) => free.has(vehicleId))
}

async function recordBatch(db: Services, requestId: string, reports: readonly SentReport[]): Promise<Recorded> {
  db.clock.check()
  const now = db.clock.now()
  const objections = new Map<number, Objection>()
  const valid = reports.flatMap((sent, index): Indexed[] => {
    const [report, reason] = checked(sent, now)
    if (reason) objections.set(index, reason)
    return report ? [{ ...report, index }] : []
  })
  const repeated = await repeatedAmong(db, reports, objections)
  if (valid.length === 0) return { recorded: 0, skipped: repeated.size, rejected: standing(objections, repeated) }

  const record = () => retried(() => recordAll(db, valid, requestId, [], db.log.isFollowed()))
  let outcome = await record()
  // Settled in transactions of their own, so that the one that records the batch has no more to do than that.
  for (let round = 0; round < ROUNDS && outcome.attention.length > 0; round++) {
    const due = await dueAmong(db, outcome.attention)
    if (due.length === 0) break
    const { isSettled, isLeft } = await settleAll(db, due)
    if (isSettled && isLeft) break
    outcome = await record()
  }
  if (outcome.attention.length > 0) {
    const { attention } = outcome
    const taken = await recordWithHandovers(db, { reports: valid, requestId, attention })
    outcome = taken.outcome
    const refused = valid.filter(({ vehicleId }) => taken.contradicting.has(vehicleId))
    const against = new Map(refused.map(({ index }) => [index, contradicting]))
    for (const index of await repeatedAmong(db, reports, against)) repeated.add(index)
    for (const [index, reason] of against) objections.set(index, reason)
  }
  db.counters.events.STATE_RECORDED += outcome.recorded
  if (outcome.recorded > 0) db.log.appended((outcome.events ?? []).map((row) => stateRecorded(row, requestId)))
  for (const index of outcome.unknown) objections.set(index, notFound)
  for (const index of repeatedWithin(reports, valid, objections)) repeated.add(index)
  const rejected = standing(objections, repeated)
  return { recorded: outcome.recorded, skipped: reports.length - outcome.recorded - rejected.length, rejected }
}

/** Vehicles fall due meanwhile, and others hold some, who settle them. */
const ROUNDS = 20

/**
 * @returns whether all is settled that can be, and whether vehicles are left that are decided with the batch: those that wait to be
 * idle, and those that cannot be settled
 */
async function settleAll(db: Services, vehicleIds: readonly string[]) {
  let [isSettled, isLeft] = [true, false]
  for (let from = 0; from < vehicleIds.length; from += SET_SIZE) {
    const { later, awaiting, failed } = await settleSet(db, vehicleIds.slice(from, from + SET_SIZE))
    isSettled &&= later.length === 0
    isLeft ||= awaiting.length + failed.size > 0
  }
  return { isSettled, isLeft }
}

/** The objections to reports, in their order; none to reports that are known. */
const standing = (objections: ReadonlyMap<number, Objection>, repeated: ReadonlySet<number>): Rejected[] =>
  [...objections]
    .flatMap(([index, reason]) => (repeated.has(index) ? [] : [{ index, ...reason }]))
    .toSorted((a, b) => a.index - b.index)

/** Of the reports that cannot be taken, those whose message is known: it is skipped, whatever it says now. */
async function repeatedAmong(
  { prisma }: Services,
  reports: readonly SentReport[],
  objections: ReadonlyMap<number, unknown>,
): Promise<Set<number>> {
  const asked = [...objections.keys()].flatMap((index) => {
    const { vehicleId, messageId } = reports[index] ?? { vehicleId: '', messageId: '' }
    const canBeKnown = isId(vehicleId) && messageId.isWellFormed() && !messageId.includes('\0')
    return canBeKnown ? [{ index, vehicleId, messageId }] : []
  })
  if (asked.length === 0) return new Set()
  const rows = await prisma.$queryRaw<{ index: number }[]>`
    SELECT r.index FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb)
      AS r (index INT, "vehicleId" TEXT, "messageId" TEXT)
    WHERE EXISTS (SELECT FROM vehicle AS v WHERE v.id = r."vehicleId" AND v.deleted_at IS NULL OFFSET 0)
      AND EXISTS (SELECT FROM event AS e WHERE e.vehicle_id = r."vehicleId" AND e.message_id = r."messageId" OFFSET 0)`
  return new Set(rows.map(({ index }) => index))
}

/** Of the reports that cannot be taken, those whose message an earlier report of the same batch made known. */
function repeatedWithin(
  reports: readonly SentReport[],
  valid: readonly Indexed[],
  objections: ReadonlyMap<number, unknown>,
): readonly number[] {
  if (objections.size === 0) return []
  const first = new Map<string, number>()
  for (const report of valid) {
    const key = messageKey(report)
    if (!objections.has(report.index) && !first.has(key)) first.set(key, report.index)
  }
  return [...objections.keys()].filter((index) => {
    const report = reports[index]
    return report !== undefined && (first.get(messageKey(report)) ?? index) < index
  })
}

/** A message id is unique for its vehicle alone. */
const messageKey = ({ vehicleId, messageId }: SentReport): string => JSON.stringify([vehicleId, messageId])

const notFound = { code: 'VEHICLE_NOT_FOUND', message: ERROR_CODES.VEHICLE_NOT_FOUND } as const

const contradicting = {
  code: 'CONFLICT',
  message: "The vehicle's records contradict each other. Nothing was recorded.",
} as const

/** @returns the report, or the reason why it is rejected */
function checked(report: SentReport, now: Instant): readonly [Report, null] | readonly [null, Objection] {
  if (!isId(report.vehicleId)) return [null, notFound]
  try {
    checkReport(report, now)
    return [report, null]
  } catch (error) {
    if (error instanceof InputError) return [null, { code: error.code, message: error.message }]
    throw error
  }
}

const stateRecorded = (row: RecordedRow, requestId: string): LoggedEvent => ({
  type: 'STATE_RECORDED',
  position: row.position,
  tag: row.tag,
  vehicleId: row.vehicle_id,
  ownerId: row.owner_id,
  partnerId: row.partner_id,
  occurredAt: row.occurred_at,
  recordedAt: row.recorded_at,
  requestId,
  facts: row.facts,
})
