import { sharingAt } from '../../domain/access/access.ts'
import { sharingEvent } from '../../domain/log/event.ts'
import { endIfIdle } from '../../domain/sharing.ts'
import type { Sharing } from '../../domain/sharing.ts'
import { isIdle, mergeState, stateOf } from '../../domain/state.ts'
import { ContradictionError, meet, redecide } from '../decisions/redecide.ts'
import { change } from '../decisions/commit.ts'
import type { Services } from '../services.ts'
import { cancelPending, afterCommit, lockVehicle, commitDecision } from '../decisions/lock.ts'
import type { VehicleDecision } from '../decisions/lock.ts'
import { recordAll } from './record-reports.ts'
import type { Indexed, Outcome } from './record-reports.ts'
import type { Statement, Tx } from '../database/statement.ts'

/** One order of locking for all batches, so that two of them cannot deadlock. */
const LOCK_ALL: Statement = {
  name: 'lock_all',
  text: 'SELECT 1 FROM vehicle WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE',
}
const KNOWN: Statement = {
  name: 'known_messages',
  text: 'SELECT message_id FROM event WHERE vehicle_id = $1 AND message_id = ANY($2::text[])',
}

const SAVE: Statement = { name: 'savepoint', text: 'SAVEPOINT vehicle' }
const KEEP: Statement = { name: 'keep', text: 'RELEASE SAVEPOINT vehicle' }
const UNDO: Statement = { name: 'undo', text: 'ROLLBACK TO SAVEPOINT vehicle' }

type Batch = {
  readonly reports: readonly Indexed[]
  readonly requestId: string
  /** The vehicles with a due step, or with a sharing whose end waits for the vehicle to be idle. */
  readonly attention: readonly string[]
}

type Taken = {
  readonly outcome: Outcome
  readonly decisions: readonly VehicleDecision[]
  /** By vehicle, of whose reports none was recorded. */
  readonly contradictions: ReadonlyMap<string, ContradictionError>
}

/**
 * Records a batch in which some vehicle has a due step, or a sharing whose end waits for the vehicle to be idle. The first
 * report of an idle vehicle ends the sharing, even if the next one moves it again, so that its reports are recorded in two ranges.
 * @returns the outcome for the reports of vehicles whose records agree, and the ids of the other vehicles
 */
export async function recordWithHandovers(
  db: Services,
  batch: Batch,
): Promise<{ readonly outcome: Outcome; readonly contradicting: ReadonlySet<string> }> {
  const { outcome, decisions, contradictions } = await redecide((_nth, isContradicted) =>
    db.transaction((tx) => recordLocked(tx, batch, isContradicted)),
  )
  afterCommit(db, decisions)
  for (const error of contradictions.values()) meet(db.contradictions, error)
  return { outcome, contradicting: new Set(contradictions.keys()) }
}

/** @param isolated whether a contradiction undoes its own vehicle only, at two more statements for each vehicle */
async function recordLocked(tx: Tx, { reports, requestId, attention }: Batch, isolated: boolean): Promise<Taken> {
  const decisions: VehicleDecision[] = []
  const contradictions = new Map<string, ContradictionError>()
  await tx.query(LOCK_ALL, [[...new Set(reports.map(({ vehicleId }) => vehicleId))].toSorted()])

  const unlessContradicting = async <T>(vehicleId: string, work: () => Promise<T>): Promise<T | null> => {
    if (!isolated) return work()
    const before = decisions.length
    await tx.query(SAVE, [])
    let result: T | null = null
    try {
      result = await work()
    } catch (error) {
      if (!(error instanceof ContradictionError)) throw error
      await tx.query(UNDO, [])
      decisions.length = before
      contradictions.set(vehicleId, error)
    }
    await tx.query(KEEP, [])
    return result
  }
  const settleVehicle = async (vehicleId: string) => {
    const decision = await lockVehicle(tx, { vehicleId, requestId, handover: false })
    if (!decision) return null
    await commitDecision(decision)
    decisions.push(decision)
    return sharingAwaitingIdle(decision) && decision
  }
  /** Records all reports of a vehicle whose sharing's end waits. @returns the number of new reports */
  const recordAwaiting = async (vehicleId: string) => {
    let recorded = 0
    let rest = reports.filter((report) => report.vehicleId === vehicleId)
    while (rest.length > 0) {
      // While the sharing's end waits: up to the report of an idle vehicle. After that, all the rest.
      const waiting = await settleVehicle(vehicleId)
      const range = waiting ? await reportsUntilIdle(tx, waiting, rest) : rest
      const part = await recordAll(tx, range, requestId, [vehicleId], false)
      // An instant fell due after the due steps were applied.
      if (part.attention.length > 0) continue
      recorded += part.recorded
      rest = rest.slice(range.length)
      const decision = waiting && (await lockVehicle(tx, { vehicleId, requestId, handover: true }))
      if (!decision) continue
      endIfIdleNow(decision)
      await commitDecision(decision)
      decisions.push(decision)
    }
    return recorded
  }

  const awaiting = new Set<string>()
  let outcome: Outcome = { recorded: 0, unknown: [], attention: [...attention], events: null }
  while (outcome.attention.length > 0) {
    for (const id of outcome.attention) if (await unlessContradicting(id, () => settleVehicle(id))) awaiting.add(id)
    const others = reports.filter(({ vehicleId }) => !awaiting.has(vehicleId) && !contradictions.has(vehicleId))
    outcome = await recordAll(tx, others, requestId, [], false)
  }
  for (const id of awaiting) outcome.recorded += (await unlessContradicting(id, () => recordAwaiting(id))) ?? 0
  return { outcome, decisions, contradictions }
}

/** The reports up to the first that makes the vehicle idle, that one included; all of them if none does. */
async function reportsUntilIdle(
  tx: Tx,
  { vehicle, moment }: VehicleDecision,
  reports: readonly Indexed[],
): Promise<readonly Indexed[]> {
  const messageIds = reports.map(({ messageId }) => messageId)
  const rows = await tx.query<{ message_id: string }>(KNOWN, [vehicle.id, messageIds])
  const known = new Set(rows.map(({ message_id: messageId }) => messageId))
  let { state } = vehicle
  const first = reports.findIndex(({ messageId, occurredAt, readings }) => {
    if (known.has(messageId)) return false
    known.add(messageId)
    state = mergeState(state, stateOf(readings, Math.min(occurredAt, moment.at)))
    return isIdle(state)
  })
  return first === -1 ? reports : reports.slice(0, first + 1)
}

const sharingAwaitingIdle = ({ control, moment }: VehicleDecision): Sharing | null => {
  const current = control && sharingAt(control, moment.at)
  return current?.endRequestedAt == null ? null : current
}

function endIfIdleNow(decision: VehicleDecision): void {
  const current = sharingAwaitingIdle(decision)
  if (!current) return
  const ended = endIfIdle(current, decision.vehicle.state, decision.moment.at)
  if (ended === current) return
  change(decision.changes.sharings, ended)
  decision.events.push(sharingEvent('SHARING_ENDED', ended, decision.moment))
  cancelPending(decision)
}
