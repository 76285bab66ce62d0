import { AsyncLocalStorage } from 'node:async_hooks'
import type { LoggedEvent } from '../../domain/log/event.ts'
import { coalesced } from '../../async/coalesced.ts'
import type { Query } from '../database/statement.ts'
import { createCursors } from './cursor.ts'
import type { Cursors } from './cursor.ts'
import { HORIZON } from './pages.ts'

/** A part of the log that no commit will change any more: positions up to `settled`, of those `drawn` until then. */
export type Horizon = { readonly settled: number; readonly drawn: number }

/** Follows the log on this instance. */
export type Follower = {
  readonly isFollowing: () => boolean
  /** Takes what this instance has committed, in the order of the log or not; all of it or some. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Something was appended by another instance: a hint, which may be false or missing. */
  readonly wake: () => void
}

/** The log as this instance knows it. */
export type Log = {
  readonly cursors: Cursors
  /** Up to where the log can be read now; callers at the same time share one statement. */
  readonly horizon: () => Promise<Horizon>
  /** Up to where it could be read when that was last asked; 0 before. */
  readonly settled: () => number
  /** To be called after each commit that appended to the log, with what is known of it. */
  readonly appended: (events: readonly LoggedEvent[]) => void
  /** Whether appended() makes use of the events. */
  readonly isFollowed: () => boolean
  readonly follow: (follower: Follower) => void
}

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
