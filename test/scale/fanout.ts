import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { report, reportAt } from '../support/gateway.ts'
import type { Arena } from './arena.ts'
import type { Arrivals, Audience } from './audience.ts'
import { median, note, promise, summary } from './figures.ts'
import { makeFleets } from './world.ts'

type Options = { readonly sockets: number; readonly events: number; readonly commits: number }

/** Of the server's processor, in microseconds. */
const ALLOWED_US = 3

/** Commits of many events, and of one, to many subscribers: what a delivery costs, and how soon the events are there. */
export async function measureFanOut(arena: Arena, { sockets, events, commits }: Options): Promise<void> {
  const { url, cpu } = await arena.start()
  const [fleet] = await makeFleets(arena, url, { fleets: 1, vehicles: events, lent: 0 })
  if (!fleet) throw new Error('there is no fleet')
  const gateway = await arena.token(null, 'gateway')
  const audience: Audience = { port: Number(new URL(url).port), token: fleet.token, sockets }
  const worker = new Worker(new URL('audience.ts', import.meta.url), { workerData: audience })
  await once(worker, 'message')
  await sleep(1_000)
  let turn = 0
  const commit = async (count: number) => {
    worker.postMessage(count, [])
    await once(worker, 'message')
    const arrived = once(worker, 'message') as Promise<[Arrivals]>
    const sent = performance.timeOrigin + performance.now()
    turn++
    await report(
      url,
      gateway,
      fleet.vehicles.slice(0, count).map((id) => reportAt(id, `message ${turn}`, Date.now(), { speedKmh: turn % 100 })),
    )
    const [{ at }] = await arrived
    return at.map((one) => one - sent)
  }
  for (let warm = 0; warm < 20; warm++) await commit(events)
  for (const count of [events, 1]) {
    const costs: number[] = []
    const [first, all]: [number[], number[]] = [[], []]
    for (let nth = 0; nth < commits; nth++) {
      const before = await cpu()
      for (let time = 0; time < 10; time++) {
        const took = await commit(count)
        first.push(took[0] ?? NaN)
        all.push(took.at(-1) ?? NaN)
      }
      costs.push((((await cpu()) - before) / (10 * count * sockets)) * 1e6)
    }
    note(
      `${count} events a commit to ${sockets} sockets: ${median(costs).toFixed(2)} us of the server's processor each`,
    )
    console.log(`  the first socket has them after ${summary(first)}`)
    console.log(`  all have them after ${summary(all)}`)
    if (count > 1) promise(`a delivery takes at most ${ALLOWED_US} us`, median(costs) <= ALLOWED_US)
  }
  await worker.terminate()
}
