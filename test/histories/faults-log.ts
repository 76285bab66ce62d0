import type { Fault } from './fault.ts'

const MIGRATIONS = 'prisma/migrations'
const FOUNDATION = `${MIGRATIONS}/20261122000000_foundation/migration.sql`
const HOLDING = `${MIGRATIONS}/20261129500000_fewer_statements_in_triggers/migration.sql`

/** Faults of the log and of those who follow it. */
export const LOG_FAULTS: readonly Fault[] = [
  {
    name: 'the log is read past its horizon',
    by: ['stream'],
    patches: [{ file: FOUNDATION, find: 'LEAST("drawn", "held")', replace: '"drawn"' }],
  },

  {
    name: 'writers do not hold the horizon',
    by: ['stream'],
    patches: [
      { file: HOLDING, find: 'PERFORM pg_advisory_xact_lock_shared(', replace: 'PERFORM abs(' },
      {
        file: 'src/data/decisions/commit.ts',
        find: 'RETURNING position, tag`',
        replace: 'RETURNING position, tag, pg_sleep(0.005)`',
      },
      {
        file: 'src/data/decisions/commit-together.ts',
        find: 'RETURNING position, tag, vehicle_id)',
        replace: 'RETURNING position, tag, vehicle_id, pg_sleep(0.005))',
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
        find: 'if (outOfOrder.size > 0 || events.length === 0) read()',
        replace: `const rest = [...outOfOrder.values()].toSorted((a, b) => a.position - b.position)
          outOfOrder.clear()
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
    name: 'a command is dispatched to all who ask',
    by: ['dispatch', 'control'],
    patches: [
      {
        file: 'src/domain/command.ts',
        find: "command.status === 'PENDING' && at <",
        replace: 'isOpen(command) && at <',
      },
      { file: 'src/live/dispatches.ts', find: ' || !(await prisma.command.isPending(event.commandId))', replace: '' },
    ],
  },
]
