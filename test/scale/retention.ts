import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from './arena.ts'
import { note, promise } from './figures.ts'
import { fillLog, settleTables, vehicleId } from './fill.ts'
import { startReporting } from './reporting.ts'

type Options = {
  /** Events that come in, and that grow too old, per second. */
  readonly rate: number
  readonly minutes: number
  /** Whether readings are kept for less time than other events, so that they are removed one by one. */
  readonly readings: number
}

const DAY_MS = 24 * 60 * 60 * 1_000
/** EVENT_RETENTION_DAYS of the instance: its default. And STATE_RETENTION_DAYS, where readings are kept for less time. */
const KEPT_DAYS = 30
const READINGS_KEPT_DAYS = 1
const FLEETS = 20
const VEHICLES = 19
const BATCH = 100
/** In as many the log is divided from the beginning. A server would divide a retention of days into six. */
const PARTITIONS = 6
const LOOK_EVERY_MS = 1_000
/** The server looks once a minute, and removes a partition once its last event is too old. */
const LATE_MS = 90_000
/** The first of them is too old when the filling, at this pace or above, is over and the instance runs. */
const FILLED_PER_SECOND = 25_000
const AHEAD_SECONDS = 60
/** So long before that the instance is started. */
const START_SECONDS = 30
/** The oldest event, and for how long it should have been removed. */
const oldest = (having: string) => `
  SELECT position::float8 AS position, 1000 * extract(epoch FROM clock_timestamp() - recorded_at)::float8 AS age
  FROM event ${having} ORDER BY event.position LIMIT 1`
const OLDEST = oldest('')
const OLDEST_READING = oldest(`WHERE type = 'STATE_RECORDED'
  AND position > (SELECT COALESCE(max(p.position), 0) FROM pruned AS p WHERE p.type = 'STATE_RECORDED')`)
const SIZE = `SELECT (SELECT sum(pg_total_relation_size(relid))::float8 FROM pg_partition_tree('event')) AS bytes, (SELECT count(*)::int FROM event) AS events`
const TRIED = `SELECT (SELECT count(*)::int FROM audit WHERE at < clock_timestamp() - interval '31 days')
    + (SELECT count(*)::int FROM idempotency_key WHERE created_at < clock_timestamp() - interval '31 days') AS kept`

type Look = { readonly at: number; readonly position: number; readonly late: number }

/** Events grow too old as fast as others come in: whether removing them keeps up, and what becomes of the size of the log. */
export async function measureRetention(arena: Arena, { rate, minutes, readings }: Options): Promise<void> {
  const keptMs = (readings > 0 ? READINGS_KEPT_DAYS : KEPT_DAYS) * DAY_MS
  const { db } = arena
  const events = Math.ceil(rate * minutes * 60)
  const size = Math.ceil(events / PARTITIONS)
  for (let n = 1; n <= PARTITIONS + 1; n++) await db.query('SELECT split_log($1::bigint, 100000)', [n * size])
  // The first of them grow too old once all is set up, the others one after the other.
  const aheadMs = 1_000 * (AHEAD_SECONDS + events / FILLED_PER_SECOND)
  const due = performance.now() + aheadMs
  await fillLog(arena, {
    events,
    fleets: FLEETS,
    hours: events / rate / 3600,
    newestAgeMs: keptMs - aheadMs - (1_000 * events) / rate,
    skewed: false,
  })
  await fillOthers(arena)
  await settleTables(arena)
  await sleep(Math.max(due - performance.now() - 1_000 * START_SECONDS, 0))
  const before = await sizeOf(arena)
  note(`${said(before)}; ${rate} grow too old each second`)
  const { url } = await arena.start([], {
    LOG_PARTITION_EVENTS: String(size),
    ...(readings > 0 ? { STATE_RETENTION_DAYS: String(READINGS_KEPT_DAYS) } : {}),
  })
  const vehicles = Array.from({ length: FLEETS * VEHICLES }, (_, index) =>
    vehicleId(1 + (index % FLEETS), 1 + Math.floor(index / FLEETS)),
  )
  const token = await arena.token(null, 'gateway')
  const reporting = startReporting({ urls: [url], token, vehicles, rate, batch: BATCH })
  const began = performance.now()
  const looks: Look[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    while (performance.now() - began < minute * 60_000) {
      looks.push(await look(arena, readings > 0 ? OLDEST_READING : OLDEST, keptMs))
      await sleep(LOOK_EVERY_MS)
    }
    note(said(await sizeOf(arena)))
  }
  const seconds = (performance.now() - began) / 1000
  const recorded = await reporting.stop()
  const after = await sizeOf(arena)
  const { rows } = await db.query<{ kept: number }>(TRIED)
  const late = Math.max(...looks.map((one) => one.late))
  const removed = before.events + recorded - after.events
  console.log(
    `  came in: ${(recorded / seconds).toFixed(0)} events/s; removed: ${(removed / seconds).toFixed(0)} events/s`,
  )
  console.log(`  the oldest event was kept for ${(late / 1000).toFixed(0)} s too long at most`)
  if (readings > 0) console.log(`  while it removes: ${paceOf(looks).toFixed(0)} events/s`)
  promise(`events come in at ${rate}/s`, recorded / seconds > 0.95 * rate)
  const latest = LATE_MS + (readings > 0 ? 0 : (1_000 * size) / rate)
  promise(`no event is kept for more than ${(latest / 1000).toFixed(0)} s too long`, late <= latest)
  const most = before.events + rate * (AHEAD_SECONDS + latest / 1_000)
  promise(`the log does not grow for good: ${after.events} events, at most ${most}`, after.events <= most)
  promise(`audit entries and idempotency keys are removed meanwhile: ${rows[0]?.kept} are left`, rows[0]?.kept === 0)
}

/** Entries of the audit trail and idempotency keys that are too old from the beginning. */
async function fillOthers({ db }: Arena): Promise<void> {
  await db.query(`
    INSERT INTO audit (reader_id, at, action, actor_id, vehicle_id, request_id)
      SELECT 'F1', now() - interval '32 days', 'START_SHARING', 'F1', '${vehicleId(1, 1)}', 'r' FROM generate_series(1, 10000);
    INSERT INTO idempotency_key (fleet_id, mutation, key, input_hash, result_id, created_at)
      SELECT 'F1', 'sendCommand', 'k' || n, 'hash', 'c' || n, now() - interval '32 days' FROM generate_series(1, 10000) AS n`)
}

async function look({ db }: Arena, statement: string, keptMs: number): Promise<Look> {
  const { rows } = await db.query<{ position: number; age: number }>(statement)
  const [found] = rows
  if (!found) throw new Error('the log is empty')
  return { at: performance.now(), position: found.position, late: found.age - keptMs }
}

/** Positions that are passed in a second, without the times in which none is. */
function paceOf(looks: readonly Look[]): number {
  const steps = looks.slice(1).map(({ at, position }, index) => ({
    ms: at - (looks[index]?.at ?? at),
    passed: position - (looks[index]?.position ?? position),
  }))
  const going = steps.filter(({ passed }) => passed > 0)
  return (1000 * going.reduce((sum, { passed }) => sum + passed, 0)) / going.reduce((sum, { ms }) => sum + ms, 0)
}

async function sizeOf({ db }: Arena) {
  const { rows } = await db.query<{ bytes: number; events: number }>(SIZE)
  const [size] = rows
  if (!size) throw new Error('there is no log')
  return size
}

const said = ({ events, bytes }: { readonly events: number; readonly bytes: number }) =>
  `the log has ${events} events in ${(bytes / 2 ** 20).toFixed(0)} MiB`
