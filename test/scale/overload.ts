import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Arena } from './arena.ts'
import type { Heard, Order } from './callers.ts'
import { median, note, promise, quantile, summary } from './figures.ts'
import { watchUsage } from './usage.ts'
import { makeFleets } from './world.ts'

type Options = { readonly callers: number; readonly times: number; readonly seconds: number }

const WARM_UP_SECONDS = 8
const CALM_SECONDS = 10
const RECOVERY_SECONDS = 10
/** What an accepted request may take of the time that it takes when nobody is refused. */
const ALLOWED = 3
/** Memory may grow by what more connections need, and by what a busy heap takes. */
const ALLOWED_MB = 150
const HEALTH_MS = 100
const RECOVERED_WITHIN = 5

const p99 = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.99,
  )

/**
 * First as many callers as the server serves without a refusal, then so many times as many, none of which ever waits: more
 * arrives than could be served by far. A mix of reads and writes.
 */
export async function measureOverload(arena: Arena, { callers, times, seconds }: Options): Promise<void> {
  const instance = await arena.start()
  const { url, rss } = instance
  const [fleet] = await makeFleets(arena, url, { fleets: 1, vehicles: 200, lent: 0 })
  if (!fleet) throw new Error('there is no fleet')
  const [manager, gateway] = [await arena.token(fleet.id, 'manager'), await arena.token(null, 'gateway')]
  const world = { port: Number(new URL(url).port), manager, gateway, vehicles: fleet.vehicles }
  let seed = 0
  const load = async (count: number, duration: number): Promise<Heard> => {
    const order: Order = { ...world, callers: count, ms: duration * 1000, seed: ++seed }
    const worker = new Worker(new URL('callers.ts', import.meta.url), { workerData: order })
    const [heard] = (await once(worker, 'message')) as [Heard]
    return heard
  }
  const tell = (what: string, { accepted, refused, other }: Heard, duration: number) => {
    note(
      `${what}: ${(accepted.length / duration).toFixed(0)}/s accepted, ${(refused.length / duration).toFixed(0)}/s refused`,
    )
    console.log(`  accepted: ${summary(accepted.map(([took]) => took))}`)
    if (refused.length > 0) console.log(`  refused: ${summary(refused)}`)
    for (const [answer, count] of other) console.log(`  ${count} x ${answer}`)
  }

  await load(callers, WARM_UP_SECONDS)
  const calm = await load(callers, CALM_SECONDS)
  tell(`${callers} callers`, calm, CALM_SECONDS)
  const normal = p99(calm.accepted.map(([took]) => took))
  promise('with as many callers as it can serve nobody is refused', calm.refused.length + calm.other.size === 0)
  const before = await rss()

  const usage = await watchUsage([instance])
  const health = watchHealth(url)
  const memory: number[] = []
  const sampling = setInterval(() => void rss().then((mb) => memory.push(mb)), 1000)
  const loaded = await load(callers * times, seconds)
  clearInterval(sampling)
  const healthy = await health.stop()
  await usage.stop()
  tell(`${callers * times} callers`, loaded, seconds)
  const arrived = (loaded.accepted.length + loaded.refused.length) / seconds / (calm.accepted.length / CALM_SECONDS)
  console.log(`  ${arrived.toFixed(1)} times as many requests as are served without them; /health: ${summary(healthy)}`)
  const slow = p99(loaded.accepted.map(([took]) => took))
  promise(
    `what is accepted takes no more than ${ALLOWED} times as long: p99 ${slow.toFixed(0)} ms, ${normal.toFixed(0)} ms without the others`,
    slow <= ALLOWED * normal,
  )
  promise('what is not accepted is refused by the code, and nothing else happens', loaded.other.size === 0)
  const [first, last, most] = [memory.slice(0, memory.length / 2), memory.slice(memory.length / 2), Math.max(...memory)]
  promise(
    `memory is bounded: ${before.toFixed(0)} MB before, then a median of ${median(first).toFixed(0)} and ${median(last).toFixed(0)} MB, ${most.toFixed(0)} at most`,
    most < before + ALLOWED_MB,
  )

  const after = await load(callers, RECOVERY_SECONDS)
  tell('afterwards', after, RECOVERY_SECONDS)
  const bySecond = Array.from({ length: RECOVERY_SECONDS }, (_, second) =>
    p99(after.accepted.filter(([, at]) => Math.floor(at / 1000) === second).map(([took]) => took)),
  )
  const recovered = bySecond.findIndex((took) => took <= 1.5 * normal)
  console.log(`  p99 of each second: ${bySecond.map((took) => took.toFixed(0)).join(', ')} ms`)
  promise(
    `it has recovered within ${RECOVERED_WITHIN} s: after ${recovered + 1} s`,
    recovered >= 0 && recovered < RECOVERED_WITHIN,
  )
}

/** How long /health takes meanwhile, asked ten times a second. */
function watchHealth(url: string): { readonly stop: () => Promise<readonly number[]> } {
  const took: number[] = []
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const sent = performance.now()
      const { status } = await fetch(`${url}/health`)
      if (status === 200) took.push(performance.now() - sent)
      await sleep(HEALTH_MS)
    }
  })()
  return {
    stop: async () => {
      isOver = true
      await asking
      return took
    },
  }
}
