import type { Instant } from '../../domain/period.ts'
import { until } from '../database/clock.ts'
import { WITH_LOCK_TIMEOUT } from '../database/lock-timeout.ts'
import { retried } from '../database/retry.ts'
import type { Query, Statement } from '../database/statement.ts'

/**
 * The largest error of this process's estimate of the database's clock. After a larger step, answers follow the estimate until
 * the next measurement. Milliseconds.
 */
const MOST_AHEAD_MS = 50

/** One order of locking, so that no two requests deadlock. The instant is taken before the wait. */
const WAIT: Statement = {
  name: 'wait',
  text: `SELECT extract(epoch FROM statement_timestamp())::float8 * 1000 AS now FROM ${WITH_LOCK_TIMEOUT}, vehicle AS v
    WHERE v.id = ANY($1::text[]) ORDER BY v.id FOR SHARE OF v`,
  waits: 'row',
}

/**
 * Locks vehicles for a moment, after the database's clock has reached `at`. A decision is written before the vehicle's next due
 * instant, but its commit may come later, and it holds the lock until then. So reads after this see all decisions from before
 * the due instants up to `at`, and no such decision can follow.
 */
export async function waitForWriters(query: Query, vehicleIds: readonly string[], at: Instant): Promise<void> {
  for (;;) {
    const [row] = await retried(() => query<{ now: number }>(WAIT, [vehicleIds]))
    const early = row === undefined ? 0 : at - row.now
    if (early <= 0 || early > MOST_AHEAD_MS) return
    await until(performance.now() + early)
  }
}
