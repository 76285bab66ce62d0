import type { Contradictions } from '../services.ts'

/** Attempts before a decision is given up. Each one fails only if an instant falls due between the decision and its commit. */
const ATTEMPTS = 10

/** The vehicle changed, or an instant fell due, between the reading and the commit. Nothing was written. */
export class ChangedError extends Error {
  constructor(vehicleId: string, options?: ErrorOptions) {
    super(`vehicle ${vehicleId} changed while a decision on it was taken`, options)
  }
}

/** The records of a vehicle contradict each other, so that no decision on it is possible. Nothing was written. */
export class ContradictionError extends Error {
  readonly vehicleId: string

  /** @param what the contradiction, in words for the log; `cause` is the database's error, if the database found it */
  constructor(vehicleId: string, what: string, options?: ErrorOptions) {
    super(`the records of vehicle ${vehicleId} contradict each other: ${what}`, options)
    this.vehicleId = vehicleId
  }
}

/** Counts a contradiction and reports it to the log. */
export function meet(contradictions: Contradictions, error: ContradictionError): void {
  contradictions.met++
  contradictions.tell(error)
}

/** SQLSTATEs of a write that contradicts the records: of demand_rows(), an exclusion constraint, a check constraint. */
const CONTRADICTING = new Set<unknown>(['FS001', '23P01', '23514'])
/** SQLSTATE of demand_rows() for a write after the decision's validUntil. */
const TOO_LATE = 'FS002'

/** Translates the database's error for a failed commit into ChangedError or ContradictionError; returns any other error unchanged. */
export function refusalOf(error: unknown, vehicleId: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === TOO_LATE) return new ChangedError(vehicleId, { cause: error })
  if (CONTRADICTING.has(error.code)) return new ContradictionError(vehicleId, error.message, { cause: error })
  return error
}

/**
 * Repeats a decision that could not be committed, ten times at most. A contradiction counts when it is found twice, because the
 * first may come from a snapshot that was read before the lock.
 * @param attempt gets its number, from 1, and whether an earlier one found a contradiction; leaves nothing behind if it throws
 * @throws ContradictionError; Error after the last attempt
 */
export async function redecide<T>(attempt: (nth: number, isContradicted: boolean) => Promise<T>): Promise<T> {
  let isContradicted = false
  for (let nth = 1; ; nth++) {
    try {
      return await attempt(nth, isContradicted)
    } catch (error) {
      const contradicts = error instanceof ContradictionError
      if (!(contradicts || error instanceof ChangedError) || (contradicts && isContradicted)) throw error
      isContradicted ||= contradicts
      if (nth === ATTEMPTS) throw new Error(`given up after ${ATTEMPTS} attempts`, { cause: error })
    }
  }
}
