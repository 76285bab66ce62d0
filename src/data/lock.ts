import type { Control } from '../domain/access.ts'
import type { Command } from '../domain/command.ts'
import { commandUpdated, sharingEvent } from '../domain/event.ts'
import type { Moment, NewEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { cancelled, settle } from '../domain/settle.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { Database } from './client.ts'
import { until } from './clock.ts'
import { append } from './log.ts'
import { fromCommand, fromSharing, isId, toCommand, toSharing, toVehicle } from './rows.ts'

export type Tx = Prisma.TransactionClient

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
  /** What the transaction will append to the log, in order; what fell due comes first. */
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
  const { held, result } = await db.prisma.$transaction(async (tx) => {
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
  for (const { moment } of happened) db.clock.observe(moment.at)
}

/** Locks a vehicle and settles what fell due. @returns null if there never was one */
export async function hold(tx: Tx, { vehicleId, requestId, handover, sharingId }: LockOrder): Promise<Held | null> {
  const now = await lock(tx, vehicleId)
  if (now === null) return null
  const read = performance.now()
  // Statements of their own: what the locking one sees of other tables is from before it waited.
  const stored = await tx.vehicle.findUniqueOrThrow({ where: { id: vehicleId } })
  const vehicle = toVehicle(stored)
  let at = instantAfter(now, stored.lastInstant.getTime(), handover)
  const sharings = await tx.sharing.findMany({
    where: {
      vehicleId,
      // Those that are not over, and those that are but not by the log.
      OR: [
        { cancelledAt: null, endedAt: null },
        ...(sharingId !== undefined && isId(sharingId) ? [{ id: sharingId }] : []),
      ],
    },
  })
  // In the very millisecond of a start an end would leave the partner nothing; the one after may start back to back.
  if (handover) while (sharings.some(({ startsAt }) => startsAt.getTime() === at)) at++
  const commands = await tx.command.findMany({
    where: { vehicleId, status: { in: ['PENDING', 'DISPATCHED'] } },
    orderBy: [{ requestedAt: 'asc' }, { id: 'asc' }],
  })
  const events: NewEvent[] = []
  const pending = { sharings: sharings.map(toSharing), commands: commands.map(toCommand) }
  const settled = settle(pending, vehicle.state, at)
  const byTime: Moment = { at, requestId: null }
  for (const step of settled.steps) {
    if (step.type === 'COMMAND_UPDATED') {
      await saveCommand(tx, step.command)
      events.push(commandUpdated(step.command, byTime, step.at))
    } else {
      await saveSharing(tx, step.sharing)
      events.push(sharingEvent(step.type, step.sharing, byTime, step.at))
    }
  }
  const control = stored.deletedAt === null ? { vehicle, sharings: settled.sharings } : null
  return { tx, vehicle, control, commands: settled.commands, moment: { at, requestId }, events, comes: read + at - now }
}

/**
 * Appends what happened and keeps its instant, so that no later one is earlier. Resolves once that instant has come: before
 * it nobody is to see what happens then, be it in an answer or in the log.
 */
export async function release({ tx, vehicle, moment, events, comes }: Held): Promise<void> {
  if (events.length === 0) return
  await tx.vehicle.update({
    where: { id: vehicle.id },
    data: { lastInstant: new Date(moment.at) },
    select: { id: true },
  })
  await append(tx, events)
  await until(comes)
}

/** Control passes at the moment held: what the side that loses it has sent, and no gateway has, is cancelled. */
export async function cancelPending({ tx, commands, moment, events }: Held): Promise<void> {
  for (const command of cancelled(commands, moment.at)) {
    await saveCommand(tx, command)
    events.push(commandUpdated(command, moment))
  }
}

export async function saveSharing(tx: Tx, sharing: Sharing): Promise<void> {
  const { id, ...data } = fromSharing(sharing)
  await tx.sharing.update({ where: { id }, data, select: { id: true } })
}

export async function saveCommand(tx: Tx, command: Command): Promise<void> {
  const { id, ...data } = fromCommand(command)
  await tx.command.update({ where: { id }, data, select: { id: true } })
}

/** @returns the database's clock once the lock was had (in the locking query itself it would be read before the wait) */
async function lock(tx: Tx, vehicleId: string): Promise<number | null> {
  if (!isId(vehicleId)) return null
  const [row] = await tx.$queryRaw<{ now: number }[]>`
    WITH locked AS MATERIALIZED (SELECT id FROM vehicle WHERE id = ${vehicleId} FOR UPDATE)
    SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now FROM locked`
  return row?.now ?? null
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
