import { LRUCache } from 'lru-cache'
import type { Instant } from '../../domain/period.ts'
import { timestamp } from '../database/statement.ts'
import type { Statement } from '../database/statement.ts'
import type { Services } from '../services.ts'
import { ContradictionError } from '../decisions/redecide.ts'
import { SET_SIZE, settleSet } from '../decisions/settle-set.ts'

/** Vehicles that are read at a time. Instances take them in another order each, so that they seldom meet. */
const BATCH = 1_000
/** Sets at a time: requests need connections, too. */
const WORKERS = 2

/** The pause after a vehicle's failure, doubled with each further one. Milliseconds. */
const PAUSE = { first: 1_000, longest: 30_000 }
/** The pause of a vehicle that somebody else held or changed meanwhile. Milliseconds. */
const HELD_MS = 20
/** The number of failed vehicles that are remembered; the oldest are forgotten, and tried again. */
const MOST_PAUSING = 10_000

/** Vehicles whose due steps failed: the number of failures, and the end of the pause as a reading of performance.now(). */
export type Pausing = LRUCache<string, { readonly failures: number; readonly until: number }>

export const nonePausing = (): Pausing => new LRUCache({ max: MOST_PAUSING })

const SHARINGS = 'FROM sharing WHERE due_at IS NOT NULL'
const DEADLINES = 'FROM command WHERE completed_at IS NULL'

/** $1: the paused vehicles as keys of an object, for a lookup instead of a comparison with each. */
const OTHERS = 'NOT ($1::jsonb ? vehicle_id)'

const DUE: Statement = {
  name: 'due',
  text: `
    (SELECT vehicle_id ${SHARINGS} AND due_at <= statement_timestamp() AND ${OTHERS} ORDER BY due_at LIMIT ${BATCH})
    UNION
    (SELECT vehicle_id ${DEADLINES} AND deadline <= statement_timestamp() AND ${OTHERS} ORDER BY deadline LIMIT ${BATCH})
    LIMIT ${BATCH}`,
}

const NEXT: Statement = {
  name: 'next_due',
  text: `SELECT extract(epoch FROM LEAST(
      (SELECT min(due_at) ${SHARINGS} AND due_at > $1),
      (SELECT min(deadline) ${DEADLINES} AND deadline > $1)
    ))::float8 * 1000 AS next`,
}

/**
 * Records what fell due, the earliest first. A vehicle that fails is reported and paused, and one that is held is left for a
 * moment: neither stops the others.
 * @returns the number of vehicles that were tried, at most 1,000, and in how many milliseconds the first pause ends
 */
export async function settleDue(
  services: Services,
  pausing: Pausing,
  onError: (error: unknown) => void,
): Promise<{ readonly tried: number; readonly pauseEndsInMs: number }> {
  const rows = await services.query<{ vehicle_id: string }>(DUE, [leftAlone(pausing)])
  const vehicleIds = shuffled(rows.map(({ vehicle_id: id }) => id))
  const work = async () => {
    while (vehicleIds.length > 0) {
      const { settled, later, failed } = await settleSet(services, vehicleIds.splice(0, SET_SIZE))
      for (const id of settled) pausing.delete(id)
      for (const id of later) pause(pausing, id, HELD_MS, 0)
      for (const [id, error] of failed) {
        services.unsettled.met++
        const failures = (pausing.get(id)?.failures ?? 0) + 1
        pause(pausing, id, Math.min(PAUSE.first * 2 ** (failures - 1), PAUSE.longest), failures)
        if (!(error instanceof ContradictionError)) onError(new UnsettledError(id, { cause: error }))
      }
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  return { tried: rows.length, pauseEndsInMs: pauseEnd(pausing) - performance.now() }
}

class UnsettledError extends Error {
  readonly vehicleId: string

  constructor(vehicleId: string, options: ErrorOptions) {
    super(`vehicle ${vehicleId} could not be settled`, options)
    this.vehicleId = vehicleId
  }
}

function pause(pausing: Pausing, vehicleId: string, ms: number, failures: number): void {
  pausing.set(vehicleId, { failures, until: performance.now() + ms })
}

const pauseEnd = (pausing: Pausing): number => Math.min(...[...pausing.values()].map(({ until }) => until))

/** In an order of chance. */
const shuffled = (ids: readonly string[]): string[] =>
  ids
    .map((id) => ({ id, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ id }) => id)

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
