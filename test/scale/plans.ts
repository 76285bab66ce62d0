import type { Services } from '../../src/data/services.ts'
import { readFleetLog, readLog } from '../../src/data/log/read.ts'
import type { EventFilter } from '../../src/domain/log/event.ts'
import type { Arena } from './arena.ts'

export type Statement = { readonly text: string; readonly values: readonly unknown[] }

/** The statement that a function of the data layer would run, for it to be explained. */
async function recorded(read: (services: Services) => Promise<unknown>): Promise<Statement> {
  const statements: Statement[] = []
  const query = ({ text }: { readonly text: string }, values: readonly unknown[]) => {
    statements.push({ text, values })
    return Promise.resolve([])
  }
  await read({ query, hedgedQuery: query } as unknown as Services)
  const [statement] = statements
  if (!statement) throw new Error('nothing was read')
  return statement
}

const PAGE = 200
export const ALL: EventFilter = { vehicleIds: null, types: null }

export const fleetStatement = (fleetId: string, filter: EventFilter, after: number, upTo: number) =>
  recorded((services) => readFleetLog(services, fleetId, filter, after, upTo, PAGE))

export const tailStatement = (after: number, upTo: number) =>
  recorded((services) => readLog(services, after, upTo, 1000))

export type Plan = { readonly lines: readonly string[]; readonly ms: number; readonly buffers: number }

/** Runs it twice, and shows the second: by then what it needs is in memory. A generic plan knows no parameter. */
export async function explain({ db }: Arena, { text, values }: Statement, generic: boolean): Promise<Plan> {
  const literals = values.map((value) => {
    if (typeof value === 'number') return String(value)
    if (value === null) return 'NULL'
    return db.escapeLiteral(Array.isArray(value) ? `{${value.join(',')}}` : (value as string))
  })
  await db.query(`SET plan_cache_mode = ${generic ? 'force_generic_plan' : 'force_custom_plan'}`)
  await db.query(`PREPARE explained AS ${text}`)
  let lines: string[] = []
  for (let turn = 0; turn < 2; turn++) {
    const { rows } = await db.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS) EXECUTE explained (${literals.join(', ')})`,
    )
    lines = rows.map((row) => row['QUERY PLAN'])
  }
  await db.query('DEALLOCATE explained')
  const ms = Number(/Execution Time: ([\d.]+)/.exec(lines.join('\n'))?.[1])
  const counts = /Buffers: shared (?:hit=(\d+))?(?: ?read=(\d+))?/.exec(lines.join('\n'))
  return { lines, ms, buffers: Number(counts?.[1] ?? 0) + Number(counts?.[2] ?? 0) }
}
