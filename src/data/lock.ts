import type { Control } from '../domain/access.ts'
import type { Command } from '../domain/command.ts'
import { commandUpdated, sharingEvent } from '../domain/event.ts'
import type { Moment, NewEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { cancelled, settle } from '../domain/settle.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import { change, noChanges, save } from './changes.ts'
import type { Changes } from './changes.ts'
import type { Database } from './client.ts'
import { until } from './clock.ts'
import { HELD, heldOf, LOCK } from './held-rows.ts'
import type { HeldRow } from './held-rows.ts'
import { isId } from './rows.ts'
import type { Tx } from './sql.ts'
import { countWritten } from './written.ts'

/** A vehicle whose row is locked until the transaction ends, with what fell due for it settled. */
export type Held = {
  readonly tx: Tx
  readonly vehicle: Vehicle
  /** null once the vehicle is deleted: then nobody controls it. */
  readonly control: Control | null
  /** Its commands that are open. */
  readonly commands: readonly Command[]
  /** The instant of the decision, by the database's clock, and the request that asked for it. */
  readonly moment: Moment
  /** What the transaction will write, and append to the log, in order; what fell due comes first. */
  readonly changes: Changes
  readonly events: NewEvent[]
  /** When the instant comes, as a reading of performance.now(). */
  readonly comes: number
}

export type LockOrder = {
  readonly vehicleId: string
  readonly requestId: string | null
  /** Whether control may pass: its instant is then later than every instant taken for the vehicle before. */
  readonly handover: boolean
  /** A sharing that the request names, to be loaded even if it is over. */
  readonly sharingId?: string | undefined
}

/** The clock was set back by more than this: better to refuse than to hold the answer. Milliseconds. */
const LONGEST_WAIT_MS = 5_000

/**
 * Decides on a vehicle under its row lock, in one transaction that settles what fell due first and appends the events
 * last. Whatever `decide` throws undoes all of it.
 * @param decide gets null if there never was such a vehicle
 */
export async function withVehicle<T>(
  db: Database,
  order: LockOrder,
  decide: (held: Held | null) => Promise<T>,
): Promise<T> {
  const { held, result } = await db.transaction(async (tx) => {
    const held = await hold(tx, order)
    const result = await decide(held)
    if (held) await release(held)
    return { held, result }
  })
  if (held) committed(db, [held])
  return result
}

/** To be called after the commit. */
export function committed(db: Database, held: readonly Held[]): void {
  const happened = held.filter(({ events }) => events.length > 0)
  if (happened.length > 0) db.appended()
  for (const { moment, events } of happened) {
    db.clock.observe(moment.at)
    countWritten(db.written, events)
  }
}

/** Locks a vehicle and settles what fell due. @returns null if there never was one */
export async function hold(tx: Tx, { vehicleId, requestId, handover, sharingId }: LockOrder): Promise<Held | null> {
  if (!isId(vehicleId)) return null
  const [locked] = await tx.query<{ now: number }>(LOCK, [vehicleId])
  if (!locked) return null
  const { now } = locked
  const read = performance.now()
  // A statement of its own: what the locking one sees of other tables is from before it waited.
  const named = sharingId !== undefined && isId(sharingId) ? sharingId : null
  const stored = heldOf(await tx.query<HeldRow>(HELD, [vehicleId, named]))
  let at = instantAfter(now, stored.lastInstant, handover)
  // In the very millisecond of a start an end would leave the partner nothing; the one after may start back to back.
  if (handover) while (stored.sharings.some(({ startsAt }) => startsAt === at)) at++
  const events: NewEvent[] = []
  const changes = noChanges()
  const settled = settle(stored, stored.vehicle.state, at)
  const byTime: Moment = { at, requestId: null }
  for (const step of settled.steps) {
    if (step.type === 'COMMAND_UPDATED') {
      change(changes.commands, step.command)
      events.push(commandUpdated(step.command, byTime, step.at))
    } else {
      change(changes.sharings, step.sharing)
      events.push(sharingEvent(step.type, step.sharing, byTime, step.at))
    }
  }
  const { vehicle } = stored
  const control = stored.deleted ? null : { vehicle, sharings: settled.sharings }
  const moment = { at, requestId }
  return { tx, vehicle, control, commands: settled.commands, moment, changes, events, comes: read + at - now }
}

/**
 * Writes what was decided, appends what happened and keeps its instant, so that no later one is earlier. Resolves once that
 * instant has come: before it nobody is to see what happens then, be it in an answer or in the log.
 */
export async function release({ tx, vehicle, moment, changes, events, comes }: Held): Promise<void> {
  if (events.length === 0) return
  await save(tx, vehicle.id, moment.at, changes, events)
  await until(comes)
}

/** Control passes at the moment held: what the side that loses it has sent, and no gateway has, is cancelled. */
export function cancelPending({ commands, moment, changes, events }: Held): void {
  for (const command of cancelled(commands, moment.at)) {
    change(changes.commands, command)
    events.push(commandUpdated(command, moment))
  }
}

/**
 * Instants have milliseconds, so a handover takes the next one: what was decided in this one came before it. Nothing takes
 * an instant earlier than one that was taken.
 */
function instantAfter(now: number, last: Instant, handover: boolean): Instant {
  const present = Math.floor(now)
  const at = handover ? Math.max(present, last) + 1 : Math.max(present, last)
  if (at - now > LONGEST_WAIT_MS) {
    throw new Error(`the database's clock is ${at - now} ms behind a vehicle's last instant`)
  }
  return at
}
