import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import type { Arena } from './arena.ts'
import type { DisruptionKind, Side } from './history.ts'
import { chance, oneOf, streamOf, whole } from './random.ts'
import { other } from './caller.ts'

/** How often each is drawn: what strikes a whole process takes a second to come back from. */
const WEIGHTS: readonly DisruptionKind[] = [
  ...(['kill', 'kill', 'stop', 'stop'] as const),
  ...(['terminate', 'terminate', 'terminate', 'freeze', 'freeze', 'freeze'] as const),
  ...(['cut', 'cut', 'cut', 'stall', 'stall', 'stall'] as const),
]

type Plan = { readonly at: number; readonly kind: DisruptionKind; readonly side: Side; readonly random: Random }

/** Both at once is fair, but then nothing happens for a while. */
const DOUBLE_OUTAGE = 0.1
const MOST_BACKENDS = 3

const planOf = (seed: number, length: number): readonly Plan[] => {
  const random = streamOf(seed, 'disruptions')
  return Array.from({ length: whole(random, 0, 3) }, (_, index) => ({
    at: between(random, 0.05, 0.9) * length,
    kind: oneOf(random, WEIGHTS),
    side: oneOf(random, [0, 1] as const),
    random: streamOf(seed, `disruption ${index}`),
  }))
}

/** Disturbs the arena as a seed says, for a time in milliseconds. Resolves once all that was struck is up again. */
export async function disrupt(arena: Arena, seed: number, length: number): Promise<void> {
  await Promise.all(
    planOf(seed, length).map(async ({ at, kind, side, random }) => {
      await sleep(at)
      const from = Date.now()
      const struck = await STRIKES[kind](arena, side, random)
      const ofDatabase = kind === 'terminate' || kind === 'freeze'
      if (struck > 0) arena.disruptions.push({ kind, side: ofDatabase ? null : side, from, to: Date.now(), struck })
    }),
  )
}

type Strike = (arena: Arena, side: Side, random: Random) => Promise<number>

const mayFall = ({ instances }: Arena, side: Side, random: Random) =>
  instances[side].isUp() && (instances[other(side)].isUp() || chance(random, DOUBLE_OUTAGE))

const STRIKES: Readonly<Record<DisruptionKind, Strike>> = {
  kill: async (arena, side, random) => {
    if (!mayFall(arena, side, random)) return 0
    await arena.instances[side].kill()
    await sleep(between(random, 0, 300))
    await arena.instances[side].start()
    return 1
  },
  stop: async (arena, side, random) => {
    if (!mayFall(arena, side, random)) return 0
    const { code, ms } = await arena.instances[side].stop()
    if (code !== 0 || ms > 10_000) arena.problems.push(`told to stop, it ended with ${code} after ${Math.round(ms)} ms`)
    await arena.instances[side].start()
    return 1
  },
  terminate: async ({ prisma }, _side, random) => {
    const rows = await prisma.$queryRaw<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND application_name IN ('fleetshare', 'fleetshare-wakeups')`
    const chosen = someOf(random, rows)
    for (const { pid } of chosen) await prisma.$queryRaw`SELECT pg_terminate_backend(${pid}::int)`
    return chosen.length
  },
  freeze: async ({ prisma }, _side, random) => {
    // Preferably one that is in the midst of something.
    const rows = await prisma.$queryRaw<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fleetshare'
        ORDER BY state = 'idle', random() LIMIT 3`
    const frozen = someOf(random, rows).filter(({ pid }) => send(pid, 'SIGSTOP'))
    await sleep(between(random, 50, 500))
    for (const { pid } of frozen) send(pid, 'SIGCONT')
    return frozen.length
  },
  cut: async ({ proxies }, side) => {
    proxies[side].cut()
    return 1
  },
  stall: async ({ proxies }, side, random) => {
    await proxies[side].stall(between(random, 200, 1500))
    return 1
  },
}

function someOf<T>(random: Random, from: readonly T[]): T[] {
  const left = [...from]
  return Array.from({ length: Math.min(left.length, whole(random, 1, MOST_BACKENDS)) }, () =>
    left.splice(whole(random, 0, left.length - 1), 1),
  ).flat()
}

/** A backend of PostgreSQL is a process of this machine, which may have gone since. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
