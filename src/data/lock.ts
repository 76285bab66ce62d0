import type { Control } from '../domain/access.ts'
import { sharingEvent } from '../domain/event.ts'
import type { Moment, NewEvent } from '../domain/event.ts'
import type { Instant } from '../domain/period.ts'
import { dueUntil } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { Database } from './client.ts'
import { until } from './clock.ts'
import { append } from './log.ts'
import { fromSharing, isId, toSharing, toVehicle } from './rows.ts'

export type Tx = Prisma.TransactionClient

/** A vehicle whose row is locked until the transaction ends, with what fell due for it settled. */
export type Held = {
  readonly tx: Tx
  /** null if there is no such vehicle. */
  readonly control: Control | null
  /** The instant of the decision, by the database's clock, and the request that asked for it. */
  readonly moment: Moment
  /** What the transaction will append to the log, in order; what fell due comes first. */
  readonly events: NewEvent[]
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
 * last. Whatever `decide` throws undoes all of it. Answers once the instant of the decision has come.
 */
export async function withVehicle<T>(db: Database, order: LockOrder, decide: (held: Held) => Promise<T>): Promise<T> {
  let comes = 0
  let appended = false
  let at: Instant = 0
  const result = await db.prisma.$transaction(async (tx) => {
    const locked = await lock(tx, order.vehicleId)
    if (locked === null) return decide({ tx, control: null, moment: { at: 0, requestId: order.requestId }, events: [] })
    at = instantAfter(locked, order.handover)
    const read = performance.now()
    const events: NewEvent[] = []
    const loaded = await tx.sharing.findMany({
      where: {
        vehicleId: order.vehicleId,
        // Those that are not over, and those that are but not by the log.
        OR: [
          { cancelledAt: null, endedAt: null },
          ...(order.sharingId !== undefined && isId(order.sharingId) ? [{ id: order.sharingId }] : []),
        ],
      },
    })
    // In the very millisecond of a start an end would leave the partner nothing; the one after may start back to back.
    if (order.handover) while (loaded.some(({ startsAt }) => startsAt.getTime() === at)) at++
    const sharings = await settle(tx, loaded.map(toSharing), at, events)
    const control = locked.deleted ? null : { vehicle: locked.vehicle, sharings }
    const decided = await decide({ tx, control, moment: { at, requestId: order.requestId }, events })
    if (events.length > 0) {
      await tx.vehicle.update({
        where: { id: order.vehicleId },
        data: { lastInstant: new Date(at) },
        select: { id: true },
      })
      await append(tx, events)
      appended = true
    }
    comes = read + at - locked.now
    return decided
  })
  if (appended) db.onAppend()
  await until(comes)
  db.clock.observe(at)
  return result
}

/** Writes down what came by time until `at`, each with its due instant. @returns the sharings as they stand then */
async function settle(tx: Tx, sharings: readonly Sharing[], at: Instant, events: NewEvent[]): Promise<Sharing[]> {
  const settled = new Map(sharings.map((sharing) => [sharing.id, sharing]))
  for (const due of dueUntil(sharings, at)) {
    settled.set(due.sharing.id, due.sharing)
    events.push(sharingEvent(due.type, due.sharing, { at, requestId: null }, due.at))
  }
  for (const sharing of sharings) {
    const now = settled.get(sharing.id)
    if (now !== undefined && now !== sharing) await saveSharing(tx, now)
  }
  return [...settled.values()]
}

export async function saveSharing(tx: Tx, sharing: Sharing): Promise<void> {
  const { id, ...data } = fromSharing(sharing)
  await tx.sharing.update({ where: { id }, data, select: { id: true } })
}

/** The row, and the clock once the lock was had: in the locking query itself it would be read before the wait. */
async function lock(tx: Tx, vehicleId: string) {
  if (!isId(vehicleId)) return null
  const [row] = await tx.$queryRaw<LockedRow[]>`
    WITH locked AS MATERIALIZED (SELECT * FROM vehicle WHERE id = ${vehicleId} FOR UPDATE)
    SELECT id, owner_id AS "ownerId", name, license_plate AS "licensePlate", vin, brand, model,
      supported_commands AS "supportedCommands", deleted_at IS NOT NULL AS deleted, last_instant AS "lastInstant",
      extract(epoch FROM clock_timestamp())::float8 * 1000 AS now
    FROM locked`
  if (row === undefined) return null
  return { vehicle: toVehicle(row), last: row.lastInstant.getTime(), now: row.now, deleted: row.deleted }
}

type LockedRow = Parameters<typeof toVehicle>[0] & { lastInstant: Date; now: number; deleted: boolean }

/**
 * Instants have milliseconds, so a handover takes the next one: what was decided in this one came before it. Nothing takes
 * an instant earlier than one that was taken.
 */
function instantAfter({ now, last }: { now: number; last: Instant }, handover: boolean): Instant {
  const present = Math.floor(now)
  const at = handover ? Math.max(present, last) + 1 : Math.max(present, last)
  if (at - now > LONGEST_WAIT_MS)
    throw new Error(`the database's clock is ${at - now} ms behind a vehicle's last instant`)
  return at
}
