import { setTimeout as sleep } from 'node:timers/promises'

/** SQLSTATEs of transactions that PostgreSQL has rolled back for another one's sake: deadlocks and serialization failures. */
const UNDONE = new Set<unknown>(['40P01', '40001'])
const ATTEMPTS = 4
const LONGEST_PAUSE_MS = 50

/**
 * Repeats a transaction that PostgreSQL has rolled back for another one's sake, four times at most. Other failures are not
 * repeated: after a lost connection the transaction may have been committed.
 * @param attempt has no effects outside the database
 */
export async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !UNDONE.has((error as { code?: unknown }).code)) throw error
    }
    // Without a pause the two transactions may collide again.
    await sleep(Math.random() * LONGEST_PAUSE_MS)
  }
}
