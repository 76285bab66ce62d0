import type { Fault } from './fault.ts'

const MIGRATIONS = 'prisma/migrations'
const DROPPING = `${MIGRATIONS}/20261130300000_tell_busy_from_done/migration.sql`

/** Faults of the log's partitions: at their bounds, and as they are removed. */
export const PARTITION_FAULTS: readonly Fault[] = [
  {
    name: 'the first event of a partition is skipped behind a place in the one before',
    by: ['stream', 'pages'],
    patches: [
      {
        file: 'src/data/log/pages.ts',
        find: 'AND ${IN_RANGE}',
        replace:
          'AND ${IN_RANGE} AND e.position <> ALL (ARRAY(SELECT COALESCE(p."from", 0) FROM log_partitions() AS p))',
      },
    ],
  },

  {
    name: 'messages are known in the newest partition only',
    by: ['once'],
    patches: [
      {
        file: `${MIGRATIONS}/20261129300000_look_up_messages/migration.sql`,
        find: `k."message_id" = r."messageId" OFFSET 0`,
        replace: `k."message_id" = r."messageId"
          AND k.tableoid = (SELECT l.tableoid FROM "event" AS l ORDER BY l."position" DESC LIMIT 1) OFFSET 0`,
      },
    ],
  },

  {
    name: 'a partition is dropped before its time',
    by: ['stream', 'pages', 'expired', 'lost', 'end', 'audience'],
    patches: [
      { file: DROPPING, find: ' OR "part"."last_at" >= "before"', replace: '' },
      { file: DROPPING, find: 'IF "newest" >= "before" THEN', replace: 'IF FALSE THEN' },
    ],
  },

  {
    name: 'the loss of a partition is not noted for partners',
    by: ['expired'],
    patches: [{ file: DROPPING, find: "ARRAY['owner_id', 'partner_id']", replace: "ARRAY['owner_id']" }],
  },
]
