import { LRUCache } from 'lru-cache'
import type { Instant } from '../../domain/period.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement } from '../database/statement.ts'
import { isUnavailable } from '../database/unavailable.ts'
import type { Services } from '../services.ts'
import { withVehicle } from '../decisions/lock.ts'
import { ContradictionError } from '../decisions/redecide.ts'

const BATCH = 100
/** Vehicles at a time: many sharings end on the hour, and requests need connections, too. */
const WORKERS = 4

/** The pause after a vehicle's failure, doubled with each further one. Milliseconds. */
const PAUSE = { first: 1_000, longest: 30_000 }
/** The number of failed vehicles that are remembered; the oldest are forgotten, and tried again. */
const MOST_PAUSING = 10_000

/** Vehicles whose due steps failed: the number of failures, and the end of the pause as a reading of performance.now(). */
export type Pausing = LRUCache<string, { readonly failures: number; readonly until: number }>

export const nonePausing = (): Pausing => new LRUCache({ max: MOST_PAUSING })

const STARTS = 'FROM sharing WHERE NOT start_recorded AND cancelled_at IS NULL'
const ENDS = 'FROM sharing WHERE ended_at IS NULL AND cancelled_at IS NULL'
const DEADLINES = 'FROM command WHERE completed_at IS NULL'

/** $1: the paused vehicles as keys of an object, for a lookup instead of a comparison with each. */
const OTHERS = 'NOT ($1::jsonb ? vehicle_id)'

const DUE: Statement = {
  name: 'due',
  text: `
    (SELECT vehicle_id ${STARTS} AND starts_at <= statement_timestamp() AND ${OTHERS} ORDER BY starts_at LIMIT ${BATCH})
    UNION
    (SELECT vehicle_id ${ENDS} AND ends_at <= statement_timestamp() AND ${OTHERS} ORDER BY ends_at LIMIT ${BATCH})
    UNION
    (SELECT vehicle_id ${DEADLINES} AND deadline <= statement_timestamp() AND ${OTHERS} ORDER BY deadline LIMIT ${BATCH})
    LIMIT ${BATCH}`,
}

const NEXT: Statement = {
  name: 'next_due',
  text: `SELECT extract(epoch FROM LEAST(
      (SELECT min(starts_at) ${STARTS} AND starts_at > $1),
      (SELECT min(ends_at) ${ENDS} AND ends_at > $1),
      (SELECT min(deadline) ${DEADLINES} AND deadline > $1)
    ))::float8 * 1000 AS next`,
}

/**
 * Records due steps. Every decision on a vehicle records them first, so that an empty decision is sufficient. A vehicle that
 * fails is reported and paused, and does not stop the others.
 * @returns the number of vehicles that were tried, at most 100
 */
export async function settleDue(
  services: Services,
  pausing: Pausing,
  onError: (error: unknown) => void,
): Promise<number> {
  const rows = await services.query<{ vehicle_id: string }>(DUE, [leftAlone(pausing)])
  const vehicles = rows.values()
  const work = async () => {
    for (const { vehicle_id: vehicleId } of vehicles) {
      try {
        await withVehicle(services, { vehicleId, requestId: null, handover: false }, async () => {})
        pausing.delete(vehicleId)
      } catch (error) {
        if (isUnavailable(error)) throw error
        pause(pausing, vehicleId)
        // withVehicle() has reported a contradiction already.
        if (!(error instanceof ContradictionError)) onError(new UnsettledError(vehicleId, { cause: error }))
      }
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  return rows.length
}

class UnsettledError extends Error {
  readonly vehicleId: string

  constructor(vehicleId: string, options: ErrorOptions) {
    super(`vehicle ${vehicleId} could not be settled`, options)
    this.vehicleId = vehicleId
  }
}

function pause(pausing: Pausing, vehicleId: string): void {
  const failures = (pausing.get(vehicleId)?.failures ?? 0) + 1
  const pauseMs = Math.min(PAUSE.first * 2 ** (failures - 1), PAUSE.longest)
  pausing.set(vehicleId, { failures, until: performance.now() + pauseMs })
}

function leftAlone(pausing: Pausing): string {
  const now = performance.now()
  const ids: Record<string, true> = {}
  for (const [id, { until }] of pausing.entries()) if (until > now) ids[id] = true
  return JSON.stringify(ids)
}

/** The next known due instant after `since`; null for none. */
export async function nextDue({ query }: Services, since: Instant): Promise<Instant | null> {
  const [row] = await query<{ next: Instant | null }>(NEXT, [timestamp(since)])
  return row?.next ?? null
}
