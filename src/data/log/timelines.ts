import { randomInt } from 'node:crypto'
import type { Query, Statement } from '../database/statement.ts'
import type { Timeline, Timelines } from '../services.ts'

type TimelineRow = {
  readonly number: number
  readonly epoch: number
  /** PostgreSQL's driver gives a text, that of the embedded database a number. */
  readonly kept_to: string | number
  readonly begins_after: string
  readonly database: string
  /** Seconds. */
  readonly age: number
}

/** The number of epochs: cursors have two bytes for one. */
const EPOCHS = 0x1_0000
/** Attempts to find an epoch that is not taken yet. */
const ATTEMPTS = 10
/** The most timelines in memory. */
const MOST_KNOWN = 1_000
/** How long after a database had its first timeline instances of a version without timelines may still run. Milliseconds. */
const UPGRADE_MS = 3_600_000

/** The first timeline. Events up to its "kept_to" were written by a version without timelines. */
const FIRST: Statement = {
  name: '',
  text: `INSERT INTO timeline (number, epoch, kept_to, begins_after, database, opened_at)
    VALUES (0, 0, COALESCE((SELECT max(position) FROM event), 0), 0, $1, clock_timestamp()) ON CONFLICT DO NOTHING`,
}

const ALL: Statement = {
  name: '',
  text: `SELECT number, epoch, kept_to, begins_after, database,
      extract(epoch FROM clock_timestamp() - opened_at)::float8 AS age
    FROM timeline ORDER BY number DESC LIMIT ${MOST_KNOWN}`,
}

/** The position up to which readings are gone, which may be kept for less time than other events; NULL for none. */
const READINGS_GONE = "(SELECT max(position) FROM pruned WHERE type = 'STATE_RECORDED')"

/** Begins a timeline. Events that were removed for their age were in the log long before any was lost. */
const BEGIN: Statement = {
  name: '',
  text: `INSERT INTO timeline (number, epoch, kept_to, begins_after, database, opened_at)
    SELECT $1, $2, COALESCE($3::bigint, LEAST($4::bigint - 1, GREATEST(${READINGS_GONE},
        COALESCE((SELECT min(position) - 1 FROM event), (SELECT max(position) FROM pruned), 0)))),
      last_value, $5, clock_timestamp() FROM event_position_seq ON CONFLICT DO NOTHING`,
}

const ORIGIN: Statement = {
  name: '',
  text: `SELECT (COALESCE($1::bigint < (SELECT min(position) FROM event), TRUE) OR COALESCE($1 <= ${READINGS_GONE}, FALSE))
      AND EXISTS (SELECT FROM pruned WHERE position >= $1::bigint) AS is_removed,
    COALESCE($1::bigint > (SELECT min(t.kept_to) FROM timeline AS t WHERE t.number > own.number), FALSE)
      OR own.number IS NULL AS is_behind_split
    FROM (SELECT (SELECT number FROM timeline WHERE epoch = $2) AS number) AS own`,
}

/** The identity of the database: its cluster, the cluster's timeline, which a promotion or a restore changes, and itself. */
const IDENTITY: Statement = {
  name: '',
  text: `SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), oid) AS database
    FROM pg_database WHERE datname = current_database()`,
}

/** The identity on managed services that do not let their customers read the rest. */
const LESSER_IDENTITY: Statement = {
  name: '',
  text: 'SELECT oid::text AS database FROM pg_database WHERE datname = current_database()',
}

/**
 * Reads the timelines of the log, and begins another where the database is another than before.
 * @param onBegin is called once for each timeline that begins while this instance runs
 */
export async function openTimelines(query: Query, onBegin: (timeline: Timeline) => void): Promise<Timelines> {
  type Identity = { readonly database: string }
  const [identity] = await query<Identity>(IDENTITY, []).catch(() => query<Identity>(LESSER_IDENTITY, []))
  const database = identity?.database ?? ''
  let known: readonly Timeline[] = []
  let latest = ''
  let upgradedAt = -Infinity
  const refresh = async () => {
    const rows = (await query<TimelineRow>(ALL, [])).toReversed()
    const before = known
    const [oldest] = rows
    if (oldest?.number === 0 && Number(oldest.kept_to) > 0) {
      upgradedAt = performance.now() + UPGRADE_MS - oldest.age * 1_000
    }
    known = rows.map(({ number: own, epoch, kept_to: keptTo, begins_after: beginsAfter }) => ({
      number: own,
      epoch,
      keptTo: Number(keptTo),
      beginsAfter: Number(beginsAfter),
    }))
    latest = rows.at(-1)?.database ?? ''
    const last = known.at(-1)
    if (before.length > 0 && last && last.number > (before.at(-1)?.number ?? 0)) onBegin(last)
  }
  const number = () => known.at(-1)?.number ?? 0
  const begin: Timelines['begin'] = async (keptTo, lost) => {
    const next = number() + 1
    // The epoch may be taken, though rarely.
    for (let attempt = 0; number() < next; attempt++) {
      if (attempt === ATTEMPTS) throw new Error('no epoch is left for the timeline of the log')
      await query(BEGIN, [next, randomInt(1, EPOCHS), keptTo, lost, database])
      await refresh()
    }
  }
  await query(FIRST, [database])
  await refresh()
  if (latest !== database) await begin(null, null)
  return {
    number,
    epochOf: (position) => known.findLast(({ beginsAfter }) => beginsAfter < position)?.epoch ?? 0,
    isUpgrading: () => performance.now() < upgradedAt,
    refresh,
    begin,
    origin: async ({ position, epoch }) => {
      const [row] = await query<{ is_removed: boolean; is_behind_split: boolean }>(ORIGIN, [position, epoch])
      return { isRemoved: row?.is_removed ?? false, isBehindSplit: row?.is_behind_split ?? true }
    },
  }
}
