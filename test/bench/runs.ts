import { fork } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import { compareReads, compareStreams, compareWrites } from './compare.ts'
import type { Known } from './compare.ts'
import type { World } from './data.ts'
import type { Reply } from './generator.ts'
import type { LoadOrder, Measured, Target } from './load.ts'
import { cpuOf, memoryOf } from './measure.ts'
import type { Options } from './options.ts'
import { startSystem } from './systems.ts'
import type { Running } from './systems.ts'
import type { Cell } from './table.ts'
import type { Issuer } from './tokens.ts'
import { answers, isRead, WORKLOADS } from './workloads.ts'

/** What all cells of a run have in common. */
export type Bench = {
  readonly options: Options
  readonly issuer: Issuer
  /** PostgreSQL's main process; null where it is not at hand. */
  readonly postgres: number | null
  readonly generate: (order: LoadOrder) => Promise<Measured>
  readonly cells: Cell[]
}

export type Place = { readonly databaseUrl: string; readonly world: World }

export type Generator = { readonly generate: Bench['generate']; readonly close: () => void }

/** The process that makes the load: one cell at a time. */
export function startGenerator(): Generator {
  const child = fork(join(import.meta.dirname, 'generator.ts'))
  let waiting: PromiseWithResolvers<Measured> | null = null
  child.on('message', (reply: Reply) => {
    if ('failure' in reply) waiting?.reject(new Error(reply.failure))
    else waiting?.resolve(reply.result)
  })
  child.on('exit', () => waiting?.reject(new Error('the load generator ended')))
  return {
    generate: (order) => {
      waiting = Promise.withResolvers<Measured>()
      child.send(order)
      return waiting.promise
    },
    close: () => {
      if (child.connected) child.disconnect()
    },
  }
}

/** A system on a world, as it runs. */
type Subject = { readonly place: Place; readonly system: string } & Running

/** All systems run side by side on all worlds, as reading leaves nothing for the others to see; cell by cell in turn. */
export async function runReads(bench: Bench, places: readonly Place[], workloads: readonly string[]): Promise<void> {
  if (workloads.length === 0) return
  const subjects: Subject[] = []
  try {
    for (const place of places) {
      const systems = new Map<string, Running>()
      for (const system of bench.options.systems) {
        const running = await start(bench, place, system)
        systems.set(system, running)
        subjects.push({ place, system, ...running })
      }
      await compareReads(workloads, systems, place.world, bench.issuer.tokens)
    }
    for (let round = 0; round < bench.options.rounds; round++) {
      for (const workload of workloads) {
        for (const { place, system, target } of rotated(subjects, round)) {
          if (!answers(system, workload)) continue
          await measure(bench, place, { workload, system, target, round })
        }
      }
    }
  } finally {
    for (const { stop } of subjects) await stop()
  }
}

/**
 * One system at a time on each world, because one that runs follows what the others write to the log; round by round in turn, and
 * cell by cell from world to world.
 */
export async function runWrites(bench: Bench, places: readonly Place[], workloads: readonly string[]): Promise<void> {
  if (workloads.length === 0) return
  const known: Known = new Map()
  for (const place of places) {
    await withClient(place, (client) => compareChanges(bench, place, workloads, { client, known }))
  }
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const system of rotated(bench.options.systems, round)) {
      const subjects: Subject[] = []
      try {
        for (const place of places) subjects.push({ place, system, ...(await start(bench, place, system)) })
        for (const workload of workloads) {
          for (const subject of rotated(subjects, round)) await measureWrites(bench, subject, { workload, round })
        }
      } finally {
        for (const { stop } of subjects) await stop()
      }
    }
  }
}

type Turn = { readonly workload: string; readonly round: number }

async function measureWrites(bench: Bench, { place, system, target, startup }: Subject, { workload, round }: Turn) {
  if (workload === 'start') return keep(bench, place, 'start', system, await started(target, startup))
  await measure(bench, place, { workload, system, target, round })
  await withClient(place, (client) => client.query(CLOSE_COMMANDS))
}

async function withClient({ databaseUrl }: Place, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Each round begins with another one, so that none is always the first or behind the same. */
const rotated = <T>(all: readonly T[], round: number): T[] => [
  ...all.slice(round % all.length),
  ...all.slice(0, round % all.length),
]

type Comparing = { readonly client: pg.Client; readonly known: Known }

/** Before anything is timed, so that all find the same. */
async function compareChanges(bench: Bench, place: Place, workloads: readonly string[], { client, known }: Comparing) {
  const kinds = new Set(workloads.map((workload) => WORKLOADS[workload]?.kind))
  if (!kinds.has('write') && !kinds.has('stream')) return
  const writes = workloads.filter((workload) => WORKLOADS[workload]?.kind === 'write')
  const unprofiled = { ...bench, options: { ...bench.options, profile: null } }
  for (const system of bench.options.systems) {
    const { target, stop } = await start(unprofiled, place, system)
    try {
      const comparison = { system, target, ...place, ...bench.issuer, known }
      await compareWrites(writes, comparison, client)
      if (kinds.has('stream')) await compareStreams(comparison)
    } finally {
      await stop()
    }
  }
}

/** Else they would fall due while something else is measured. */
const CLOSE_COMMANDS = `UPDATE command SET status = 'SUCCEEDED', dispatched_at = now(), completed_at = now()
  WHERE status IN ('PENDING', 'DISPATCHED')`

const start = ({ options, issuer, postgres }: Bench, { databaseUrl }: Place, system: string): Promise<Running> => {
  const nodeArgs = options.profile !== null ? ['--cpu-prof', `--cpu-prof-dir=${join(options.profile, system)}`] : []
  return startSystem({ system, databaseUrl, postgres, issuer, nodeArgs, against: options.against })
}

const started = async ({ pid }: Target, startup: number): Promise<Measured> => ({
  operations: 1,
  perSecond: 1000 / startup,
  postgres: NaN,
  p50: startup,
  p99: startup,
  cpu: await cpuOf(pid),
  memory: await memoryOf(pid),
})

/** Where a run began: no message of an earlier one on the same database is sent again. */
let cells = Math.floor(Date.now() / 1000) * 1000

type What = Turn & { readonly system: string; readonly target: Target }

async function measure(bench: Bench, place: Place, { workload, system, target, round }: What): Promise<void> {
  const { connections, seconds } = bench.options
  // What is compiled for one kind of reading serves the others.
  const warmup = isRead(workload) && round > 0 ? bench.options.warmup / 2 : bench.options.warmup
  const { tokens } = bench.issuer
  const order = {
    workload,
    target,
    world: place.world,
    tokens,
    connections,
    warmup,
    seconds,
    cell: ++cells,
    seed: round,
    isSpread: bench.options.isGrowth,
  }
  keep(bench, place, workload, system, await bench.generate(order))
}

function keep({ cells }: Bench, { world }: Place, workload: string, system: string, measured: Measured): void {
  const known = cells.find((cell) => cell.workload === workload && cell.system === system && cell.world === world)
  if (known) known.rounds.push(measured)
  else cells.push({ workload, system, world, rounds: [measured] })
}
