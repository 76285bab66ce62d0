import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { migratePostgres } from '../../src/data/migrations/migrate.ts'
import { sql } from '../support/databases.ts'
import { newDatabase } from './arena.ts'
import { note, promise, seconds } from './figures.ts'
import { divideLog } from './upgrade-log.ts'
import { fillOldDatabase, OWNER } from './upgrade-fill.ts'
import { startSession } from './upgrade-sessions.ts'
import type { Session, Stop } from './upgrade-sessions.ts'

type Options = {
  readonly events: number
  readonly vehicles: number
  /** Reports of a batch, of which each gateway sends one after the other. */
  readonly batch: number
}

const DUMP = join(import.meta.dirname, '../data/migrations/version-0.1.0.sql')
const GATEWAYS = 4
const MOST_MS = 5_000
/** What version 0.1.0 asks of the database for reports, for an edit and for a page of history. */
const RECORD = `SELECT recorded, unknown, attention FROM record_vehicle_states($1, $2, '{}', FALSE)`
const TOUCH = `UPDATE vehicle SET name = $2, last_instant = GREATEST(last_instant, clock_timestamp()) WHERE id = $1`
const APPEND = `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
  VALUES ('VEHICLE_CHANGED', $1, '${OWNER}', clock_timestamp(), clock_timestamp())`
const PAGE = `SELECT position FROM event WHERE owner_id = $1 AND position > $2 ORDER BY position LIMIT 100`

/** A database of version 0.1.0 that is migrated while sessions of that version write and read: for how long they have to wait. */
export async function measureUpgrade({ events, vehicles, batch }: Options): Promise<void> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    const { url } = await newDatabase(closers, false)
    await sql(url, await readFile(DUMP, 'utf8'))
    note('the database of 0.1.0 is filled')
    await fillOldDatabase(url, { events, vehicles })
    const sessions = await startTraffic(url, { events, vehicles, batch })
    closers.push(...sessions.map((session) => session.stop))
    await measureMigrations(url, sessions)
    const migrated = performance.now()
    await divideLog(url)
    note(`the first partition has its end; waits meanwhile: at most ${seconds(longestOf(sessions, migrated).ms)}`)
    await Promise.all(sessions.map((session) => session.stop()))
    const longest = longestOf(sessions)
    promise(`nobody waited for more than ${seconds(MOST_MS)}: ${seconds(longest.ms)}`, longest.ms <= MOST_MS)
    const undone = sessions.reduce((sum, session) => sum + session.undone(), 0)
    console.log(`  undone for a deadlock, and repeated: ${undone}`)
    const refusals = sessions.flatMap((session) => [...session.refusals])
    for (const [message, times] of refusals) console.log(`  refused ${times} x: ${message}`)
    promise('nothing was refused', refusals.length === 0)
    const done = sessions.reduce((sum, session) => sum + session.done(), 0)
    const { rows } = await query<{ count: number }>(url, 'SELECT count(*)::int AS count FROM event')
    const found = (rows[0]?.count ?? 0) - events
    promise(`of ${done} events that were written meanwhile ${found} are there`, done > 0 && found === done)
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

async function measureMigrations(url: string, sessions: readonly Session[]): Promise<void> {
  const began = performance.now()
  const marks: { readonly name: string; readonly at: number }[] = []
  const log = (_level: string, line: string) => {
    const name = /^applying migration (\w+)/.exec(line)?.[1]
    if (name !== undefined) marks.push({ name, at: performance.now() })
  }
  note('the migrations begin')
  const applied = await migratePostgres(url, { log })
  const ended = performance.now()
  note(
    `${applied.length} migrations took ${seconds(ended - began)}; waits: at most ${seconds(longestOf(sessions, began, ended).ms)}`,
  )
  for (const [nth, { name, at }] of marks.entries()) {
    const next = marks[nth + 1]?.at ?? ended
    const stop = longestOf(sessions, at, next)
    if (next - at > 500 || stop.ms > 500) console.log(`  ${name}: ${seconds(next - at)}, waits ${seconds(stop.ms)}`)
  }
}

/** Gateways, a manager and a reader, each with a session of its own. */
async function startTraffic(url: string, { events, vehicles, batch }: Options): Promise<Session[]> {
  const gateway = (nth: number) => {
    let turn = 0
    return async (client: pg.Client) => {
      turn++
      const reports = Array.from({ length: batch }, (_, index) => ({
        index,
        vehicleId: `V${1 + ((nth + GATEWAYS * (turn * batch + index)) % vehicles)}`,
        messageId: `${nth} ${turn} ${index}`,
        occurredAt: Date.now(),
        speedKmh: turn % 50,
        mileageKm: turn,
      }))
      const { rows } = await client.query<{ recorded: number }>(RECORD, [JSON.stringify(reports), `r${turn}`])
      return rows[0]?.recorded ?? 0
    }
  }
  const edit = async (client: pg.Client) => {
    const id = `V${1 + Math.floor(Math.random() * vehicles)}`
    await client.query('BEGIN')
    await client.query(TOUCH, [id, `name ${Math.random()}`])
    await client.query(APPEND, [id])
    await client.query('COMMIT')
    return 1
  }
  const read = async (client: pg.Client) => {
    await client.query(PAGE, [OWNER, Math.floor(Math.random() * events)])
    return 0
  }
  const works = [...Array.from({ length: GATEWAYS }, (_, nth) => gateway(nth)), edit, read]
  return Promise.all(works.map((work) => startSession(url, work)))
}

const longestOf = (sessions: readonly Session[], from = -Infinity, to = Infinity): Stop =>
  sessions.map((session) => session.longest(from, to)).reduce((a, b) => (b.ms > a.ms ? b : a))

async function query<Row extends pg.QueryResultRow>(url: string, text: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query<Row>(text)
  } finally {
    await client.end()
  }
}
