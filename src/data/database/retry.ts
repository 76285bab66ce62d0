import { setTimeout as sleep } from 'node:timers/promises'

/** What PostgreSQL undoes as a whole so that others get on: deadlocks, and conflicts of serializable transactions. */
const UNDONE = new Set<unknown>(['40P01', '40001'])
const ATTEMPTS = 4
const LONGEST_PAUSE_MS = 50

/**
 * Does a transaction again that PostgreSQL has undone for the sake of another: nothing of it has happened. Four times at
 * most; any other failure, such as a lost connection, may come after a commit, and is not for trying again.
 * @param attempt leaves nothing behind outside of the database
 */
export async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !UNDONE.has((error as { code?: unknown }).code)) throw error
    }
    // At once the two might only meet again.
    await sleep(Math.random() * LONGEST_PAUSE_MS)
  }
}
