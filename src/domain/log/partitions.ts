import type { Instant } from '../period.ts'

/** An event at the beginning or the end of a partition. */
type Mark = { readonly position: number; readonly recordedAt: Instant }

/** A partition of the log: the positions in [from, to); null for no bound. Only the last has no end. */
export type Partition = {
  readonly name: string
  readonly from: number | null
  readonly to: number | null
  /** Its events with the lowest and the highest position; null for none. */
  readonly first: Mark | null
  readonly last: Mark | null
}

/** The partitions into which a retention is divided: so much longer than its retention an event may be kept, as a share. */
const PARTS = 6
/** A rate that was measured on a few events may be far off: a partition is at most so many times larger than all before it. */
const GROWTH = 4
/** Events of a partition that took longer than this share of the retention are removed one by one, so that none is kept longer. */
const SLOW = 1 / 4

/** The least positions of a partition. */
const LEAST = 2_000_000

/** The positions of a partition that is to be added: at the present rate so many as come in within a share of the retention. */
export function sizeOf(partitions: readonly Partition[], keptMs: number, least = LEAST): number {
  const last = partitions.findLast((one) => one.last !== null)?.last
  if (!last) return least
  const sample = partitions.findLast(({ first }) => first !== null && last.position - first.position >= least)?.first
  if (!sample) return least
  const perMs = (last.position - sample.position) / Math.max(last.recordedAt - sample.recordedAt, 1)
  const spans = partitions.map(({ from, to, first }) => (to === null ? 0 : to - (from ?? first?.position ?? to)))
  return Math.max(least, Math.min(Math.round((perMs * keptMs) / PARTS), GROWTH * Math.max(least, ...spans)))
}

/**
 * Where the last partition is to end, and another to begin: writers always have one partition ahead of the one that they fill,
 * besides the last. @returns null where that is so
 * @param drawn the last position that was drawn
 * @param size the positions of a partition
 */
export function splitAt(partitions: readonly Partition[], drawn: number, size: number): number | null {
  const begin = partitions.at(-1)?.from ?? 0
  return begin - drawn > size ? null : Math.max(begin, drawn + 1) + size
}

/** The next removal: a partition with all its events, or the oldest events of the oldest partition. */
export type Removal = { readonly partition: string } | 'events' | null

/**
 * @param settled the position up to which no writer is under way
 * @param now the database's clock
 */
export function nextRemoval(
  [oldest, ...others]: readonly Partition[],
  { settled, now, keptMs }: { readonly settled: number; readonly now: Instant; readonly keptMs: number },
): Removal {
  if (!oldest) return null
  const before = now - keptMs
  const { name, to, first, last } = oldest
  const isClosed = others.length > 0 && to !== null && to - 1 <= settled
  if (isClosed && (last === null || last.recordedAt < before)) return { partition: name }
  if (!first || !last || first.recordedAt >= before) return null
  // Soon over as a whole: one by one they might not be removed as fast as they came.
  return isClosed && last.recordedAt - first.recordedAt < SLOW * keptMs ? null : 'events'
}

/** Where the log is divided: the first position of each partition with events, without that of the first of them. Ascending. */
export function boundsOf(partitions: readonly Partition[]): readonly number[] {
  const filled = partitions.filter(({ first }) => first !== null)
  return filled.slice(1).flatMap(({ from }) => (from === null ? [] : [from]))
}

/** Positions in (after, upTo]. */
type Positions = { readonly after: number; readonly upTo: number }

/**
 * The part of positions (after, upTo] that lies in their first partition, or, to be read backwards, in their last one. A page that it fills
 * costs as much as in a log without other partitions.
 * @param bounds as of boundsOf(); any others are right, too, and only cost more
 * @param limit events of the page
 * @returns null for positions that no bound divides, and where the part has too few to fill the page
 */
export function nearestPart(
  { after, upTo }: Positions,
  bounds: readonly number[],
  limit: number,
  backwards: boolean,
): Positions | null {
  const isWithin = (bound: number) => bound - 1 > after && bound <= upTo
  const bound = backwards ? bounds.findLast(isWithin) : bounds.find(isWithin)
  if (bound === undefined) return null
  const part = backwards ? { after: bound - 1, upTo } : { after, upTo: bound - 1 }
  return part.upTo - part.after < limit ? null : part
}
