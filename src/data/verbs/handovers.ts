import { isIdle } from '../../domain/handover/idleness.ts'
import { handOver, isWaiting } from '../../domain/handover/waiting.ts'
import { sharingEvent } from '../../domain/log/event.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { change } from '../decisions/commit.ts'
import { ChangedError } from '../decisions/redecide.ts'
import { awaitsIdle, commitDecision, factsOf, lockVehicle, passControl } from '../decisions/lock.ts'
import type { VehicleDecision } from '../decisions/lock.ts'

/**
 * Hands an idle vehicle over, where the start or the end of a sharing waits for that: at the instant of the decision, which has to
 * be one of a handover. A use that ends with the control of the one side does not hold up the start of the other.
 * @throws ChangedError if the start or the end of a sharing fell due after the decision that made the vehicle idle: it comes first
 */
export function handOverIfIdle(decision: VehicleDecision): void {
  const { vehicle, control, moment, changes, events } = decision
  // One that falls due at the very instant happens instead of the handover.
  const isLate = events.some(({ type, occurredAt }) => type !== 'COMMAND_UPDATED' && occurredAt < moment.at)
  if (isLate) throw new ChangedError(vehicle.id)
  // Ends come before starts.
  const waiting = (control?.sharings ?? [])
    .filter((sharing) => isWaiting(sharing, moment.at))
    .toSorted((a, b) => Number(a.startedAt === null) - Number(b.startedAt === null))
  for (const sharing of waiting) {
    const next = handOver(sharing, factsOf(decision), moment.at)
    if (next === sharing) continue
    change(changes.sharings, next)
    events.push(sharingEvent(next.endedAt === null ? 'SHARING_STARTED' : 'SHARING_ENDED', next, moment))
    passControl(decision)
  }
}

/**
 * Commits a decision that may have made its vehicle idle, and then, in the same transaction, hands the vehicle over. What the
 * decision has recorded belongs to the side that had control; the handover has an instant of its own, later than that.
 * @param vehicle as the decision leaves it
 * @returns the decision that stands: of the handover, if something waited for it
 */
export async function commitAndHandOver(decision: VehicleDecision, vehicle: Vehicle): Promise<VehicleDecision> {
  const { tx, moment } = decision
  if (!awaitsIdle(decision) || !isIdle({ ...factsOf(decision), ...vehicle }, moment.at)) return decision
  await commitDecision(decision)
  const next = await lockVehicle(tx, { vehicleId: vehicle.id, requestId: moment.requestId, handover: true })
  if (!next) throw new Error('a vehicle that was locked is missing')
  handOverIfIdle(next)
  await commitDecision(next)
  decision.followedBy.push(next)
  return next
}
