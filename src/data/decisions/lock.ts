import type { Control } from '../../domain/access/access.ts'
import type { Actor } from '../../domain/log/audit.ts'
import type { Command } from '../../domain/command.ts'
import { commandUpdated, sharingEvent } from '../../domain/log/event.ts'
import type { LoggedEvent, Moment, NewEvent } from '../../domain/log/event.ts'
import { contradictionIn } from '../../domain/verify/contradiction.ts'
import { earlier } from '../../domain/period.ts'
import type { Instant } from '../../domain/period.ts'
import type { IdleFacts } from '../../domain/handover/idleness.ts'
import { isWaiting } from '../../domain/handover/waiting.ts'
import { cancelled, nextDue, settle } from '../../domain/handover/settle.ts'
import { ChangedError, ContradictionError, meet, redecide, refusalOf } from './redecide.ts'
import { change, isUnchanged, noChanges, save } from './commit.ts'
import type { CommitOptimistic, Decision, Services } from '../services.ts'
import { ClockError, until } from '../database/clock.ts'
import { LOCK, LOCK_PARTNERSHIP, readSnapshots } from './snapshot.ts'
import type { SnapshotKey, VehicleSnapshot } from '../services.ts'
import { isId } from '../tables/ids.ts'
import type { Tx } from '../database/statement.ts'
import { countWritten } from './write-counters.ts'

/** A vehicle under decision: its records with everything due applied, and the changes so far. */
export type VehicleDecision = Decision & {
  readonly tx: Tx
  /** null for a deleted vehicle, which nobody controls. */
  readonly control: Control | null
  /** The vehicle's open commands. */
  readonly commands: readonly Command[]
  /** Whether the owner may share with the partner that the request names. */
  readonly arePartners: boolean
  /** How long ago the vehicle may have been heard of to be idle. Milliseconds. */
  readonly maxSilenceMs: number
  /** When the instant notBefore, as a reading of performance.now(). */
  readonly notBefore: number
  /** A reading of performance.now() from which every decision sees the last due instant as past; null if nothing was due. */
  readonly fellDue: number | null
  /** The events after they were written, with their positions. */
  readonly logged: LoggedEvent[]
  /** A decision that followed from this one in its transaction; this one was committed before it. */
  readonly followedBy: VehicleDecision[]
}

/** The decided vehicle as it is by now, for the question whether it is idle. */
export const factsOf = ({ vehicle, changes, maxSilenceMs }: VehicleDecision): IdleFacts => ({
  ...vehicle,
  use: changes.use === undefined ? vehicle.use : changes.use,
  maxSilenceMs,
})

/** Whether the start or the end of a sharing waits for the vehicle to be idle. */
export const awaitsIdle = ({ control, moment }: VehicleDecision): boolean =>
  control !== null && control.sharings.some((sharing) => isWaiting(sharing, moment.at))

export type LockOrder = SnapshotKey & {
  readonly requestId: string | null
  readonly actor?: Actor | null
  /** Whether control may pass. The decision's instant is then later than every earlier instant of the vehicle. */
  readonly handover: boolean
  /** Whether the verb itself writes, so that one transaction has to cover it and the commit. */
  readonly transactional?: boolean
}

/** The age up to which a snapshot read without the lock may be committed. Milliseconds. */
const FRESH_MS = 1_000

/** A request is refused if the database's clock was set back by more than this. Milliseconds. */
const LONGEST_WAIT_MS = 5_000

/**
 * Decides on a vehicle: due steps first, then `decide`, then the commit with its events. An error of `decide` undoes all of
 * it. Decisions on one vehicle are serial, and no due instant lies within one. The first attempt is optimistic: the commit
 * compares the version under the row lock. After a conflict the decision is taken again under that lock, and again if an
 * instant fell due meanwhile.
 * @param decide gets null for a vehicle that never existed; may be called more than once
 * @throws ContradictionError
 */
export async function withVehicle<T>(
  db: Services,
  order: LockOrder,
  decide: (decision: VehicleDecision | null) => Promise<T>,
): Promise<T> {
  const attempt = async (decision: VehicleDecision | null, write?: CommitOptimistic) => {
    if (decision) db.clock.check(decision.moment.at)
    const result = await runVerb(decision, decide)
    if (decision && decision.followedBy.length === 0) await commitDecision(decision, write)
    return { decision, result }
  }
  const optimistic = async () => {
    const snapshot = isId(order.vehicleId) ? await db.snapshots(order) : null
    return attempt(snapshot && settleDue(db, snapshot, order, snapshot.version), db.commitOptimistic)
  }
  const locked = () => db.transaction(async (tx) => attempt(await lockVehicle(tx, order)))
  try {
    const { decision, result } = await db.vehicleLimit(order.vehicleId, () =>
      redecide((nth) => (nth > 1 || order.transactional ? locked() : optimistic())),
    )
    if (decision) afterCommit(db, [decision, ...decision.followedBy])
    return result
  } catch (error) {
    if (error instanceof ContradictionError) meet(db.contradictions, error)
    throw error
  }
}

/**
 * A refusal may rest on a due instant that no event records yet, and an earlier decision that undoes it may hold the row lock
 * until its commit. So a refusal of this kind is taken under the row lock, after the instant.
 */
async function runVerb<T>(
  decision: VehicleDecision | null,
  decide: (decision: VehicleDecision | null) => Promise<T>,
): Promise<T> {
  try {
    return await decide(decision)
  } catch (error) {
    if (decision === null || decision.fellDue === null) throw error
    if (decision.version !== null) throw new ChangedError(decision.vehicle.id, { cause: error })
    await until(decision.fellDue)
    throw error
  }
}

