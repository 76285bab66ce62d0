import { ContradictionError, meet, redecide } from '../decisions/redecide.ts'
import type { Services } from '../services.ts'
import { decideSet } from '../decisions/decide-set.ts'
import { afterCommit, awaitsIdle } from '../decisions/lock.ts'
import type { VehicleDecision } from '../decisions/lock.ts'
import { handOverIfIdle } from './handovers.ts'
import { recordAll } from './record-reports.ts'
import type { Indexed, Outcome } from './record-reports.ts'
import type { Statement, Tx } from '../database/statement.ts'

const SAVE: Statement = { name: 'savepoint', text: 'SAVEPOINT vehicle' }
const KEEP: Statement = { name: 'keep', text: 'RELEASE SAVEPOINT vehicle' }
const UNDO: Statement = { name: 'undo', text: 'ROLLBACK TO SAVEPOINT vehicle' }

type Batch = {
  readonly reports: readonly Indexed[]
  readonly requestId: string
  /** The vehicles with a due step, or with a sharing whose start or end waits for the vehicle to be idle. */
  readonly attention: readonly string[]
}

type Taken = {
  readonly outcome: Outcome
  readonly decisions: readonly VehicleDecision[]
  /** By vehicle, of whose reports none was recorded. */
  readonly contradictions: ReadonlyMap<string, ContradictionError>
  /** Of vehicles that could not be handed over; their reports were recorded. */
  readonly failures: readonly ContradictionError[]
}

/**
 * Records a batch in which some vehicle has a due step, or a sharing whose start or end waits for the vehicle to be idle. What fell
 * due is recorded first; a vehicle that is idle after the last of its reports is handed over, behind all reports of the batch.
 * @returns the outcome for the reports of vehicles whose records agree, and the ids of the other vehicles
 */
export async function recordWithHandovers(
  db: Services,
  batch: Batch,
): Promise<{ readonly outcome: Outcome; readonly contradicting: ReadonlySet<string> }> {
  const { outcome, decisions, contradictions, failures } = await redecide((_nth, isContradicted) =>
    db.transaction((tx) => recordLocked(tx, batch, isContradicted)),
  )
  afterCommit(db, decisions)
  for (const error of [...contradictions.values(), ...failures]) meet(db.contradictions, error)
  return { outcome, contradicting: new Set(contradictions.keys()) }
}

/** @param isolated whether a contradiction undoes its own vehicle only, one vehicle after the other */
async function recordLocked(tx: Tx, { reports, requestId, attention }: Batch, isolated: boolean): Promise<Taken> {
  const contradictions = new Map<string, ContradictionError>()
  const failures: ContradictionError[] = []
  const decisions: VehicleDecision[] = []
  const awaiting = new Set(attention)
  const decideAll = async (
    vehicleIds: readonly string[],
    handover: boolean,
    onContradiction: (vehicleId: string, error: ContradictionError) => void,
  ) => {
    const decide = handover ? handOverIfIdle : undefined
    const decided: VehicleDecision[] = []
    if (!isolated) decided.push(...(await decideSet(tx, vehicleIds, { requestId, handover }, decide)))
    for (const id of isolated ? vehicleIds : []) {
      const found = await unlessContradicting(tx, () => decideSet(tx, [id], { requestId, handover }, decide))
      if (found instanceof ContradictionError) onContradiction(id, found)
      else decided.push(...found)
    }
    decisions.push(...decided)
    return decided
  }

  // The function locks all vehicles, in one order for all batches, so that two of them cannot deadlock.
  let outcome = await recordAll(tx, reports, requestId, attention, false)
  // Something is due, or the records contradict each other. Again where an instant fell due after the due steps were applied.
  while (outcome.attention.length > 0) {
    for (const id of outcome.attention) awaiting.delete(id)
    const settled = await decideAll(outcome.attention, false, (id, error) => contradictions.set(id, error))
    for (const decision of settled) if (awaitsIdle(decision)) awaiting.add(decision.vehicle.id)
    const agreeing = reports.filter(({ vehicleId }) => !contradictions.has(vehicleId))
    outcome = await recordAll(tx, agreeing, requestId, [...awaiting], false)
  }
  await decideAll([...awaiting], true, (_id, error) => failures.push(error))
  return { outcome, decisions, contradictions, failures }
}

/** @returns the contradiction, after which nothing of the work is left */
async function unlessContradicting<T>(tx: Tx, work: () => Promise<T>): Promise<T | ContradictionError> {
  await tx.query(SAVE, [])
  let result: T | ContradictionError
  try {
    result = await work()
  } catch (error) {
    if (!(error instanceof ContradictionError)) throw error
    await tx.query(UNDO, [])
    result = error
  }
  await tx.query(KEEP, [])
  return result
}
