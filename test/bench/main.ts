import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AS_BY_A_SERVER, fill } from './fill.ts'
import type { World } from './data.ts'
import { readOptions } from './options.ts'
import type { Options } from './options.ts'
import { givenPostgres, startOwnPostgres } from './postgres.ts'
import type { Postgres } from './postgres.ts'
import { runReads, runWrites, startGenerator } from './runs.ts'
import type { Bench } from './runs.ts'
import { tableOf } from './table.ts'
import { startIssuer } from './tokens.ts'
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
  const postgres = given === undefined ? await startOwnPostgres() : givenPostgres(given)
  closers.push(postgres.stop)
  const issuer = await startIssuer()
  closers.push(issuer.close)
  const { generate, close } = startGenerator()
  closers.push(close)
  const bench: Bench = { options, issuer, postgres: postgres.pid, generate, cells: [] }
  const reads = options.workloads.filter(isRead)
  const others = options.workloads.filter((workload) => !isRead(workload))
  for (const world of options.worlds) {
    const place = { world, databaseUrl: await database(postgres, world) }
    await runReads(bench, place, reads)
    if (world === options.worlds[0]) await runWrites(bench, place, others)
  }
  console.log(tableOf(bench.cells))
  if (options.json !== null) {
    const machine = { processors: cpus().map(({ model }) => model), node: process.version }
    await writeFile(options.json, `${JSON.stringify({ machine, options, cells: bench.cells }, null, 2)}\n`)
  }
}

/** Migrated as an operator would do it, and filled. */
async function database(postgres: Postgres, world: World): Promise<string> {
  const url = await postgres.databaseUrl(`fleetshare_bench_${world.vehicles}_${world.events}`)
  await promisify(execFile)(process.execPath, ['src/cli/migrate.ts'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATABASE_URL: url },
  })
  await fill(url, world, AS_BY_A_SERVER)
  return url
}

const options = readOptions(process.argv.slice(2))
try {
  if (options !== null) await run(options)
} finally {
  for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
}