/** Observes the instants, counts the events and publishes them. To be called after the transaction's commit. */
export function afterCommit(db: Services, decisions: readonly VehicleDecision[]): void {
  const happened = decisions.filter(({ logged }) => logged.length > 0)
  for (const { moment, logged } of happened) {
    db.clock.observe(moment.at)
    countWritten(db.counters, logged)
  }
  if (happened.length > 0) db.log.appended(happened.flatMap(({ logged }) => logged))
}

/**
 * Locks a vehicle until the transaction ends, and applies its due steps.
 * @returns null for a vehicle that never existed
 * @throws ContradictionError
 */
export async function lockVehicle(tx: Tx, order: LockOrder): Promise<VehicleDecision | null> {
  const { vehicleId, partnerId } = order
  const [locked] = isId(vehicleId) ? await tx.query<{ owner_id: string }>(LOCK, [vehicleId]) : []
  if (!locked) return null
  const partnership =
    partnerId != null && isId(partnerId) ? await tx.query(LOCK_PARTNERSHIP, [locked.owner_id, partnerId]) : []
  // A separate statement: the locking statement sees other tables as they were before it waited.
  const [snapshot] = await readSnapshots(tx.query, [order])
  if (!snapshot) throw new Error('a vehicle that was locked is missing')
  // The locked partnership, not the one of the snapshot: a row that is being inserted again is not locked.
  return settleDue(tx, { ...snapshot, arePartners: partnership.length > 0 }, order, null)
}

/**
 * The decision that records what is due by now.
 * @throws ContradictionError, ClockError
 */
export function settleDue(
  tx: Tx,
  snapshot: VehicleSnapshot,
  { requestId, handover, actor = null }: LockOrder,
  version: string | null,
): VehicleDecision {
  const { now, read, arePartners } = snapshot
  let at = instantAfter(now, snapshot.lastInstant, handover)
  // An end in the millisecond of a start would leave the partner no time; a next sharing may start in the millisecond after.
  // A start that waited has taken an instant of the vehicle, which this one is later than.
  if (handover) while (snapshot.sharings.some(({ startsAt }) => startsAt === at)) at++
  const contradiction = contradictionIn(snapshot.sharings, at)
  if (contradiction !== null) throw new ContradictionError(snapshot.vehicle.id, contradiction)
  const events: NewEvent[] = []
  const changes = noChanges()
  const due = settle(snapshot, { ...snapshot.vehicle, maxSilenceMs: snapshot.maxSilenceMs }, at)
  const byTime: Moment = { at, requestId: null }
  for (const step of due.steps) {
    if (step.type === 'COMMAND_UPDATED') {
      change(changes.commands, step.command)
      events.push(commandUpdated(step.command, byTime, step.at))
    } else {
      events.push(sharingEvent(step.type, step.sharing, byTime, step.at))
    }
  }
  const before = new Set(snapshot.sharings)
  for (const sharing of due.sharings) if (!before.has(sharing)) change(changes.sharings, sharing)
  if (due.use !== snapshot.vehicle.use) changes.use = due.use
  const vehicle = { ...snapshot.vehicle, use: due.use }
  const control = snapshot.deleted ? null : { vehicle, sharings: due.sharings }
  const moment = { at, requestId }
  const next = nextDue(due, at)
  // A handover takes the next instant, and so is ahead of the present of other decisions.
  const latest = due.steps.at(-1)?.at
  return {
    tx,
    vehicle,
    control,
    commands: due.commands,
    arePartners,
    maxSilenceMs: snapshot.maxSilenceMs,
    moment,
    changes,
    events,
    notBefore: read + at - now,
    logged: [],
    followedBy: [],
    version,
    validUntil: version === null ? next : earlier(next, at + FRESH_MS),
    fellDue: latest === undefined ? null : latest <= Math.max(now, snapshot.lastInstant) ? read : read + latest - now,
    actor,
  }
}

/**
 * Commits a decision: its changes, its events, and its instant as the vehicle's last one. Waits until that instant has come,
 * so that no answer and no event tells of the future.
 * @param write the statement of the transaction unless it is given
 * @throws ChangedError if the vehicle has changed since it was read, ContradictionError if the records do not allow the write
 */
export async function commitDecision(
  decision: VehicleDecision,
  write: CommitOptimistic = (ready) => save(decision.tx, ready),
): Promise<void> {
  if (isUnchanged(decision)) return
  await until(decision.notBefore)
  const logged = await writeDecision(decision, write)
  if (logged === null) throw new ChangedError(decision.vehicle.id)
  decision.logged.push(...logged)
}

async function writeDecision(
  decision: VehicleDecision,
  write: CommitOptimistic,
): Promise<readonly LoggedEvent[] | null> {
  try {
    return await write(decision)
  } catch (error) {
    throw refusalOf(error, decision.vehicle.id)
  }
}

/** As control passes: cancels the pending commands of the side that loses it, and clears the use that it has set. */
export function passControl({ vehicle, commands, moment, changes, events }: VehicleDecision): void {
  if (vehicle.use !== null) changes.use = null
  for (const command of cancelled(commands, moment.at)) {
    change(changes.commands, command)
    events.push(commandUpdated(command, moment))
  }
}

/**
 * Instants have milliseconds. A handover takes the next millisecond, after every decision of the present one. No decision takes
 * an instant earlier than the vehicle's last.
 */
function instantAfter(now: number, last: Instant, handover: boolean): Instant {
  const present = Math.floor(now)
  const at = handover ? Math.max(present, last) + 1 : Math.max(present, last)
  if (at - now > LONGEST_WAIT_MS) {
    throw new ClockError(`the database's clock is ${at - now} ms behind a vehicle's last instant`)
  }
  return at
}
