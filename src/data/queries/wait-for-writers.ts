import type { Instant } from '../../domain/period.ts'
import { until } from '../database/clock.ts'
import { retried } from '../database/retry.ts'
import type { Query, Statement } from '../database/statement.ts'

/**
 * By so much at most this process takes the database's clock to be further than it is. Where a clock was set by more, answers
 * go by this process's until it is measured again. Milliseconds.
 */
const MOST_AHEAD_MS = 50

/** Always in this order, so that nobody waits crosswise. The instant is from before the wait. */
const WAIT: Statement = {
  name: 'wait',
  text: `SELECT extract(epoch FROM statement_timestamp())::float8 * 1000 AS now FROM vehicle
    WHERE id = ANY($1::text[]) ORDER BY id FOR SHARE`,
}

/**
 * Has the locks of vehicles for a moment, once the database's clock has reached `at`. A decision is written before the next
 * instant at which something falls due, but its commit may come later, and until then it holds the lock: so what is read
 * after this shows all that was decided before an instant up to `at`, and nobody can decide so any more.
 */
export async function waitForWriters(query: Query, vehicleIds: readonly string[], at: Instant): Promise<void> {
  for (;;) {
    const [row] = await retried(() => query<{ now: number }>(WAIT, [vehicleIds]))
    const early = row === undefined ? 0 : at - row.now
    if (early <= 0 || early > MOST_AHEAD_MS) return
    await until(performance.now() + early)
  }
}
