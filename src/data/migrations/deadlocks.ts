import type { Connection, MigrationLog } from './target.ts'

/** Attempts at one migration. */
const ATTEMPTS = 5
const DEADLOCK = '40P01'

/** Writers lock the vehicle first, before anything else. Reading goes on meanwhile. */
const HOLD_WRITERS = `DO $$ BEGIN
  IF to_regclass('"vehicle"') IS NOT NULL THEN LOCK TABLE "vehicle" IN EXCLUSIVE MODE; END IF;
END $$`

/**
 * Makes an attempt again that PostgreSQL undid for a deadlock with others who write, five times at most.
 * @param attempt has no effects outside of its transaction, and calls `holdWriters` before its first lock: from the second attempt on
 * writers wait until it is over
 */
export async function pastDeadlocks<T>(
  log: MigrationLog,
  attempt: (holdWriters: (connection: Connection) => Promise<void>) => Promise<T>,
): Promise<T> {
  for (let nth = 1; ; nth++) {
    try {
      return await attempt(async ({ query }) => {
        if (nth > 1) await query(HOLD_WRITERS)
      })
    } catch (error) {
      const { cause } = error as { readonly cause?: { readonly code?: unknown } }
      if (nth === ATTEMPTS || cause?.code !== DEADLOCK) throw error
      log('info', 'the migration and writers waited for each other: it is applied again, ahead of them')
    }
  }
}
