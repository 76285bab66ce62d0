import { between, seeded } from '../../src/simulator/random.ts'
import { logCursor } from './cursor.ts'
import { FLEETS } from './data.ts'
import { eventIn, follow } from './follower.ts'
import { measured, snapshot } from './load.ts'
import type { LoadOrder, Measured } from './load.ts'

/** One after the other: subscriptions behind any place of the log, each until its first event. */
export async function measureResume({ target, world, tokens, seed, warmup, seconds }: LoadOrder): Promise<Measured> {
  const random = seeded(seed)
  const resume = async () => {
    const { promise: first, resolve } = Promise.withResolvers<Buffer>()
    const token = tokens.fleets[Math.floor(between(random, 0, FLEETS))] ?? ''
    const start = performance.now()
    const follower = await follow(target.port, token, resolve, logCursor(world, random))
    eventIn(await first)
    const took = performance.now() - start
    follower.close()
    return took
  }
  const repeat = async (ms: number) => {
    const latencies: number[] = []
    for (const end = performance.now() + ms; performance.now() < end;) latencies.push(await resume())
    return latencies
  }
  await repeat(warmup * 1000)
  const before = await snapshot(target)
  const latencies = await repeat(seconds * 1000)
  return measured(target, before, await snapshot(target), latencies.length, latencies)
}
