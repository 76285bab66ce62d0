import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { AS_BY_A_SERVER, fill } from './fill.ts'
import type { Size } from './data.ts'
import { growthOf } from './growth.ts'
import { readOptions } from './options.ts'
import type { Options } from './options.ts'
import { givenPostgres, startOwnPostgres } from './postgres.ts'
import type { Postgres } from './postgres.ts'
import { runReads, runWrites, startGenerator } from './runs.ts'
import type { Bench, Place } from './runs.ts'
import { tableOf } from './table.ts'
import { startIssuer } from './tokens.ts'
import { warm } from './warm.ts'
import { isRead } from './workloads.ts'

/**
 * What the server costs, beside other ways to write it. Every system is a process of its own on the same PostgreSQL, asked
 * for the same with the same tokens by a load generator in another process, in turn, in several rounds whose median counts;
 * that their answers are the same is made sure first. What counts is the processor time of an operation: unlike rates and
 * latencies it hardly depends on what else the machine does.
 */

const ROOT = join(import.meta.dirname, '../..')

/** What was opened is closed in reverse, also when the run fails. */
const closers: (() => Promise<void> | void)[] = []

async function run(options: Options): Promise<void> {
  const given = process.env['DATABASE_URL']
  const postgres = given === undefined ? await startOwnPostgres() : await givenPostgres(given)
  closers.push(postgres.stop)
  const issuer = await startIssuer()
  closers.push(issuer.close)
  const { generate, close } = startGenerator()
  closers.push(close)
  const bench: Bench = { options, issuer, postgres: postgres.pid, generate, cells: [] }
  const reads = options.workloads.filter(isRead)
  const others = options.workloads.filter((workload) => !isRead(workload))
  const places: Place[] = []
  for (const size of options.worlds) places.push(await newPlace(postgres, size))
  if (options.isGrowth) for (const { databaseUrl } of places) await warm(databaseUrl)
  await runReads(bench, places, reads)
  await runWrites(bench, places, others)
  console.log(tableOf(bench.cells))
  if (options.isGrowth) console.log(growthOf(bench.cells))
  if (options.json !== null) {
    const machine = { processors: cpus().map(({ model }) => model), node: process.version }
    await writeFile(options.json, `${JSON.stringify({ machine, options, cells: bench.cells }, null, 2)}\n`)
  }
}

/** Migrated as an operator would do it, and filled. */
async function newPlace(postgres: Postgres, size: Size): Promise<Place> {
  const url = await postgres.databaseUrl(`fleetshare_bench_${size.vehicles}_${size.events}`)
  await promisify(execFile)(process.execPath, ['src/cli/migrate.ts'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATABASE_URL: url },
  })
  await fill(url, size, AS_BY_A_SERVER)
  return { databaseUrl: url, world: { ...size, cursorKey: await cursorKeyOf(url) } }
}

async function cursorKeyOf(url: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ key: string }>(
      `SELECT encode(value, 'base64') AS key FROM secret WHERE name = 'cursor'`,
    )
    return rows[0]?.key ?? null
  } finally {
    await client.end()
  }
}

const options = readOptions(process.argv.slice(2))
try {
  if (options !== null) await run(options)
} finally {
  for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
}
