import { LRUCache } from 'lru-cache'
import { until } from '../database/clock.ts'
import { BusyError } from '../database/limit.ts'
import type { Query, Statement } from '../database/statement.ts'
import { withLockTimeout } from '../database/lock-timeout.ts'
import { isLockTimeout } from '../database/unavailable.ts'
import type { WaitForWriters } from '../services.ts'

/** How long one read waits for the vehicles that others hold, all together. Milliseconds. */
const LONGEST_WAIT_MS = 1_000

/** How long a vehicle that was waited for in vain is only looked at. Milliseconds. */
const NOT_AGAIN_MS = 10_000
const MOST_HELD = 10_000

/**
 * The largest error of this process's estimate of the database's clock. After a larger step, answers follow the estimate until
 * the next measurement. Milliseconds.
 */
const MOST_AHEAD_MS = 50

type Locked = { readonly id: string; readonly now: number }

/** The instant is taken before a wait. */
const LOCKED = 'v.id, extract(epoch FROM statement_timestamp())::float8 * 1000 AS now'

/** Locks those of the vehicles that nobody holds. */
const LOCK_FREE: Statement = {
  name: 'lock_free',
  text: `SELECT ${LOCKED} FROM vehicle AS v WHERE v.id = ANY($1::text[]) FOR SHARE OF v SKIP LOCKED`,
}

/** Locks one vehicle, for which it waits for so many milliseconds ($2). */
const LOCK_ONE: Statement = {
  name: 'lock_one',
  text: `SELECT ${LOCKED} FROM ${withLockTimeout('$2')}, vehicle AS v WHERE v.id = $1 FOR SHARE OF v`,
  waits: 'row',
}

/**
 * Locks vehicles for a moment, after the database's clock has reached an instant. A decision is written before the vehicle's next
 * due instant, but its commit may come later, and it holds the lock until then. So reads after this see all decisions from before
 * the due instants up to that one, and no such decision can follow.
 *
 * A commit takes milliseconds, but a writer that has stalled may hold a vehicle for as long as its session lives. A read of a
 * thousand vehicles is neither refused nor held up for that one: it gives up on it, and so do the reads after it at once, until
 * the vehicle is found free again.
 */
export function createWaitForWriters(query: Query): WaitForWriters {
  const givenUp = new LRUCache<string, true>({ max: MOST_HELD, ttl: NOT_AGAIN_MS })

  return async (vehicleIds, at) => {
    const end = performance.now() + LONGEST_WAIT_MS
    const held = new Set(vehicleIds)
    const earlyBy = ({ now }: Locked) => (at - now <= MOST_AHEAD_MS ? at - now : 0)
    const take = (id: string) => {
      held.delete(id)
      givenUp.delete(id)
    }
    for (let isLast = false; ;) {
      const free = await query<Locked>(LOCK_FREE, [[...held]])
      const early = Math.max(0, ...free.map(earlyBy))
      if (early > 0) {
        await until(performance.now() + early)
        continue
      }
      for (const { id } of free) take(id)
      const next = [...held].find((id) => !givenUp.has(id))
      if (next === undefined || isLast) break
      const locked = await lockOne(query, next, Math.max(1, Math.ceil(end - performance.now())))
      isLast = locked === null
      // A vehicle that is not there cannot be waited for.
      if (locked?.every((row) => earlyBy(row) <= 0)) take(next)
    }
    for (const id of held) givenUp.set(id, true)
    return held
  }
}

/** @returns null if that takes longer, be it for the lock or for a place among the statements that wait for one, or there is none */
async function lockOne(query: Query, id: string, ms: number): Promise<Locked[] | null> {
  const { promise: timedOut, resolve: giveUp } = Promise.withResolvers<null>()
  const timer = setTimeout(() => giveUp(null), ms)
  const locked = query<Locked>(LOCK_ONE, [id, String(ms)]).catch((error: unknown) => {
    if (error instanceof BusyError || isLockTimeout(error)) return null
    throw error
  })
  try {
    return await Promise.race([locked, timedOut])
  } finally {
    clearTimeout(timer)
  }
}
