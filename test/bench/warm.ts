import pg from 'pg'

const EXTENSION = `SELECT FROM pg_available_extensions WHERE name = 'pg_prewarm'`

/** The indexes of that partition of the log which is written, and all tables but the log with their indexes: last, so that they stay. */
const READ = `
  WITH written AS MATERIALIZED (
    SELECT i.indexrelid AS oid FROM log_horizon() AS h CROSS JOIN log_partitions() AS p JOIN pg_index AS i ON i.indrelid = p.name::regclass
    WHERE COALESCE(p."from", 0) <= h.drawn AND (p."to" > h.drawn OR p."to" IS NULL)
  ), log AS MATERIALIZED (
    SELECT relid AS oid FROM pg_partition_tree('event') UNION ALL
    SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT relid FROM pg_partition_tree('event'))
  )
  SELECT sum(pg_prewarm(oid)) FROM (
    SELECT oid FROM (SELECT oid, 1 AS turn FROM written UNION ALL
      SELECT oid, 2 FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i') AND oid NOT IN (SELECT oid FROM log)) AS all_of_them
    ORDER BY turn) AS in_turn`

/**
 * Reads what a server of that size has in memory once all vehicles have reported, as the first minutes of a database are those of its
 * disk. Does nothing on a PostgreSQL without pg_prewarm.
 */
export async function warm(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    if ((await client.query(EXTENSION)).rowCount === 0) return
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_prewarm')
    await client.query(READ)
  } finally {
    await client.end()
  }
}
