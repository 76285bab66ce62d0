import { BusyError } from '../database/limit.ts'
import type { Query, Statement } from '../database/statement.ts'
import type { Anchor, Log, Standby } from '../services.ts'
import type { StandbyConnection } from './connect.ts'

/**
 * A part of the log that a standby has once two things hold there: the event is in the log, and no transaction is still to come
 * that had begun before `next` was read on the primary. The event alone says too little: one at an earlier position may have
 * been committed after it.
 */
type Mark = Anchor & {
  /** The primary's next transaction id, read after all events up to the position were visible there. */
  readonly next: string
  /** The log's timeline of that moment. */
  readonly timeline: number
}

/** How often the standby is asked how far it is: while it is behind, and else. Milliseconds. */
const LOOK_AGAIN_MS = 100
const LOOK_MS = 500
/** For how long it is asked after the last page that it might have served. Milliseconds. */
const IDLE_MS = 10_000
/** How long it is used without an answer of both servers that all is well. Milliseconds. */
const TRUSTED_MS = 5_000
/** The pause after a failure, which doubles with each one that follows. Milliseconds. */
const PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** How long it is waited for before another mark is taken: that event may have been removed for its age. Milliseconds. */
const GIVE_UP_MS = 60 * 60_000

const NEXT: Statement = { name: 'standby_next', text: 'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next' }

/** Whether the snapshot of the statement has all of a mark; only on a standby, where the ids of transactions are the primary's. */
const hasMark = (next: string, position: string, tag: string) => `(SELECT pg_is_in_recovery()
    AND pg_snapshot_xmin(pg_current_snapshot()) >= ${next}::text::xid8
    AND EXISTS (SELECT FROM event AS k WHERE k.position = ${position}::bigint AND COALESCE(k.tag, 0) = ${tag}::bigint))`

const HAS_MARK: Statement = { name: 'standby_has', text: `SELECT ${hasMark('$1', '$2', '$3')} AS has_mark` }

const valuesOf = ({ next, position, tag }: Mark) => [next, position, tag]

/** Another standby than the one that had the mark has answered, or one that was made the primary. */
class MarkMissingError extends Error {}

export type StandbyParts = {
  readonly connection: StandbyConnection
  /** Of the primary. */
  readonly query: Query
  readonly log: Pick<Log, 'horizon' | 'known' | 'timeline'>
  /** Takes failures, of which each leaves the standby unused for a while. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Follows how far a standby has the log, as long as somebody reads. Nothing waits for it: it is used while it answers, and has a
 * page been refused or has it taken too long, it is left alone for a pause.
 */
export function startStandby({
  connection,
  query,
  log,
  onFailure,
}: StandbyParts): Standby & { readonly stop: () => void } {
  let mark: Mark | null = null
  let coming: (Mark & { readonly since: number }) | null = null
  let agreedAt = -Infinity
  let wantedAt = -Infinity
  let failures = 0
  let isFound = false
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let stopped = false
  const reads = { standby: 0, primary: 0 }

  const usable = (): Mark | null =>
    mark?.timeline === log.timeline() && performance.now() - agreedAt < TRUSTED_MS ? mark : null

  function leave(): void {
    mark = null
    coming = null
  }

  async function takeMark() {
    const timeline = log.timeline()
    const known = log.known()
    if (!known) return null
    const [row] = await query<{ next: string }>(NEXT, [])
    return row ? { ...known, next: row.next, timeline, since: performance.now() } : null
  }

  async function look(): Promise<void> {
    if (!isFound) await connection.find()
    isFound = true
    // The primary's word that the log was not set back.
    await log.horizon()
    if (coming && (coming.timeline !== log.timeline() || performance.now() - coming.since > GIVE_UP_MS)) coming = null
    coming ??= await takeMark()
    const asked = coming
    const [row] = asked ? await connection.query<{ has_mark: boolean }>(HAS_MARK, valuesOf(asked)) : []
    if (row?.has_mark && asked === coming) {
      mark = asked
      coming = null
    }
    agreedAt = performance.now()
  }

  async function lookOnce(): Promise<void> {
    let pause = LOOK_AGAIN_MS
    try {
      await look()
      if (!coming) pause = LOOK_MS
    } catch (error) {
      pause = fail(error)
    }
    isLooking = false
    schedule(pause)
  }

  /** @returns the pause until the next look. Milliseconds */
  function fail(error: unknown): number {
    leave()
    isFound = false
    onFailure(error)
    return Math.min(PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS)
  }

  function schedule(ms: number): void {
    clearTimeout(timer)
    timer = stopped ? undefined : setTimeout(run, ms).unref()
  }

  function run(): void {
    timer = undefined
    if (isLooking || stopped || performance.now() - wantedAt > IDLE_MS) return
    isLooking = true
    void lookOnce()
  }

  /** The statement as it is, and in each row whether its snapshot had the mark. */
  const queryAt =
    (at: Mark): Query =>
    async <Row>({ name, text }: Statement, values: readonly unknown[]) => {
      const [next, position, tag] = [1, 2, 3].map((nth) => `$${values.length + nth}`)
      const checked = `SELECT page.*, ${hasMark(next ?? '', position ?? '', tag ?? '')} AS has_mark FROM (${text}) AS page`
      const statement = { name: `standby_${name}`, text: checked }
      const rows = await connection.query<Row & { has_mark: boolean }>(statement, [...values, ...valuesOf(at)])
      if (!rows[0]?.has_mark) throw new MarkMissingError('the standby does not have the log as far as it was known to')
      return rows
    }

  async function tryRead<T>(work: (query: Query, known: Anchor) => Promise<T | null>): Promise<T | null> {
    const at = usable()
    if (!at) return null
    try {
      const result = await work(queryAt(at), at)
      failures = 0
      return result
    } catch (error) {
      // Of several reads that fail with one standby the first counts.
      if (error instanceof BusyError || mark === null) return null
      if (error instanceof MarkMissingError) leave()
      else schedule(fail(error))
      return null
    }
  }

  return {
    reads,
    async read(work) {
      wantedAt = performance.now()
      if (!timer) run()
      const result = await tryRead(work)
      reads[result === null ? 'primary' : 'standby']++
      return result
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}
