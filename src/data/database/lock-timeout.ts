/** How long a statement waits for the lock of a row that another transaction holds. Milliseconds. */
export const LOCK_TIMEOUT_MS = 2_000

/**
 * Sets that limit for the rest of the transaction: an item of a FROM list beside the locked table, whose rows are locked once they
 * are joined. Not for the session: its reads may wait for a migration, and a pooler's sessions are not this server's to set.
 */
export const WITH_LOCK_TIMEOUT = withLockTimeout(`'${LOCK_TIMEOUT_MS}'`)

/** The same with another limit. @param ms an expression of a text, in milliseconds */
export function withLockTimeout(ms: string): string {
  return `(SELECT set_config('lock_timeout', ${ms}, TRUE) AS is_set OFFSET 0) AS lock_timeout`
}
