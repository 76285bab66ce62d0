/** A change to the text of one file. */
type Patch = {
  readonly file: string
  /** What stands there; each place of it is changed. */
  readonly find: string
  readonly replace: string
}

/** A rule of the server, broken on purpose: the checker has to find out. */
export type Fault = {
  readonly name: string
  /** The checks that can tell; what another finds has another cause. */
  readonly by: readonly string[]
  readonly patches: readonly Patch[]
}

const MIGRATIONS = 'prisma/migrations'
const FOUNDATION = `${MIGRATIONS}/20261122000000_foundation/migration.sql`
/** Where record_vehicle_states() was made last. */
const RECORDING = `${MIGRATIONS}/20261128030000_contradicting_sharings/migration.sql`
const RETENTION = `${MIGRATIONS}/20261122020000_retention/migration.sql`
/** Where what a decision writes is checked as a whole. */
const DEMANDING = `${MIGRATIONS}/20261128020000_demand_rows/migration.sql`
const later = (ms: number) => `await new Promise((done) => setTimeout(done, ${ms}))`

export const FAULTS: readonly Fault[] = [
  {
    name: 'events are appended after the commit',
    by: ['lost', 'control', 'atomic', 'real time', 'order', 'stream'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'const logged = await written(held)',
        replace: `await written({ ...held, events: [] })
          const logged = held.events.map((event) => ({ ...event, position: 0, tag: 0 }))`,
      },
      { file: 'src/data/decisions/lock.ts', find: 'import { change, ', replace: 'import { append, change, ' },
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (held) committed(db, [held])',
        replace: `if (held) {\n ${later(5)}\n await append(db, held.events)\n committed(db, [held])\n }`,
      },
    ],
  },
  {
    name: 'the log is read past its horizon',
    by: ['stream'],
    patches: [{ file: FOUNDATION, find: 'LEAST("drawn", "held")', replace: '"drawn"' }],
  },
  {
    name: 'writers do not hold the horizon',
    by: ['stream'],
    patches: [
      { file: FOUNDATION, find: 'PERFORM pg_advisory_xact_lock_shared(', replace: 'PERFORM abs(' },
      {
        file: 'src/data/decisions/commit.ts',
        find: 'RETURNING position, tag`',
        replace: 'RETURNING position, tag, pg_sleep(0.005)`',
      },
    ],
  },
  {
    name: 'a long stretch is taken for read whole',
    by: ['stream'],
    patches: [
      { file: 'src/live/tail.ts', find: 'READ_LIMIT = 1_000', replace: 'READ_LIMIT = 3' },
      {
        file: 'src/live/tail.ts',
        find: '(events.at(-1)?.position ?? end) : end',
        replace: 'end : end',
      },
    ],
  },
  {
    name: 'what is handed over overtakes what others wrote before it',
    by: ['stream'],
    patches: [
      {
        file: 'src/live/tail.ts',
        find: 'if (handed.size > 0 || events.length === 0) read()',
        replace: `const rest = [...handed.values()].toSorted((a, b) => a.position - b.position)
          handed.clear()
          if (rest.length > 0) extend(rest, rest.at(-1)!.position)`,
      },
    ],
  },
  {
    name: 'who fell behind goes on with the newest',
    by: ['stream'],
    patches: [
      { file: 'src/live/subscribers.ts', find: 'if (subscriber.position < delivered) return false', replace: '' },
    ],
  },
  {
    name: 'the window in memory is taken for longer than it is',
    by: ['stream'],
    patches: [
      { file: 'src/live/tail.ts', find: 'WINDOW = 10_000', replace: 'WINDOW = 10' },
      { file: 'src/live/window.ts', find: 'position < floor', replace: 'position < floor - 5' },
    ],
  },
  {
    name: 'resuming in memory repeats the last event',
    by: ['stream'],
    patches: [{ file: 'src/live/window.ts', find: '?? Infinity) <= position)', replace: '?? Infinity) < position)' }],
  },
  {
    name: 'resuming from the log repeats the last event',
    by: ['stream', 'pages'],
    patches: [
      { file: 'src/data/log/pages.ts', find: '(${keys}, e.position) > (', replace: '(${keys}, e.position) >= (' },
    ],
  },
  {
    name: 'a page ends one event early',
    by: ['stream', 'pages'],
    patches: [
      {
        file: 'src/graphql/types/event.ts',
        find: 'return last ? cursorOf(last)',
        replace: 'return last ? cursorOf(nodes.at(-2) ?? last)',
      },
    ],
  },
  {
    name: 'the stream leaves out what the partner may see',
    by: ['stream'],
    patches: [{ file: 'src/domain/log/event.ts', find: ' || event.partnerId === fleetId', replace: '' }],
  },
  {
    name: 'the history leaves out what the partner may see',
    by: ['audience', 'stream'],
    patches: [
      {
        file: 'src/data/log/pages.ts',
        find: "'e.partner_id IS NOT NULL'",
        replace: "'FALSE'",
      },
    ],
  },
  {
    name: 'a reading belongs to who has control when it arrives',
    by: ['audience'],
    patches: [{ file: RECORDING, find: 'report.occurred_at', replace: 'report.at' }],
  },
  {
    name: 'a reading belongs to the last partner for ever',
    by: ['audience'],
    patches: [
      {
        file: RECORDING,
        find: 'CASE WHEN LEAST(s."ends_at", s."ended_at") <= report.occurred_at THEN NULL ELSE s."partner_id" END',
        replace: 's."partner_id"',
      },
    ],
  },
  {
    name: 'a command is dispatched to all who ask',
    by: ['dispatch', 'control'],
    patches: [
      {
        file: 'src/domain/command.ts',
        find: "command.status === 'PENDING' && at <",
        replace: 'isOpen(command) && at <',
      },
      { file: 'src/live/dispatches.ts', find: ' || !(await isPending(db, event.commandId))', replace: '' },
    ],
  },
  {
    name: 'a handover cancels nothing',
    by: ['control'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'of cancelled(commands, ',
        replace: 'of cancelled(commands.slice(0, 0), ',
      },
    ],
  },
  {
    name: 'idempotency keys are not remembered',
    by: ['once'],
    patches: [{ file: 'src/data/decisions/idempotency.ts', find: 'length === 1)', replace: 'length < 2)' }],
  },
  {
    name: 'known messages are recorded again',
    by: ['once'],
    patches: [
      {
        file: RETENTION,
        find: 'CREATE UNIQUE INDEX "event_vehicle_id_message_id_key"',
        replace: 'CREATE INDEX "event_vehicle_id_message_id_key"',
      },
      {
        file: RECORDING,
        find: 'ON CONFLICT ("vehicle_id", "message_id") WHERE "message_id" IS NOT NULL DO NOTHING',
        replace: '',
      },
    ],
  },
  {
    name: 'a due end is written with the present instant',
    by: ['due', 'control'],
    patches: [
      {
        file: 'src/domain/settle.ts',
        find: "'EXPIRED', returned: state }, due.at)",
        replace: "'EXPIRED', returned: state }, at)",
      },
    ],
  },
  {
    name: 'what is decided without the lock is written whatever happened since',
    by: ['control', 'dispatch', 'instant', 'real time'],
    patches: [{ file: 'src/data/decisions/commit.ts', find: 'xmin::text = $3', replace: 'TRUE' }],
  },
  {
    name: 'a write after the next due instant',
    by: ['ended'],
    patches: [
      {
        file: 'src/data/decisions/commit.ts',
        find: 'OR clock_timestamp() < $4 AS in_time',
        replace: 'OR TRUE AS in_time',
      },
      { file: DEMANDING, find: 'clock_timestamp() >= "until"', replace: 'FALSE' },
      {
        file: 'src/data/decisions/lock.ts',
        find: 'await until(held.comes)\n  const logged',
        replace: `${later(200)}\n  const logged`,
      },
      // Else those who rely on the instant wait for the one that is late.
      {
        file: 'src/data/lock.ts',
        find: 'if (!held?.fellDue) throw error',
        replace: 'if (held !== undefined) throw error',
      },
      {
        file: 'src/domain/settle.ts',
        find: 'at: Instant): boolean =>\n',
        replace: 'at: Instant): boolean =>\n  at < 0 &&\n',
      },
    ],
  },
  {
    name: 'a part of a decision that meets no row',
    by: ['rows', 'control', 'atomic', 'due', 'lost', 'order'],
    patches: [
      {
        file: 'src/data/decisions/commit.ts',
        find: 'WHERE s.id = n.id AND s.vehicle_id = $1',
        replace: 'WHERE s.id = n.id AND s.vehicle_id = $1 AND (n.ended_at IS NULL OR random() < 0.5)',
      },
      { file: DEMANDING, find: '"changed"[i] <> "named"[i]', replace: 'FALSE' },
    ],
  },
  {
    name: 'what fell due is settled behind what is asked for',
    by: ['control'],
    patches: [{ file: 'src/data/decisions/lock.ts', find: 'vehicle.state, at)', replace: 'vehicle.state, at - 200)' }],
  },
  {
    name: 'a stream outlives its token',
    by: ['expiry'],
    patches: [
      { file: 'src/live/stream.ts', find: ' || Date.now() >= until', replace: '' },
      { file: 'src/live/stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/http/event-stream.ts', find: 'Date.now() < until', replace: 'until > 0' },
      { file: 'src/server/http/event-stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
    ],
  },
  {
    name: 'a socket outlives its token',
    by: ['expiry'],
    patches: [
      { file: 'src/live/stream.ts', find: ' || Date.now() >= until', replace: '' },
      { file: 'src/live/stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/http/event-stream.ts', find: 'Date.now() < until', replace: 'until > 0' },
      { file: 'src/server/http/event-stream.ts', find: 'atInstant(until, ', replace: 'atInstant(Infinity, ' },
      { file: 'src/server/websocket/connection.ts', find: '?? Infinity) <= Date.now()', replace: '?? Infinity) <= 0' },
      {
        file: 'src/server/websocket/protocol.ts',
        find: 'atInstant(viewer.expiresAt, ',
        replace: 'atInstant(Infinity, ',
      },
    ],
  },
  {
    name: 'an end when idle is ascribed to the owner',
    by: ['due'],
    patches: [
      {
        file: 'src/domain/sharing.ts',
        find: 'endSharing(sharing, sharing.endRequestedBy, state, at)',
        replace: 'endSharing(sharing, sharing.ownerId, state, at)',
      },
    ],
  },
  {
    name: 'a stop tells streams that they are complete',
    by: ['complete'],
    patches: [
      { file: 'src/app.ts', find: '      http.cutStreams()\n      //', replace: '      tail.stop()\n      //' },
      { file: 'src/app.ts', find: '        http.cutStreams()\n', replace: '' },
    ],
  },
  {
    name: 'a failure is told with all its details',
    by: ['leak'],
    patches: [
      {
        file: 'src/graphql/base/errors.ts',
        find: 'new GraphQLError(MASKED, { ...where',
        replace: 'new GraphQLError(String(originalError ?? error), { ...where',
      },
    ],
  },
  {
    name: 'what was done is told before it is committed',
    by: ['lost', 'instant', 'real time'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (held) await release(held)',
        replace: `if (held?.version) setTimeout(() => void release(held).catch(() => {}), 100)
    else if (held) await release(held)`,
      },
    ],
  },
]
