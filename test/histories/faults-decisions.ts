import type { Fault } from './fault.ts'

const MIGRATIONS = 'prisma/migrations'
/** Where record_vehicle_states() was made last. */
const RECORDING = `${MIGRATIONS}/20261129300000_look_up_messages/migration.sql`
const RETENTION = `${MIGRATIONS}/20261122020000_retention/migration.sql`
/** Where what a decision writes is checked as a whole. */
const DEMANDING = `${MIGRATIONS}/20261128020000_demand_rows/migration.sql`
const TOGETHER = 'src/data/decisions/commit-together.ts'
const later = (ms: number) => `await new Promise((done) => setTimeout(done, ${ms}))`

/** Faults of decisions and of what they write. */
export const DECISION_FAULTS: readonly Fault[] = [
  {
    name: 'events are appended after the commit',
    by: ['lost', 'control', 'atomic', 'real time', 'order', 'stream'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'const logged = await writeDecision(decision, write)',
        replace: `await writeDecision({ ...decision, events: [] }, write)
          const logged = decision.events.map((event) => ({ ...event, position: 0, tag: 0 }))`,
      },
      { file: 'src/data/decisions/lock.ts', find: 'import { change, ', replace: 'import { append, change, ' },
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (decision) afterCommit(db, [decision, ...decision.followedBy])',
        replace: `if (decision) {\n ${later(5)}\n await append(db, decision.events)\n afterCommit(db, [decision])\n }`,
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
        find: 'CASE WHEN s."ended_at" <= report.occurred_at THEN NULL ELSE s."partner_id" END',
        replace: 's."partner_id"',
      },
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
        find: `k."message_id" = r."messageId" OFFSET 0`,
        replace: 'FALSE OFFSET 0',
      },
    ],
  },

  {
    name: 'a due end is written with the present instant',
    by: ['due', 'control'],
    patches: [
      {
        file: 'src/domain/handover/settle.ts',
        find: "pass('SHARING_ENDED', next, when)",
        replace: "pass('SHARING_ENDED', next, at)",
      },
    ],
  },

  {
    name: 'what is decided without the lock is written whatever happened since',
    by: ['control', 'dispatch', 'instant', 'real time'],
    patches: [
      { file: 'src/data/decisions/commit.ts', find: 'v.xmin::text = $3', replace: 'TRUE' },
      { file: TOGETHER, find: 'v.xmin::text = free.version', replace: 'TRUE' },
    ],
  },

  {
    name: 'of decisions that are written together none is compared',
    by: ['control', 'dispatch', 'instant', 'real time'],
    patches: [{ file: TOGETHER, find: 'v.xmin::text = free.version', replace: 'TRUE' }],
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
      { file: TOGETHER, find: 'OR clock_timestamp() < free.valid_until', replace: 'OR TRUE' },
      { file: DEMANDING, find: 'clock_timestamp() >= "until"', replace: 'FALSE' },
      {
        file: 'src/data/decisions/lock.ts',
        find: 'await until(decision.notBefore)\n  const logged',
        // As long as nobody else comes in between.
        replace: 'await new Promise((done) => setTimeout(done, 200 * Math.random()))\n  const logged',
      },
      // Else those who rely on the instant wait for the one that is late.
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (decision === null || decision.fellDue === null) throw error',
        replace: 'if (decision !== undefined) throw error',
      },
      {
        file: 'src/domain/handover/settle.ts',
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
        find: 'WHERE s.id = n.id AND s.vehicle_id =',
        replace: 'WHERE s.id = n.id AND (n.ended_at IS NULL OR random() < 0.5) AND s.vehicle_id =',
      },
      { file: DEMANDING, find: '"changed"[i] <> "named"[i]', replace: 'FALSE' },
    ],
  },

  {
    name: 'what fell due is settled behind what is asked for',
    by: ['control'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'snapshot.maxSilenceMs }, at)',
        replace: 'snapshot.maxSilenceMs }, at - 200)',
      },
    ],
  },

  {
    name: 'an end when idle is ascribed to the owner',
    by: ['due'],
    patches: [
      {
        file: 'src/domain/handover/waiting.ts',
        find: 'endSharing(sharing, sharing.endRequestedBy, facts.state, at)',
        replace: 'endSharing(sharing, sharing.ownerId, facts.state, at)',
      },
    ],
  },

  {
    name: 'what was done is told before it is committed',
    by: ['lost', 'instant', 'real time'],
    patches: [
      {
        file: 'src/data/decisions/lock.ts',
        find: 'if (decision && decision.followedBy.length === 0) await commitDecision(decision, write)',
        replace: `if (decision?.version) setTimeout(() => void commitDecision(decision, write).catch(() => {}), 100)
    else if (decision) await commitDecision(decision)`,
      },
    ],
  },
]
