import pg from 'pg'

/** How one node of a plan reads a table. */
export type Scan = {
  readonly type: string
  readonly table: string
  /** null for a table that is read past its indexes. */
  readonly index: string | null
  /** What is wrong with it; null if nothing is. */
  readonly fault: string | null
}

type Node = {
  readonly 'Node Type': string
  readonly 'Parent Relationship'?: string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'CTE Name'?: string
  readonly 'Index Cond'?: string
  readonly Filter?: string
  readonly 'Actual Loops'?: number
  readonly Plans?: readonly Node[]
}

type Value = string | number | null | readonly string[]

export type Planner = {
  /** Each scan of the statement's plan, whatever its values are. */
  readonly scansOf: (text: string) => Promise<Scan[]>
  /** The names of the statement's parts (WITH) that its plan reads once for each row of something else. */
  readonly rescansOf: (text: string) => Promise<string[]>
  /** Runs a statement and undoes it. @returns the scans of all that it ran within functions and triggers */
  readonly scansWithin: (text: string, values: readonly unknown[]) => Promise<Scan[]>
  /** Runs a statement. @returns the tables and partitions that its scans have read from */
  readonly readBy: (text: string, values: readonly Value[]) => Promise<string[]>
  readonly close: () => Promise<void>
}

type Index = { readonly table: string; readonly method: string; readonly first: string }

/** A partition counts as its table. */
const TABLES = `SELECT p.relid::regclass::text AS partition, t.relname AS table
  FROM pg_class AS t CROSS JOIN LATERAL pg_partition_tree(t.oid) AS p WHERE t.relkind = 'p' AND NOT t.relispartition`

const INDEXES = `SELECT c.relname AS name, t.relname AS table, m.amname AS method, pg_get_indexdef(c.oid, 1, FALSE) AS first
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
    JOIN pg_am AS m ON m.oid = c.relam`

/** @param options the settings of a session, as PostgreSQL's command line takes them */
export async function newPlanner(databaseUrl: string, options: string): Promise<Planner> {
  const client = new pg.Client({ connectionString: databaseUrl, options })
  await client.connect()
  const { rows } = await client.query<Index & { readonly name: string }>(INDEXES)
  const partitions = await client.query<{ readonly partition: string; readonly table: string }>(TABLES)
  const tables = new Map(partitions.rows.map(({ partition, table }) => [partition, table]))
  const tableOf = (name: string) => tables.get(name) ?? name
  // An expression comes in parentheses, and stands in a condition without them.
  const indexes = new Map(
    rows.map(({ name, table, first, ...index }) => [
      name,
      { ...index, table: tableOf(table), first: first.replace(/^\((.*)\)$/, '$1') },
    ]),
  )

  function scan(node: Node, isLimited: boolean): Scan[] {
    const { 'Node Type': type, 'Index Name': name } = node
    const index = name === undefined ? undefined : indexes.get(name)
    const relation = node['Relation Name']
    const table = index?.table ?? (relation === undefined ? undefined : tableOf(relation))
    if (table === undefined || !type.includes('Scan') || type === 'Bitmap Heap Scan') return []
    const fault = index ? faultOf(index, node, isLimited) : type === 'Seq Scan' ? 'reads the whole table' : null
    return [{ type, table, index: name ?? null, fault }]
  }

  /** @param isLimited whether somebody above takes the first rows only, in the order in which they come */
  const scans = (node: Node, isLimited: boolean): Scan[] => [
    ...scan(node, isLimited),
    ...(node.Plans ?? []).flatMap((child) =>
      scans(child, node['Node Type'] === 'Limit' || (isLimited && streams(node, child))),
    ),
  ]

  async function plansOf(text: string): Promise<Node[]> {
    const explained = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
      `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
    )
    return explained.rows.map((row) => row['QUERY PLAN'][0].Plan)
  }

  return {
    scansOf: async (text) => (await plansOf(text)).flatMap((plan) => scans(plan, false)),
    rescansOf: async (text) => (await plansOf(text)).flatMap(rescansIn),
    async scansWithin(text, values) {
      const plans: Node[] = []
      const listen = ({ message = '' }: { readonly message?: string | undefined }) => {
        const at = message.indexOf('{')
        if (message.startsWith('duration') && at !== -1)
          plans.push((JSON.parse(message.slice(at)) as { Plan: Node }).Plan)
      }
      client.on('notice', listen)
      await client.query(`LOAD 'auto_explain'; BEGIN; SET LOCAL auto_explain.log_min_duration = 0;
        SET LOCAL auto_explain.log_nested_statements = on; SET LOCAL auto_explain.log_format = json;
        SET LOCAL auto_explain.log_level = notice`)
      await client.query(text, [...values])
      await client.query('ROLLBACK')
      client.off('notice', listen)
      return plans.flatMap((plan) => scans(plan, false))
    },
    async readBy(text, values) {
      const literal = (value: Value) =>
        value === null ? 'NULL' : pg.escapeLiteral(typeof value === 'object' ? `{${value.join(',')}}` : `${value}`)
      await client.query(`DEALLOCATE ALL; PREPARE measured AS ${text}`)
      const explained = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
        `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE measured (${values.map(literal).join(', ')})`,
      )
      const readIn = (node: Node): string[] => [
        ...((node['Actual Loops'] ?? 0) > 0 ? [node['Relation Name'] ?? []].flat() : []),
        ...(node.Plans ?? []).flatMap(readIn),
      ]
      return explained.rows.flatMap((row) => readIn(row['QUERY PLAN'][0].Plan))
    },
    close: () => client.end(),
  }
}

/** The parts of the statement that are read once for each row of something else. */
const rescansIn = (node: Node): string[] => [
  ...(node['Node Type'] === 'Nested Loop' ? (node.Plans ?? []) : [])
    .filter((child) => child['Parent Relationship'] === 'Inner')
    .flatMap(partsIn),
  ...(node.Plans ?? []).flatMap(rescansIn),
]

const partsIn = (node: Node): string[] => [
  ...(node['CTE Name'] === undefined ? [] : [node['CTE Name']]),
  ...(node.Plans ?? []).flatMap(partsIn),
]

function faultOf({ method, first }: Index, node: Node, isLimited: boolean): string | null {
  const { 'Index Cond': condition, Filter: filter } = node
  if (method !== 'btree') return `reads by an index of type ${method}`
  // The first rows are soon found, unless most are left out.
  if (condition === undefined) return isLimited && filter === undefined ? null : 'reads the whole index'
  // Only that narrows down where in the index to look; what is said of later columns goes through all of it.
  return condition.includes(first) ? null : `looks through all of an index that begins with ${first}`
}

/** Whether a node asks this child for one row at a time, and for no more than it needs itself. */
const streams = ({ 'Node Type': type }: Node, { 'Parent Relationship': relationship }: Node): boolean =>
  ['Nested Loop', 'Subquery Scan', 'Result', 'Append', 'Merge Append', 'LockRows'].includes(type) &&
  relationship !== 'Inner'
