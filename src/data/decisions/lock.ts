import type { Control } from '../../domain/access/access.ts'
import type { Actor } from '../../domain/log/audit.ts'
import type { Command } from '../../domain/command.ts'
import { commandUpdated, sharingEvent } from '../../domain/log/event.ts'
import type { LoggedEvent, Moment, NewEvent } from '../../domain/log/event.ts'
import { contradictionIn } from '../../domain/verify/contradiction.ts'
import { earlier } from '../../domain/period.ts'
import type { Instant } from '../../domain/period.ts'
import { cancelled, nextDue, settle } from '../../domain/settle.ts'
import { ChangedError, ContradictionError, meet, redecide, refusalOf } from './redecide.ts'
import { change, noChanges, save } from './commit.ts'
import type { Decision } from './commit.ts'
import type { Services } from '../services.ts'
import { until } from '../database/clock.ts'
import { LOCK, LOCK_PARTNERSHIP, readStored } from './snapshot.ts'
import type { Asked, Stored } from '../services.ts'
import { isId } from '../tables/ids.ts'
import type { Tx } from '../database/statement.ts'
import { countWritten } from './write-counters.ts'

/** A vehicle as a decision on it finds it, with what fell due for it settled. */
export type Held = Decision & {
  readonly tx: Tx
  /** null once the vehicle is deleted: then nobody controls it. */
  readonly control: Control | null
  /** Its commands that are open. */
  readonly commands: readonly Command[]
  /** Whether the owner may share with the partner that the request names. */
  readonly arePartners: boolean
  /** When the instant comes, as a reading of performance.now(). */
  readonly comes: number
  /** When the last of what fell due has come for every decision, as a reading of performance.now(); null for nothing. */
  readonly fellDue: number | null
  /** The events once they were written. */
  readonly logged: LoggedEvent[]
}

export type LockOrder = Asked & {
  readonly requestId: string | null
  readonly actor?: Actor | null
  /** Whether control may pass: its instant is then later than every instant taken for the vehicle before. */
  readonly handover: boolean
  /** Whether deciding writes something by itself, which a transaction has to hold together with the rest. */
  readonly transactional?: boolean
}

/** How long what was read without the lock counts. Milliseconds. */
const FRESH_MS = 1_000

/** The clock was set back by more than this: better to refuse than to hold the answer. Milliseconds. */
const LONGEST_WAIT_MS = 5_000

/**
 * Decides on a vehicle, settles what fell due first and appends the events last; whatever `decide` throws undoes all of it.
 * Nobody else decides on it in between, and nothing falls due: first that is hoped for, and made sure of as it is written,
 * under the vehicle's row lock; if it was not so, it is decided anew under that lock, and again if something fell due
 * meanwhile.
 * @param decide gets null if there never was such a vehicle; may be called more than once
 * @throws ContradictionError
 */
export async function withVehicle<T>(
  db: Services,
  order: LockOrder,
  decide: (held: Held | null) => Promise<T>,
): Promise<T> {
  const attempt = async (held: Held | null) => {
    const result = await decided(held, decide)
    if (held) await release(held)
    return { held, result }
  }
  const inHope = async () => {
    const stored = isId(order.vehicleId) ? await db.snapshots(order) : null
    return attempt(stored && settled(db, stored, order, stored.version))
  }
  const locked = () => db.transaction(async (tx) => attempt(await hold(tx, order)))
  try {
    const { held, result } = await redecide((nth) => (nth > 1 || order.transactional ? locked() : inHope()))
    if (held) committed(db, [held])
    return result
  } catch (error) {
    if (error instanceof ContradictionError) meet(db.contradictions, error)
    throw error
  }
}

/**
 * A refusal may rest on an instant that has come and is not recorded yet. A decision from before that instant, made to undo
 * it, holds the row until its commit: so whoever is refused had the row's lock after the instant had come.
 */
