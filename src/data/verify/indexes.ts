import { PAST_INDEXES, setLocally } from './kept.ts'
import type { Query } from '../database/statement.ts'

/** An index that does not find what is in its table. */
export type IndexFinding = {
  readonly index: string
  readonly table: string
  /** How many rows it should find, and how many it does. */
  readonly rows: number
  readonly found: number
  /** The ids of some rows that are lost from the exclusion constraint's. */
  readonly lost: readonly string[]
  /** Whether it is the exclusion constraint's, which cannot be rebuilt while rows are written. */
  readonly excludes: boolean
}

type Index = {
  readonly name: string
  readonly table: string
  readonly excludes: boolean
  readonly predicate: string
  readonly keys: readonly string[]
  /** By key, as pg_index has them: 1 for descending, 2 for nulls first. */
  readonly options: readonly number[]
}

const INDEXES = `SELECT c.relname AS name, t.relname AS table, i.indisexclusion AS excludes,
    COALESCE(pg_get_expr(i.indpred, i.indrelid), 'TRUE') AS predicate,
    to_json(ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, TRUE) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n)) AS keys,
    to_json(i.indoption::int2[]) AS options
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
  WHERE i.indrelid IN ('vehicle'::regclass, 'sharing'::regclass, 'command'::regclass) ORDER BY t.relname, c.relname`

/** Nothing but one scan of an index, in its order. */
const BY_INDEX = {
  enable_seqscan: 'off',
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'off',
  enable_sort: 'off',
  enable_incremental_sort: 'off',
} as const

/** How many of an exclusion constraint's lost rows are named. */
const NAMED = 20

/**
 * Compares every index of the tables that decide with its table, by count. Each is read once, by a statement of its own: a
 * GiST index that one statement scans twice can lose entries.
 */
export async function readIndexes(query: Query): Promise<IndexFinding[]> {
  const findings: IndexFinding[] = []
  for (const index of await query<Index>({ name: '', text: INDEXES }, [])) {
    const { name, table, excludes } = index
    await setLocally(query, PAST_INDEXES)
    const rows = await count(query, `SELECT 1 FROM ${table} WHERE ${index.predicate}`)
    await setLocally(query, BY_INDEX)
    const scan = excludes ? periodsOf(index) : inOrderOf(index)
    // One that somebody has added beside it may be read instead: then there is no telling.
    if (!(await isReadAlone(query, scan, name))) continue
    const found = await count(query, scan)
    if (found === rows) continue
    findings.push({ index: name, table, rows, found, lost: excludes ? await lostFrom(query, index) : [], excludes })
  }
  return findings
}

/** Every period lies within all of time, an empty one as well. */
const periodsOf = ({ table, keys, predicate }: Index): string =>
  `SELECT id FROM ${table} WHERE ${keys.at(-1)} <@ tstzrange(NULL, NULL) AND ${predicate}`

function inOrderOf({ table, keys, options, predicate }: Index): string {
  const order = keys.map((key, index) => {
    const option = options[index] ?? 0
    return `${key} ${option & 1 ? 'DESC' : 'ASC'} NULLS ${option & 2 ? 'FIRST' : 'LAST'}`
  })
  // PostgreSQL drops IS NOT NULL of a column that is never NULL, and then does not see that the predicate holds.
  const present = keys.filter((key) => predicate.includes(`${key} IS NOT NULL`)).map((key) => ` AND ${key} >= ${key}`)
  return `SELECT 1 FROM ${table} WHERE ${predicate}${present.join('')} ORDER BY ${order.join(', ')} OFFSET 0`
}

async function count(query: Query, rows: string): Promise<number> {
  const [row] = await query<{ count: string }>({ name: '', text: `SELECT count(*) FROM (${rows}) AS r` }, [])
  return Number(row?.count)
}

async function isReadAlone(query: Query, rows: string, name: string): Promise<boolean> {
  const plan = await query({ name: '', text: `EXPLAIN (FORMAT JSON) SELECT count(*) FROM (${rows}) AS r` }, [])
  const read = [...JSON.stringify(plan).matchAll(/"Index Name":"([^"]+)"/g)].map(([, index]) => index)
  return read.length === 1 && read[0] === name
}

async function lostFrom(query: Query, index: Index): Promise<string[]> {
  const text = `WITH found AS MATERIALIZED (${periodsOf(index)})
    SELECT s.id FROM ${index.table} AS s
    WHERE (${index.predicate}) AND s.id NOT IN (SELECT id FROM found) ORDER BY s.id LIMIT ${NAMED}`
  await setLocally(query, { enable_sort: 'on' })
  return (await query<{ id: string }>({ name: '', text }, [])).map(({ id }) => id)
}
