import { AsyncLocalStorage } from 'node:async_hooks'
import { coalesced } from '../../async/coalesced.ts'
import type { Query } from '../database/statement.ts'
import { createCursors } from './cursor.ts'
import type { Follower, Horizon, Log } from '../services.ts'
import { HORIZON } from './pages.ts'

/**
 * @param cursorKey seals cursors; the same for all instances on one database. 16 bytes
 * @param notify tells the other instances that the log has grown
 */
export function createLog(
  query: Query,
  cursorKey: Uint8Array,
  notify: () => void,
): Log & { readonly wake: () => void } {
  let settled = 0
  let follower: Follower | null = null
  const outsideRequest = AsyncLocalStorage.snapshot()
  return {
    cursors: createCursors(cursorKey),
    horizon: coalesced(async () => {
      const horizon = await readHorizon(query)
      settled = horizon.settled
      return horizon
    }),
    settled: () => settled,
    appended: (events) => {
      // Reads for subscribers are no part of the operation that wrote the events.
      outsideRequest(() => follower?.append(events))
      notify()
    },
    isFollowed: () => follower?.isFollowing() ?? false,
    follow: (one) => (follower = one),
    wake: () => follower?.wake(),
  }
}

/**
 * Up to where the log can be read without a gap. A position is drawn before its commit, so a later one may become visible
 * first; reading past `settled` would skip it for ever. The horizon has to be asked in a statement of its own, before the one
 * that reads: the reading statement's snapshot must be the younger.
 */
async function readHorizon(query: Query): Promise<Horizon> {
  const [row] = await query<{ settled: string; drawn: string }>(HORIZON, [])
  return { settled: Number(row?.settled), drawn: Number(row?.drawn) }
}
