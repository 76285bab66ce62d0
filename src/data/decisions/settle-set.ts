import type { Statement } from '../database/statement.ts'
import { ClockError } from '../database/clock.ts'
import { BusyError } from '../database/limit.ts'
import { isLockTimeout, isUnavailable } from '../database/unavailable.ts'
import { OPEN_SHARING } from '../queries/open-vehicles.ts'
import type { Services } from '../services.ts'
import { saveSet } from './commit-set.ts'
import { isUnchanged } from './commit.ts'
import { afterCommit, awaitsIdle, settleDue, withVehicle } from './lock.ts'
import type { VehicleDecision } from './lock.ts'
import { ChangedError, ContradictionError, refusalOf } from './redecide.ts'
import { readSnapshots } from './snapshot.ts'

/** Vehicles of one transaction: enough for a cheap write, few enough that nobody waits long for its commit. */
export const SET_SIZE = 200

const DUE: Statement = {
  name: 'due_among',
  text: `SELECT id FROM unnest($1::text[]) AS v (id)
    WHERE EXISTS (SELECT FROM sharing AS s WHERE ${OPEN_SHARING} AND s.due_at <= clock_timestamp())
      OR EXISTS (SELECT FROM command AS c
        WHERE c.vehicle_id = v.id AND c.status IN ('PENDING', 'DISPATCHED') AND c.deadline <= clock_timestamp())`,
}

/** @returns the vehicles of which something is due by now; others may wait to be idle, or have records that contradict each other */
export async function dueAmong({ query }: Services, vehicleIds: readonly string[]): Promise<string[]> {
  const rows = await query<{ id: string }>(DUE, [vehicleIds])
  return rows.map(({ id }) => id)
}

export type SettledSet = {
  /** Vehicles of which nothing is due any more, or was. */
  readonly settled: readonly string[]
  /** Vehicles, settled or not, of which the start or the end of a sharing waits for them to be idle. */
  readonly awaiting: readonly string[]
  /** Vehicles that were locked, had changed, or whose instant has not come. They may be settled a moment later. */
  readonly later: readonly string[]
  readonly failed: ReadonlyMap<string, Error>
}

/**
 * Records what fell due for some vehicles in one statement, without waiting for anybody's lock. A vehicle whose records or
 * instants do not allow it is none of the others' concern.
 * @param vehicleIds at most SET_SIZE
 * @throws UnavailableError; ClockError while the database's clock has stepped
 */
export async function settleSet(db: Services, vehicleIds: readonly string[]): Promise<SettledSet> {
  db.clock.check()
  const settled: string[] = []
  const awaiting: string[] = []
  const later: string[] = []
  const failed = new Map<string, Error>()
  const decisions: VehicleDecision[] = []
  /** Vehicles that need the row lock, or an error of their own. */
  const single: string[] = []
  const orders = vehicleIds.map((vehicleId) => ({ vehicleId, requestId: null, handover: false }))
  const snapshots = await readSnapshots(db.query, orders)
  for (const [index, order] of orders.entries()) {
    const { vehicleId } = order
    const snapshot = snapshots[index]
    try {
      const decision = snapshot ? settleDue(db, snapshot, order, snapshot.version) : null
      if (decision && awaitsIdle(decision)) awaiting.push(vehicleId)
      if (!decision || isUnchanged(decision)) settled.push(vehicleId)
      else if (decision.notBefore > performance.now()) later.push(vehicleId)
      else decisions.push(decision)
    } catch (error) {
      if (error instanceof ContradictionError) single.push(vehicleId)
      else if (error instanceof ClockError) failed.set(vehicleId, error)
      else throw error
    }
  }
  const ids = decisions.map(({ vehicle }) => vehicle.id)
  const written = await writeSet(db, decisions)
  if (written) for (const id of ids) (written.has(id) ? settled : later).push(id)
  else single.push(...ids)
  for (const id of single) {
    const outcome = await settleOne(db, id)
    if (outcome instanceof Error) failed.set(id, outcome)
    else (outcome ? settled : later).push(id)
  }
  return { settled, awaiting, later, failed }
}

/** @returns whether it is settled, or why it cannot be; not settled is one whose lock somebody holds */
async function settleOne(db: Services, vehicleId: string): Promise<boolean | Error> {
  try {
    await withVehicle(db, { vehicleId, requestId: null, handover: false }, async () => {})
    return true
  } catch (error) {
    if (isLockTimeout(error) || error instanceof BusyError) return false
    if (!(error instanceof Error) || (isUnavailable(error) && !(error instanceof ClockError))) throw error
    return error
  }
}

/** @returns the vehicles that were written; null where none was, for the sake of one of them */
async function writeSet(db: Services, decisions: readonly VehicleDecision[]): Promise<ReadonlySet<string> | null> {
  if (decisions.length === 0) return new Set()
  try {
    const logged = await saveSet(db.query, decisions)
    for (const decision of decisions) decision.logged.push(...(logged.get(decision.vehicle.id) ?? []))
    afterCommit(db, decisions)
    return new Set(logged.keys())
  } catch (error) {
    const refusal = refusalOf(error, 'of a set')
    if (refusal instanceof ContradictionError || refusal instanceof ChangedError) return null
    throw error
  }
}
