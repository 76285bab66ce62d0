import { AsyncLocalStorage } from 'node:async_hooks'
import { coalesced } from '../../async/coalesced.ts'
import type { Query } from '../database/statement.ts'
import { createCursors } from './cursor.ts'
import type { Anchor, Follower, Horizon, Log, Timelines } from '../services.ts'
import { lastKept, readAnchors } from './anchors.ts'
import { LOG_END } from './pages.ts'

/** After so many positions the anchors are read again. */
const ANCHORS_EVERY = 5_000
/** More often in a row the log is not set back. */
const ATTEMPTS = 3

/**
 * @param cursorKey seals cursors; the same for all instances on one database. 16 bytes
 * @param notify tells the other instances that the log has grown
 */
export function createLog(
  query: Query,
  cursorKey: Uint8Array,
  timelines: Timelines,
  notify: () => void,
): Log & { readonly wake: () => void } {
  const cursors = createCursors(cursorKey)
  let known: Anchor | null = null
  let anchors: readonly Anchor[] = []
  let anchoredAt = -Infinity
  let rewinds = 0
  let follower: Follower | null = null
  const outsideRequest = AsyncLocalStorage.snapshot()

  const see = (one: Anchor) => {
    if (!known || one.position > known.position) known = one
  }
  const remember = async () => {
    if (!known) return
    anchoredAt = known.position
    anchors = await readAnchors(query, known.position)
  }

  /** The event that this instance knows is gone. Where its age is not why, the log was set back. */
  async function loseKnown(lost: Anchor): Promise<void> {
    const { isRemoved } = await timelines.origin({ ...lost, epoch: 0 })
    if (!isRemoved) {
      const keptTo = await lastKept(query, [...anchors, ...(follower?.anchors() ?? []), lost])
      await timelines.begin(keptTo, null)
      rewinds++
      anchors = []
      anchoredAt = -Infinity
      follower?.rewind(keptTo ?? 0)
    }
    known = null
  }

  async function readHorizon(): Promise<Horizon> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const expected = known
      const end = await readEnd(query, expected)
      if (expected && end.knownTag !== expected.tag) {
        await loseKnown(expected)
        continue
      }
      if (end.number !== timelines.number()) await timelines.refresh()
      if (end.last) see(end.last)
      if (known && known.position - anchoredAt >= ANCHORS_EVERY) await remember()
      // Without events there is nothing that could be missed.
      return { settled: end.settled, drawn: end.drawn, end: end.last?.position ?? end.settled }
    }
    throw new Error('the log was set back again and again')
  }

  const horizon = coalesced(readHorizon)
  return {
    cursorOf: (event) => {
      const epoch = timelines.epochOf(event.position)
      return epoch === 0 && timelines.isUpgrading() ? cursors.seal(event.position) : cursors.sealEvent(event, epoch)
    },
    idOf: (event) => cursors.sealEvent(event, 0),
    cursors,
    horizon,
    known: () => known,
    see,
    remember,
    rewinds: () => rewinds,
    origin: timelines.origin,
    lost: async ({ position }) => {
      const before = timelines.number()
      await horizon()
      if (timelines.number() === before) await timelines.begin(null, position)
    },
    timeline: timelines.number,
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

type EndRow = {
  readonly settled: string
  readonly drawn: string
  readonly last: string | null
  readonly last_tag: number | null
  readonly known_tag: number | null
  readonly number: number | null
}

/**
 * Up to where the log can be read without a gap. A position is drawn before its commit, so a later one may become visible
 * first; reading past `settled` would skip it for ever. The horizon has to be asked in a statement of its own, before the one
 * that reads: the reading statement's snapshot must be the younger.
 */
async function readEnd(query: Query, known: Anchor | null) {
  const [row] = await query<EndRow>(LOG_END, [known?.position ?? null])
  const last = row?.last == null ? null : { position: Number(row.last), tag: row.last_tag ?? 0 }
  return {
    settled: Number(row?.settled),
    drawn: Number(row?.drawn),
    last,
    knownTag: row?.known_tag ?? null,
    number: row?.number ?? 0,
  }
}
