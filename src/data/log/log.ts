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
/** Events seen between two horizons, which are read several times a second while anybody follows. */
const MOST_UNPROVEN = 2_000

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
  let proven: Anchor | null = null
  /** Seen since, oldest first: handed over by a writer, while nobody looked whether the log is what it was. */
  let unproven: Anchor[] = []
  let anchors: readonly Anchor[] = []
  let anchoredAt = -Infinity
  let rewinds = 0
  let follower: Follower | null = null
  const outsideRequest = AsyncLocalStorage.snapshot()

  const known = () => later(unproven.at(-1) ?? null, proven)
  const see = (events: readonly Anchor[]) => {
    const before = known()?.position ?? -Infinity
    for (const { position, tag } of events) if (position > before) unproven.push({ position, tag })
    // Between those that are left, less is found.
    if (unproven.length > MOST_UNPROVEN) unproven = unproven.filter((_, index) => index % 2 === 1)
  }
  const remember = async () => {
    const last = known()
    if (!last) return
    anchoredAt = last.position
    anchors = await readAnchors(query, last.position)
  }

  /** Events that this instance has seen are gone. Where their age is not why, the log was set back. */
  async function lose({ first, last }: Lost): Promise<void> {
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
    proven = null
    unproven = []
  }

  async function readHorizon(): Promise<Horizon> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = known()
      const end = await readEnd(query, proven ? [proven, ...unproven] : unproven)
      if (end.lost) {
        await lose(end.lost)
        continue
      }
      if (end.number !== timelines.number()) await timelines.refresh()
      unproven = unproven.filter(({ position }) => position > (seen?.position ?? 0))
      proven = later(end.last, seen)
      if (proven && proven.position - anchoredAt >= ANCHORS_EVERY) await remember()
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
    known,
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
 * Up to where the log can be read without a gap. A position is drawn before its commit, so a later one may become visible
 * first; reading past `settled` would skip it for ever. The horizon has to be asked in a statement of its own, before the one
 * that reads: the reading statement's snapshot must be the younger.
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
