import type { Contradictions } from '../services.ts'

/** So often a decision is taken before it is given up: each time something has to fall due between deciding and writing. */
const ATTEMPTS = 10

/** Something changed, or fell due, between reading and writing. Nothing was written. */
export class ChangedError extends Error {
  constructor(vehicleId: string, options?: ErrorOptions) {
    super(`vehicle ${vehicleId}: what was decided rests on what is not so any more`, options)
  }
}

/** The records of a vehicle cannot all be true, so that nothing can be decided on it. Nothing was written. */
export class ContradictionError extends Error {
  readonly vehicleId: string

  /** @param what in words for the log; `cause` is what the database said, where it was the one to find out */
  constructor(vehicleId: string, what: string, options?: ErrorOptions) {
    super(`the records of vehicle ${vehicleId} contradict each other: ${what}`, options)
    this.vehicleId = vehicleId
  }
}

/** Counts a contradiction that stands, and tells of it. */
export function meet(contradictions: Contradictions, error: ContradictionError): void {
  contradictions.met++
  contradictions.tell(error)
}

/** SQLSTATEs of a write that the records do not allow: of demand_rows(), an exclusion constraint, a check constraint. */
const CONTRADICTING = new Set<unknown>(['FS001', '23P01', '23514'])
/** SQLSTATE of demand_rows() for a write that comes too late. */
const TOO_LATE = 'FS002'

/** What an error of the database says about a decision that was to be written; any other error stays as it is. */
export function refusalOf(error: unknown, vehicleId: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === TOO_LATE) return new ChangedError(vehicleId, { cause: error })
  if (CONTRADICTING.has(error.code)) return new ContradictionError(vehicleId, error.message, { cause: error })
  return error
}

/**
 * Decides anew what could not be written, ten times at most; a contradiction is met twice before it counts, for the first
 * may come of what was read before it was locked.
 * @param attempt is told its number, from 1, and whether a contradiction was met before; leaves nothing behind if it throws
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
