import type { Instant } from '../domain/period.ts'
import type { Database } from './client.ts'
import { withVehicle } from './lock.ts'
import { toInstant } from './sql.ts'

const BATCH = 100
/** At once: many sharings end on the hour, and a request must still find a connection. */
const WORKERS = 4

/**
 * Writes down what fell due until now: that is what every decision on a vehicle does first, so one that decides nothing
 * will do.
 * @returns how many vehicles were settled, at most 100
 */
export async function settleDue(db: Database): Promise<number> {
  const rows = await db.prisma.$queryRaw<{ vehicle_id: string }[]>`
    (SELECT vehicle_id FROM sharing WHERE NOT start_recorded AND cancelled_at IS NULL AND starts_at <= statement_timestamp()
      ORDER BY starts_at LIMIT ${BATCH})
    UNION
    (SELECT vehicle_id FROM sharing WHERE ended_at IS NULL AND cancelled_at IS NULL AND ends_at <= statement_timestamp()
      ORDER BY ends_at LIMIT ${BATCH})
    UNION
    (SELECT vehicle_id FROM command WHERE completed_at IS NULL AND deadline <= statement_timestamp()
      ORDER BY deadline LIMIT ${BATCH})
    LIMIT ${BATCH}`
  const vehicles = rows.values()
  const work = async () => {
    for (const { vehicle_id: vehicleId } of vehicles) {
      await withVehicle(db, { vehicleId, requestId: null, handover: false }, async () => {})
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  return rows.length
}

/** The next instant at which something falls due, as far as is known; null for none. */
export async function nextDue({ prisma }: Database): Promise<Instant | null> {
  const [row] = await prisma.$queryRaw<[{ next: Date | null }]>`
    SELECT LEAST(
      (SELECT min(starts_at) FROM sharing WHERE NOT start_recorded AND cancelled_at IS NULL),
      (SELECT min(ends_at) FROM sharing WHERE ended_at IS NULL AND cancelled_at IS NULL AND ends_at IS NOT NULL),
      (SELECT min(deadline) FROM command WHERE completed_at IS NULL)
    ) AS next`
  return row.next && toInstant(row.next)
}
