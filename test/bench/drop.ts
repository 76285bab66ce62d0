import pg from 'pg'

/**
 * How long it takes to remove each full partition of a log, as the retention does: all but the commit, as it is undone. The database is
 * one that the benchmark has filled and kept.
 *
 *   npx node test/bench/drop.ts postgresql://…/fleetshare_bench_1000000_100000000
 */

const PARTITIONS = `SELECT name, "to" - COALESCE("from", 0) AS positions, (pg_total_relation_size(name::regclass) / 1e9)::float8 AS gigabytes
  FROM log_partitions(), log_horizon() WHERE last IS NOT NULL AND "to" <= settled`

type Partition = { readonly name: string; readonly positions: string; readonly gigabytes: number }

const client = new pg.Client({ connectionString: process.argv[2] })
await client.connect()
try {
  const { rows } = await client.query<Partition>(PARTITIONS)
  for (const { name, positions, gigabytes } of rows) {
    await client.query('BEGIN')
    const began = performance.now()
    const dropped = await client.query<{ done: boolean }>(`SELECT drop_log_partition($1, 'infinity') AS done`, [name])
    const took = performance.now() - began
    await client.query('ROLLBACK')
    if (!dropped.rows[0]?.done) throw new Error(`${name} is in use`)
    console.log(`${name}: ${positions} positions, ${gigabytes.toFixed(1)} GB: ${took.toFixed(0)} ms`)
  }
} finally {
  await client.end()
}
