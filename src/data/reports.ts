import { sharingAt } from '../domain/access.ts'
import { InputError, ERROR_CODES } from '../domain/errors.ts'
import type { ErrorCode } from '../domain/errors.ts'
import { sharingEvent } from '../domain/event.ts'
import { endIfIdle } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import { checkBatch, checkReport } from '../domain/state.ts'
import type { Report } from '../domain/state.ts'
import type { Database } from './client.ts'
import { cancelPending, committed, hold, release, saveSharing } from './lock.ts'
import type { Held, Tx } from './lock.ts'
import { isId } from './rows.ts'

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
  const now = db.clock.now()
  const rejected: Rejected[] = []
  const valid = reports.flatMap((report, index): Indexed[] => {
    const reason = objection(report, now)
    if (reason) rejected.push({ index, ...reason })
    return reason ? [] : [{ ...report, index }]
  })
  if (valid.length === 0) return { recorded: 0, skipped: 0, rejected }

  let outcome = await recordAll(db.prisma, valid, requestId, [])
  if (outcome.attention.length > 0) outcome = await recordWithHandovers(db, valid, requestId, outcome.attention)
  if (outcome.recorded > 0) db.appended()
  for (const index of outcome.unknown) rejected.push({ index, ...notFound })
  return {
    recorded: outcome.recorded,
    skipped: valid.length - outcome.recorded - outcome.unknown.length,
    rejected: rejected.toSorted((a, b) => a.index - b.index),
  }
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

type Outcome = { recorded: number; unknown: number[]; attention: string[] }

/** @param attended the vehicles whose wish to end a sharing when idle the caller sees to */
async function recordAll(
  prisma: Pick<Tx, '$queryRaw'>,
  reports: readonly Indexed[],
  requestId: string,
  attended: readonly string[],
): Promise<Outcome> {
  const batch = reports.map(({ readings: { position, ...readings }, ...report }) => ({
    ...report,
    ...position,
    ...readings,
  }))
  const [outcome] = await prisma.$queryRaw<[Outcome]>`
    SELECT recorded, "unknown", attention
    FROM record_vehicle_states(${JSON.stringify(batch)}::jsonb, ${requestId}, ${[...attended]}::text[])`
  return outcome
}

/**
 * For some vehicle of the batch something fell due, or the end of a sharing waits for it to be idle. Of the latter each
 * report is taken by itself: the first that makes it idle ends the sharing, and the next may find it moving again.
 */
async function recordWithHandovers(
  db: Database,
  reports: readonly Indexed[],
  requestId: string,
  attention: readonly string[],
): Promise<Outcome> {
  const decided: Held[] = []
  const outcome = await db.prisma.$transaction(async (tx) => {
    const ids = [...new Set(reports.map(({ vehicleId }) => vehicleId))].toSorted()
    await tx.$queryRaw`SELECT 1 FROM vehicle WHERE id = ANY(${ids}) ORDER BY id FOR UPDATE`
    const settled = async (vehicleId: string) => {
      const held = await hold(tx, { vehicleId, requestId, handover: false })
      if (!held) return null
      await release(held)
      decided.push(held)
      return sharingAwaitingIdle(held)
    }

    const awaiting = new Set<string>()
    let others: readonly Indexed[] = reports
    let total: Outcome = { recorded: 0, unknown: [], attention: [...attention] }
    while (total.attention.length > 0) {
      for (const id of total.attention) if (await settled(id)) awaiting.add(id)
      others = reports.filter(({ vehicleId }) => !awaiting.has(vehicleId))
      total = await recordAll(tx, others, requestId, [])
    }
    for (const report of reports) {
      if (!awaiting.has(report.vehicleId)) continue
      let one = await recordAll(tx, [report], requestId, [report.vehicleId])
      while (one.attention.length > 0) {
        await settled(report.vehicleId)
        one = await recordAll(tx, [report], requestId, [report.vehicleId])
      }
      total.recorded += one.recorded
      const held = await hold(tx, { vehicleId: report.vehicleId, requestId, handover: true })
      if (!held) continue
      await endIfIdleNow(held)
      await release(held)
      decided.push(held)
    }
    return total
  })
  committed(db, decided)
  return outcome
}

const sharingAwaitingIdle = ({ control, moment }: Held): Sharing | null => {
  const current = control && sharingAt(control, moment.at)
  return current?.endRequestedAt == null ? null : current
}

async function endIfIdleNow(held: Held): Promise<void> {
  const current = sharingAwaitingIdle(held)
  if (!current) return
  const ended = endIfIdle(current, held.vehicle.state, held.moment.at)
  if (ended === current) return
  await saveSharing(held.tx, ended)
  held.events.push(sharingEvent('SHARING_ENDED', ended, held.moment))
  await cancelPending(held)
}
