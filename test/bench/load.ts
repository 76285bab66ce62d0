import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../src/simulator/random.ts'
import type { World } from './data.ts'
import { openConnection } from './connection.ts'
import { cpuOf, cpuWithChildren, memoryOf, quantile } from './measure.ts'
import type { Tokens } from './tokens.ts'
import { WORKLOADS } from './workloads.ts'
import type { Caller } from './workloads.ts'

/** Whom to measure: the server's port and process, and PostgreSQL's main process, if it is at hand. */
export type Target = { readonly port: number; readonly pid: number; readonly postgres: number | null }

export type LoadOrder = {
  readonly workload: string
  readonly target: Target
  readonly world: World
  readonly tokens: Tokens
  readonly connections: number
  /** Before anything counts. Seconds. */
  readonly warmup: number
  readonly seconds: number
  /** Different in each cell, so that no message is sent twice. */
  readonly cell: number
  /** The same for all systems: they are asked for the same things. */
  readonly seed: number
  /** Whether writes go to vehicles all over the world, others in each round; else to the first ones. */
  readonly isSpread: boolean
}

/** What one cell came to. Times in milliseconds, of an operation; NaN where there was none, or nothing to read it from. */
export type Measured = {
  readonly operations: number
  readonly perSecond: number
  readonly cpu: number
  readonly postgres: number
  readonly p50: number
  readonly p99: number
  /** The server's resident memory at the end. Bytes. */
  readonly memory: number
  /** What only this workload has, under the heading of its column. */
  readonly extra?: Readonly<Record<string, number>>
}

/** What processors have done so far, and when that was. Milliseconds. */
export async function snapshot({ pid, postgres }: Target) {
  return {
    at: performance.now(),
    cpu: await cpuOf(pid),
    postgres: postgres === null ? NaN : await cpuWithChildren(postgres),
  }
}

export type Snapshot = Awaited<ReturnType<typeof snapshot>>

/** What happened between two snapshots, per operation. */
export async function measured(
  target: Target,
  before: Snapshot,
  after: Snapshot,
  operations: number,
  latencies: readonly number[],
): Promise<Measured> {
  return {
    operations,
    perSecond: operations / ((after.at - before.at) / 1000),
    cpu: (after.cpu - before.cpu) / operations,
    postgres: (after.postgres - before.postgres) / operations,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    memory: await memoryOf(target.pid),
  }
}

/** A machine that is busy elsewhere may not come this far in the time given to warm up: so much more is waited for. */
const WARM_OPERATIONS = 300
const LONGEST_WARMUP = 4

/** No size of a world is a multiple of it. */
const STRIDE = 997
/** More than a cell comes to. */
const TURNS_OF_A_ROUND = 10_000

/** A closed loop: each connection sends its next request as soon as the last one is answered. */
export async function applyLoad(order: LoadOrder): Promise<Measured> {
  const { target, world, tokens, connections, warmup, seconds, cell, seed, isSpread } = order
  const next = WORKLOADS[order.workload]?.next
  if (next === undefined) throw new Error(`there is no workload ${order.workload}`)
  let latencies: number[] = []
  let isOver = false
  const call = async (place: number) => {
    const connection = await openConnection(target.port)
    const random = seeded(seed * connections + place)
    const [stride, turn] = isSpread ? [STRIDE, seed * TURNS_OF_A_ROUND] : [1, 0]
    const caller: Caller = { world, tokens, random, place, callers: connections, cell, stride, turn }
    for (; !isOver; caller.turn++) {
      const requests = next(caller)
      const start = performance.now()
      for (const { token, body, expects } of requests) {
        const answer = await connection.post(token, body)
        if (!answer.includes(expects)) throw new Error(`${body}\n${answer.toString().slice(0, 500)}`)
      }
      latencies.push(performance.now() - start)
    }
    connection.close()
  }
  const window = async () => {
    await sleep(warmup * 1000)
    for (let waited = 1; waited < LONGEST_WARMUP && latencies.length < WARM_OPERATIONS; waited++) {
      await sleep(warmup * 1000)
    }
    latencies = []
    const before = await snapshot(target)
    await sleep(seconds * 1000)
    const counted = latencies
    latencies = []
    const after = await snapshot(target)
    isOver = true
    return measured(target, before, after, counted.length, counted)
  }
  const [result] = await Promise.all([window(), ...Array.from({ length: connections }, (_, place) => call(place))])
  return result
}
