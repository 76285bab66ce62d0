import pg from 'pg'

/** A wait of a session: its length, and its begin by performance.now(). Milliseconds. */
export type Stop = { readonly ms: number; readonly at: number }

/** A session that does one thing after the other, as fast as it can. */
export type Session = {
  /** The longest wait of those that lay at least in part in the range. */
  readonly longest: (from: number, to: number) => Stop
  /** The number of events that were written. */
  readonly done: () => number
  /** The number of transactions that were undone for a deadlock. Version 0.1.0 repeats them, too. */
  readonly undone: () => number
  /** Other errors, by message. */
  readonly refusals: ReadonlyMap<string, number>
  readonly stop: () => Promise<void>
}

/** Shorter ones are of no interest. */
const NOTED_MS = 100
const DEADLOCK = '40P01'

/** @param work one transaction, which returns the number of events that it wrote; where it fails it counts as one wait with the next */
export async function startSession(url: string, work: (client: pg.Client) => Promise<number>): Promise<Session> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const stops: Stop[] = []
  const refusals = new Map<string, number>()
  let written = 0
  let undone = 0
  let isOver = false
  let began = performance.now()
  const working = (async () => {
    while (!isOver) {
      try {
        written += await work(client)
      } catch (error) {
        const message = String(error)
        if ((error as { readonly code?: unknown }).code === DEADLOCK) undone++
        else refusals.set(message, (refusals.get(message) ?? 0) + 1)
        await client.query('ROLLBACK')
        continue
      }
      const now = performance.now()
      if (now - began > NOTED_MS) stops.push({ ms: now - began, at: began })
      began = now
    }
  })()
  let stopped: Promise<void> | null = null
  return {
    longest: (from, to) => {
      const under = stops.filter(({ ms, at }) => at < to && at + ms > from)
      const open = { ms: performance.now() - began, at: began }
      const all = to === Infinity && !isOver ? [...under, open] : under
      return all.reduce((a, b) => (b.ms > a.ms ? b : a), { ms: 0, at: from })
    },
    done: () => written,
    undone: () => undone,
    refusals,
    stop: () =>
      (stopped ??= (async () => {
        isOver = true
        await working
        await client.end()
      })()),
  }
}
