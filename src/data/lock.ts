import type { Control } from '../domain/access.ts'
import type { Actor } from '../domain/audit.ts'
import type { Command } from '../domain/command.ts'
import { commandUpdated, sharingEvent } from '../domain/event.ts'
import type { LoggedEvent, Moment, NewEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { cancelled, settle } from '../domain/settle.ts'
import { change, noChanges, save } from './changes.ts'
import type { Decision } from './changes.ts'
import type { Database } from './client.ts'
import { ClockError, until } from './clock.ts'
import { LOCK, LOCK_PARTNERSHIP, readStored } from './held-rows.ts'
import type { Asked, Stored } from './held-rows.ts'
import { isId } from './rows.ts'
import type { Tx } from './sql.ts'
import { countWritten } from './written.ts'

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

/** The clock was set back by more than this: better to refuse than to hold the answer. Milliseconds. */
const LONGEST_WAIT_MS = 5_000

/** How long what was read without the lock counts. Milliseconds. */
const FRESH_MS = 1_000

/** Somebody else was at the vehicle, or ended the partnership: then it is decided anew, under the lock. */
class ChangedError extends Error {}

/**
 * Decides on a vehicle, settles what fell due first and appends the events last; whatever `decide` throws undoes all of it.
 * Nobody else decides on it in between, and nothing falls due: first that is hoped for, and made sure of as it is written,
 * under the vehicle's row lock; if it was not so, it is decided anew under that lock.
 * @param decide gets null if there never was such a vehicle; may be called more than once
 */
export async function withVehicle<T>(
  db: Database,
  order: LockOrder,
  decide: (held: Held | null) => Promise<T>,
): Promise<T> {
  const attempt = async (held: Held | null) => {
    if (held) db.clock.check(held.moment.at)
    const result = await decide(held)
    if (held) await release(held)
    return { held, result }
  }
  const inHope = async () => {
    const stored = isId(order.vehicleId) ? await db.stored(order) : null
    return attempt(stored && settled(db, stored, order, stored.version))
  }
  const locked = () => db.transaction(async (tx) => attempt(await hold(tx, order)))
  const { held, result } = await (order.transactional ? locked() : inHope()).catch((error: unknown) => {
    if (error instanceof ChangedError) return locked()
    throw error
  })
  if (held) committed(db, [held])
  return result
}

/** To be called after the commit. */
export function committed(db: Database, held: readonly Held[]): void {
  const happened = held.filter(({ logged }) => logged.length > 0)
  for (const { moment, logged } of happened) {
    db.clock.observe(moment.at)
    countWritten(db.written, logged)
  }
  if (happened.length > 0) db.appended(happened.flatMap(({ logged }) => logged))
}

/** Locks a vehicle until the transaction ends, and settles what fell due. @returns null if there never was one */
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
    validUntil: Math.min(at + FRESH_MS, ...instantsOf(due).filter((instant) => instant > at)),
    actor,
  }
}

/**
 * Writes what was decided, appends what happened and keeps its instant, so that no later one is earlier. Not before that
 * instant has come: until then nobody is to see what happens in it, be it in an answer or in the log.
 * @throws ChangedError if what it rests on is not so any more
 */
export async function release(held: Held): Promise<void> {
  if (held.events.length === 0) return
  await until(held.comes)
  const logged = await save(held.tx, held)
  if (logged.length === 0) throw new ChangedError()
  held.logged.push(...logged)
}

/** When something falls due, or did. */
const instantsOf = ({ sharings, commands }: Pick<Stored, 'sharings' | 'commands'>): Instant[] => [
  ...sharings.flatMap(({ startsAt, endsAt }) => (endsAt === null ? [startsAt] : [startsAt, endsAt])),
  ...commands.map(({ deadline }) => deadline),
]

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
    throw new ClockError(`the database's clock is ${at - now} ms behind a vehicle's last instant`)
  }
  return at
}
