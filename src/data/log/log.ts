import { AsyncLocalStorage } from 'node:async_hooks'
import { coalesced } from '../../async/coalesced.ts'
import type { Query } from '../database/statement.ts'
import { createCursors } from './cursor.ts'
import type { Anchor, Follower, Horizon, Log, Timelines } from '../services.ts'
import { lastKept, readAnchors } from './anchors.ts'
import { LOG_END } from './pages.ts'

/** The number of positions after which the anchors are read again. */
const ANCHORS_EVERY = 5_000
/** Readings of the horizon in a row that find the log set back. */
const ATTEMPTS = 3
/** The most events that are remembered between two horizons, which are read several times a second while anybody follows. */
const MOST_UNCONFIRMED = 2_000

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
  let confirmed: Anchor | null = null
  /** Events seen since the last horizon, oldest first: no statement has looked yet whether they are still in the log. */
  let unconfirmed: Anchor[] = []
  let anchors: readonly Anchor[] = []
  let anchoredAt = -Infinity
  let rewinds = 0
  let follower: Follower | null = null
  const outsideRequest = AsyncLocalStorage.snapshot()

  const known = () => later(unconfirmed.at(-1) ?? null, confirmed)
  const addSeen = (events: readonly Anchor[]) => {
    const before = known()?.position ?? -Infinity
    for (const { position, tag } of events) if (position > before) unconfirmed.push({ position, tag })
    // Every second one is kept: a split between two of them is found less exactly.
    if (unconfirmed.length > MOST_UNCONFIRMED) unconfirmed = unconfirmed.filter((_, index) => index % 2 === 1)
  }
  const remember = async () => {
    const last = known()
    if (!last) return
    anchoredAt = last.position
    anchors = await readAnchors(query, last.position)
  }

  /** Handles seen events that are gone: unless they were removed for their age, the log was set back. */
  async function handleLost({ first, last }: Lost): Promise<void> {
    const { isRemoved } = await timelines.origin({ position: last, tag: null, epoch: 0 })
    if (!isRemoved) {
      const before = [...anchors, ...(follower?.anchors() ?? [])].filter(({ position }) => position < first)
      const keptTo = await lastKept(query, before)
      await timelines.begin(keptTo, null)
      rewinds++
      anchors = []
      anchoredAt = -Infinity
      follower?.rewind(keptTo ?? 0)
    }
    confirmed = null
    unconfirmed = []
  }

  async function readHorizon(): Promise<Horizon> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = known()
      const end = await readEnd(query, confirmed ? [confirmed, ...unconfirmed] : unconfirmed)
      if (end.lost) {
        await handleLost(end.lost)
        continue
      }
      if (end.number !== timelines.number()) await timelines.refresh()
      unconfirmed = unconfirmed.filter(({ position }) => position > (seen?.position ?? 0))
      confirmed = later(end.last, seen)
      if (confirmed && confirmed.position - anchoredAt >= ANCHORS_EVERY) await remember()
      // A log without events has none that could be missed.
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
    known,
    addSeen,
    remember,
    rewinds: () => rewinds,
    origin: timelines.origin,
    reportLost: async ({ position }) => {
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

const later = (one: Anchor | null, other: Anchor | null): Anchor | null =>
  (one?.position ?? -1) > (other?.position ?? -1) ? one : other

/** Positions of the first and the last of the events that are no longer there. */
type Lost = { readonly first: number; readonly last: number }

type EndRow = {
  readonly settled: string
  readonly drawn: string
  readonly last: string | null
  readonly last_tag: number | null
  readonly first_lost: string | null
  readonly last_lost: string | null
  readonly number: number | null
}

/**
 * The end of the log that can be read without a gap. A position is drawn before its commit, so a later one may become visible
 * first; reading past `settled` would skip it for ever. The horizon is read in a statement of its own, before the statement that
 * reads events: that one's snapshot must be the younger.
 * @param seen events that were in the log
 */
async function readEnd(query: Query, seen: readonly Anchor[]) {
  const [row] = await query<EndRow>(LOG_END, [seen.map(({ position }) => position), seen.map(({ tag }) => tag)])
  const last = row?.last == null ? null : { position: Number(row.last), tag: row.last_tag ?? 0 }
  return {
    settled: Number(row?.settled),
    drawn: Number(row?.drawn),
    last,
    lost:
      row?.first_lost == null ? null : ({ first: Number(row.first_lost), last: Number(row.last_lost) } satisfies Lost),
    number: row?.number ?? 0,
  }
}