async function decided<T>(held: Held | null, decide: (held: Held | null) => Promise<T>): Promise<T> {
  try {
    return await decide(held)
  } catch (error) {
    if (held === null || held.fellDue === null) throw error
    if (held.version !== null) throw new ChangedError(held.vehicle.id, { cause: error })
    await until(held.fellDue)
    throw error
  }
}

/** To be called after the commit. */
export function committed(db: Services, held: readonly Held[]): void {
  const happened = held.filter(({ logged }) => logged.length > 0)
  for (const { moment, logged } of happened) {
    db.clock.observe(moment.at)
    countWritten(db.counters, logged)
  }
  if (happened.length > 0) db.log.appended(happened.flatMap(({ logged }) => logged))
}

/**
 * Locks a vehicle until the transaction ends, and settles what fell due.
 * @returns null if there never was one
 * @throws ContradictionError
 */
export async function hold(tx: Tx, order: LockOrder): Promise<Held | null> {
  const { vehicleId, partnerId } = order
  const [locked] = isId(vehicleId) ? await tx.query<{ owner_id: string }>(LOCK, [vehicleId]) : []
  if (!locked) return null
  const partnership =
    partnerId != null && isId(partnerId) ? await tx.query(LOCK_PARTNERSHIP, [locked.owner_id, partnerId]) : []
  // A statement of its own: what the locking one sees of other tables is from before it waited.
  const [stored] = await readStored(tx.query, [order])
  if (!stored) throw new Error('a vehicle that was locked is missing')
  // Not as it is read: what is registered again just now is not held.
  return settled(tx, { ...stored, arePartners: partnership.length > 0 }, order, null)
}

function settled(
  tx: Tx,
  stored: Stored,
  { requestId, handover, actor = null }: LockOrder,
  version: string | null,
): Held {
  const { now, read, arePartners } = stored
  let at = instantAfter(now, stored.lastInstant, handover)
  // In the very millisecond of a start an end would leave the partner nothing; the one after may start back to back.
  if (handover) while (stored.sharings.some(({ startsAt }) => startsAt === at)) at++
  const contradiction = contradictionIn(stored.sharings, at)
  if (contradiction !== null) throw new ContradictionError(stored.vehicle.id, contradiction)
  const events: NewEvent[] = []
  const changes = noChanges()
  const due = settle(stored, stored.vehicle.state, at)
  const byTime: Moment = { at, requestId: null }
  for (const step of due.steps) {
    if (step.type === 'COMMAND_UPDATED') {
      change(changes.commands, step.command)
      events.push(commandUpdated(step.command, byTime, step.at))
    } else {
      change(changes.sharings, step.sharing)
      events.push(sharingEvent(step.type, step.sharing, byTime, step.at))
    }
  }
  const { vehicle } = stored
  const control = stored.deleted ? null : { vehicle, sharings: due.sharings }
  const moment = { at, requestId }
  const next = nextDue(due, at)
  // Only a handover, which takes the next instant, is ahead of what others take for the present.
  const latest = due.steps.at(-1)?.at
  return {
    tx,
    vehicle,
    control,
    commands: due.commands,
    arePartners,
    moment,
    changes,
    events,
    comes: read + at - now,
    logged: [],
    version,
    validUntil: version === null ? next : earlier(next, at + FRESH_MS),
    fellDue: latest === undefined ? null : latest <= Math.max(now, stored.lastInstant) ? read : read + latest - now,
    actor,
  }
}

/**
 * Writes what was decided, appends what happened and keeps its instant, so that no later one is earlier. Not before that
 * instant has come: until then nobody is to see what happens in it, be it in an answer or in the log.
 * @throws ChangedError if what it rests on is not so any more, ContradictionError if the records do not allow it
 */
export async function release(held: Held): Promise<void> {
  if (held.events.length === 0) return
  await until(held.comes)
  const logged = await written(held)
  if (logged.length === 0) throw new ChangedError(held.vehicle.id)
  held.logged.push(...logged)
}

async function written(held: Held): Promise<LoggedEvent[]> {
  try {
    return await save(held.tx, held)
  } catch (error) {
    throw refusalOf(error, held.vehicle.id)
  }
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
