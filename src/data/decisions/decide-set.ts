import { until } from '../database/clock.ts'
import type { Tx } from '../database/statement.ts'
import { saveSet } from './commit-set.ts'
import { isUnchanged } from './commit.ts'
import { settleDue } from './lock.ts'
import type { LockOrder, VehicleDecision } from './lock.ts'
import { ChangedError, refusalOf } from './redecide.ts'
import { readSnapshots } from './snapshot.ts'

/**
 * Decides on vehicles that the transaction has locked, and commits all of it in one statement: due steps first, then `decide`.
 * @param decide adds changes to existing rows only
 * @returns the decisions, without vehicles that never existed
 * @throws ChangedError if an instant fell due meanwhile; ContradictionError: nothing of the transaction is left then
 */
export async function decideSet(
  tx: Tx,
  vehicleIds: readonly string[],
  order: Pick<LockOrder, 'requestId' | 'handover'>,
  decide: (decision: VehicleDecision) => void = () => {},
): Promise<VehicleDecision[]> {
  const orders = vehicleIds.map((vehicleId) => ({ ...order, vehicleId }))
  const snapshots = await readSnapshots(tx.query, orders)
  const decisions = orders.flatMap((one, index) => {
    const snapshot = snapshots[index]
    return snapshot ? [settleDue(tx, snapshot, one, null)] : []
  })
  for (const decision of decisions) decide(decision)
  await commitSet(
    tx,
    decisions.filter((decision) => !isUnchanged(decision)),
  )
  return decisions
}

async function commitSet(tx: Tx, decisions: readonly VehicleDecision[]): Promise<void> {
  if (decisions.length === 0) return
  await until(Math.max(...decisions.map(({ notBefore }) => notBefore)))
  try {
    const logged = await saveSet(tx.query, decisions)
    for (const { vehicle, logged: own } of decisions) {
      const events = logged.get(vehicle.id)
      if (!events) throw new ChangedError(vehicle.id)
      own.push(...events)
    }
  } catch (error) {
    throw refusalOf(error, 'of a batch')
  }
}
