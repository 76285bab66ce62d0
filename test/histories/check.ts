import { checkAudience } from './check-audience.ts'
import { checkCalls } from './check-calls.ts'
import { checkControl } from './check-control.ts'
import { checkEnds } from './check-ends.ts'
import { checkIdle } from './check-idle.ts'
import { checkStreams } from './check-streams.ts'
import { checkTime } from './check-time.ts'
import type { Recording, Violation } from './history.ts'

/** Whether the server kept its promises in one history. @returns each that it broke; none is good */
export const check = (recording: Recording): Violation[] => [
  ...recording.problems.map((text) => ({ check: 'end', text })),
  ...checkCalls(recording),
  ...checkStreams(recording),
  ...checkAudience(recording),
  ...checkControl(recording),
  ...checkEnds(recording),
  ...checkIdle(recording),
  ...checkTime(recording),
]

/** What `npm run verify` says of a database: its rows and its log, or its tables and their indexes, do not agree. */
export const checkDatabase = (lines: readonly string[]): Violation[] =>
  lines.map((text) => ({ check: text.startsWith('index') ? 'index' : 'rows', text }))
