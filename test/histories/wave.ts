import { between } from '../../src/simulator/random.ts'
import type { Arena } from './arena.ts'
import { check, checkDatabase } from './check.ts'
import { disrupt } from './disruptions.ts'
import { DISRUPTIONS } from './history.ts'
import type { Disruption, DisruptionKind, Recording, Violation } from './history.ts'
import { streamOf } from './random.ts'
import { checkWitnesses, plantWitness, retire } from './retire.ts'
import { prepare } from './run.ts'

/** What has been done, and what was found. */
export type Figures = {
  histories: number
  operations: number
  events: number
  deliveries: number
  /** Sessions that followed upon another. */
  reconnects: number
  violations: number
  readonly disruptions: Record<DisruptionKind, number>
}

export const noFigures = (): Figures => ({
  histories: 0,
  operations: 0,
  events: 0,
  deliveries: 0,
  reconnects: 0,
  disruptions: Object.fromEntries(DISRUPTIONS.map((kind) => [kind, 0])) as Record<DisruptionKind, number>,
  violations: 0,
})

export type Outcome = {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** What the arena went through meanwhile. */
  readonly disruptions: readonly Disruption[]
}

const LENGTH_MS = [2_500, 4_500] as const

/**
 * Histories that share an arena: each disturbs it by its own seed, and so all the others. Then it is left in peace, all come
 * to their ends, and each is checked.
 */
export async function runWave(arena: Arena, seeds: readonly number[], figures: Figures): Promise<Outcome[]> {
  const before = arena.disruptions.length
  const step = <T>(does: (seed: number, index: number) => Promise<T>) => Promise.allSettled(seeds.map(does))
  const stopRetiring = await retire(arena)
  arena.witnesses.push(await plantWitness(arena))
  const runs = await step((seed) => prepare(arena, seed))
  const runOf = (index: number) => {
    const prepared = runs[index]
    if (prepared?.status !== 'fulfilled') throw prepared?.reason
    return prepared.value
  }
  const acted = await step(async (seed, index) => {
    const length = between(streamOf(seed, 'length'), ...LENGTH_MS)
    await Promise.all([runOf(index).act(length), disrupt(arena, seed, length)])
  })
  const finished = await step(async (_seed, index) => {
    const act = acted[index]
    if (act?.status === 'rejected') throw act.reason
    return runOf(index).finish()
  })
  await stopRetiring()
  const expired = await checkWitnesses(arena)
  const disruptions = arena.disruptions.slice(before)
  const lines = await arena.disagreements()
  const own = finished.map((finish) =>
    finish.status === 'rejected'
      ? []
      : lines.filter((line) => finish.value.vehicles.some(({ id }) => line.includes(id))),
  )
  // What is no vehicle's is told with the first.
  own[0]?.push(...lines.filter((line) => !own.flat().includes(line)))
  const outcomes = finished.map((finish, index): Outcome => {
    const seed = seeds[index] ?? 0
    const inDatabase = [...checkDatabase(own[index] ?? []), ...(index === 0 ? expired : [])]
    // What cannot even be told must not pass for a history in which all was well.
    if (finish.status === 'rejected')
      return { seed, disruptions, violations: [{ check: 'end', text: String(finish.reason) }, ...inDatabase] }
    count(finish.value, figures)
    return { seed, disruptions, violations: [...check(finish.value), ...inDatabase] }
  })
  for (const { kind, struck } of disruptions) figures.disruptions[kind] += struck
  figures.histories += seeds.length
  for (const { violations } of outcomes) figures.violations += violations.length
  return outcomes
}

function count({ followers, calls, truth }: Recording, figures: Figures): void {
  const sessions = followers.flatMap((follower) => follower.sessions)
  figures.operations += calls.length
  figures.events += truth.events.length
  figures.deliveries += sessions.reduce((sum, { deliveries }) => sum + deliveries.length, 0)
  figures.reconnects += sessions.length - followers.length
}

/** @param begun a reading of performance.now() */
export function lineOf({ disruptions, ...counts }: Figures, begun: number): string {
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1)
  const { kill, stop, terminate, freeze, cut, stall } = disruptions
  const struck = {
    kills: kill,
    stops: stop,
    'backends ended': terminate,
    'backends frozen': freeze,
    cuts: cut,
    stalls: stall,
  }
  const parts = Object.entries({ ...counts, ...struck }).map(([name, count]) => `${count} ${name}`)
  return `${parts.join(', ')}; ${minutes} minutes`
}
