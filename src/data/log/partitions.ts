import { setTimeout as sleep } from 'node:timers/promises'
import { boundsOf, nextRemoval, sizeOf, splitAt } from '../../domain/log/partitions.ts'
import type { Partition } from '../../domain/log/partitions.ts'
import type { Left } from '../../domain/log/removal.ts'
import type { Statement } from '../database/statement.ts'
import type { Services } from '../services.ts'

/** A partition with so many positions is read within milliseconds. */
const FEW = 100_000
/** The steps of a split of a large partition. */
const STEPS = 4
/** Attempts to drop a partition, which waits 100 ms for all that write and read at the time, and the pause between two. */
const ATTEMPTS = 5
const AGAIN_MS = 500
/** Events that are removed one by one at once. */
const PRUNED_AT_ONCE = 2_000

const PARTITIONS: Statement = {
  name: 'log_partitions',
  text: `SELECT p.name, p."from", p."to", p.first, p.last, extract(epoch FROM p.first_at)::float8 * 1000 AS first_at,
      extract(epoch FROM p.last_at)::float8 * 1000 AS last_at, h.settled, h.drawn,
      extract(epoch FROM clock_timestamp())::float8 * 1000 AS now
    FROM log_horizon() AS h, log_partitions() AS p`,
}
const SPLIT: Statement = { name: 'split_log', text: 'SELECT split_log($1, $2) AS done' }
export const DROP: Statement = {
  name: 'drop_log_partition',
  text: `SELECT drop_log_partition($1, clock_timestamp() - make_interval(secs => $2::float8)) AS is_done`,
}
export const PRUNE: Statement = {
  name: 'prune_log',
  text: 'SELECT prune_log(clock_timestamp() - make_interval(secs => $1::float8), $2::int) AS removed',
}
export const PRUNE_READINGS: Statement = {
  name: 'prune_readings',
  text: 'SELECT prune_readings(clock_timestamp() - make_interval(secs => $1::float8), $2::int) AS removed',
}
/** Reading a large partition, or dropping it, may take longer than a statement of a request. */
const UNLIMITED: Statement = { name: '', text: 'SET LOCAL statement_timeout = 0' }

type Row = {
  readonly name: string
  readonly from: string | null
  readonly to: string | null
  readonly first: string | null
  readonly first_at: number | null
  readonly last: string | null
  readonly last_at: number | null
  readonly settled: string
  readonly drawn: string
  readonly now: number
}

type State = {
  readonly partitions: readonly Partition[]
  readonly settled: number
  readonly drawn: number
  readonly now: number
}

async function readState({ query }: Services): Promise<State> {
  const rows = await query<Row>(PARTITIONS, [])
  const number = (text: string | null) => (text === null ? null : Number(text))
  const mark = (position: string | null, at: number | null) =>
    position === null || at === null ? null : { position: Number(position), recordedAt: at }
  return {
    partitions: rows.map((row) => ({
      name: row.name,
      from: number(row.from),
      to: number(row.to),
      first: mark(row.first, row.first_at),
      last: mark(row.last, row.last_at),
    })),
    settled: Number(rows[0]?.settled),
    drawn: Number(rows[0]?.drawn),
    now: rows[0]?.now ?? 0,
  }
}

/** A function that may take as long as it needs; it waits for no lock longer than 200 ms. */
const unlimited = async <Answer>({ transaction }: Services, statement: Statement, values: readonly unknown[]) =>
  transaction(async ({ query }) => {
    await query(UNLIMITED, [])
    const [row] = await query<Answer>(statement, values)
    return row
  })

/** The last position that was drawn, how many are left before the last partition, and why no partition was added there. */
export type Room = {
  readonly drawn: number
  readonly ahead: number
  /** Another instance works on the partitions, or removes events. */
  readonly isTaken: boolean
  /** Somebody reads the log for long. */
  readonly isBusy: boolean
}

/** The steps of a split that are not followed by another. */
const LAST_STEPS: readonly (string | undefined)[] = ['split', 'busy', 'taken']

/**
 * Adds a partition to the log if it is time. Any number of instances may call it; where another one is at it, or somebody
 * reads the log for long, it is left for the next call.
 * @param size the positions of a partition; null for as many as fit the rate at which events come in
 */
export async function growLog(db: Services, keptMs: number, size: number | null): Promise<Room> {
  const { partitions, drawn } = await readState(db)
  db.partitions.bounds = boundsOf(partitions)
  const end = partitions.at(-1)?.from ?? drawn
  const at = splitAt(partitions, drawn, size ?? sizeOf(partitions, keptMs))
  if (at === null) return { drawn, ahead: end - drawn, isTaken: false, isBusy: false }
  let done: string | undefined
  for (let step = 0; step < STEPS && !LAST_STEPS.includes(done); step++) {
    done = (await unlimited<{ done: string }>(db, SPLIT, [at, FEW]))?.done
  }
  const ahead = (done === 'split' ? at : end) - drawn
  return { drawn, ahead, isTaken: done === 'taken', isBusy: done === 'busy' }
}

/**
 * Removes events that were recorded longer ago than `keptMs`: a whole partition, or at most 2,000 of the oldest. One instance at a
 * time on a database does so, and no other of them meanwhile works on its partitions or removes readings.
 */
export async function pruneLog(db: Services, keptMs: number): Promise<Left> {
  const state = await readState(db)
  const removal = nextRemoval(state.partitions, { ...state, keptMs })
  if (removal === null) return false
  if (removal === 'events') return pruneSome(db, PRUNE, keptMs)
  for (let attempt = 1; ; attempt++) {
    const row = await unlimited<{ is_done: boolean | null }>(db, DROP, [removal.partition, keptMs / 1000])
    if (row?.is_done === null) return 'busy'
    if (row?.is_done || attempt === ATTEMPTS) return row?.is_done ?? false
    await sleep(AGAIN_MS)
  }
}

/**
 * Removes readings that were recorded longer ago than `keptMs`, at most 2,000 of the oldest, where other events are kept for longer.
 * One instance at a time does so, as with pruneLog().
 */
export const pruneReadings = (db: Services, keptMs: number): Promise<Left> => pruneSome(db, PRUNE_READINGS, keptMs)

async function pruneSome({ query }: Services, statement: Statement, keptMs: number): Promise<Left> {
  const [row] = await query<{ removed: number }>(statement, [keptMs / 1000, PRUNED_AT_ONCE])
  return row?.removed === -1 ? 'busy' : row?.removed === PRUNED_AT_ONCE
}
