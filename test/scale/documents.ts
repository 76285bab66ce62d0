import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { post, run } from '../support/api.ts'
import type { Arena } from './arena.ts'
import { note, promise, quantile, summary } from './figures.ts'
import type { Flood, Heard } from './flood.ts'
import { makeFleets } from './world.ts'

type Options = {
  readonly rate: number
  readonly fields: number
  readonly seconds: number
  readonly heap: number
  readonly events: number
}

const CALM_SECONDS = 10
const READ_EVERY_MS = 50
/** What the reads of others may take of what they take without the flood, or at least so many milliseconds. */
const ALLOWED = 5
const ALLOWED_MS = 100

const READ = '{ vehicles(first: 20) { nodes { id name supportedCommands } pageInfo { endCursor } } }'

/** A viewer who opens one subscription after the other, each with another document, and keeps them: what others notice. */
export async function measureDocuments(arena: Arena, { rate, fields, seconds, heap, events }: Options): Promise<void> {
  const { url, rss, cpu } = await arena.start([`--max-old-space-size=${heap}`])
  const [flooding, other] = await makeFleets(arena, url, { fleets: 2, vehicles: 50, lent: 0 })
  if (!flooding || !other) throw new Error('there are no fleets')
  const [id = ''] = flooding.vehicles
  const manager = await arena.token(flooding.id, 'manager')
  const readFor = async (duration: number) => {
    const reads: number[] = []
    for (const end = performance.now() + duration * 1000; performance.now() < end; await sleep(READ_EVERY_MS)) {
      const begun = performance.now()
      const { errors } = await post(url, other.token, READ)
      if (errors) throw new Error(JSON.stringify(errors))
      reads.push(performance.now() - begun)
    }
    return reads
  }
  await readFor(CALM_SECONDS / 2)
  const calm = await readFor(CALM_SECONDS)
  note(`reads without a flood: ${summary(calm)}; ${(await rss()).toFixed(0)} MB`)

  const flood: Flood = { url, token: flooding.token, rate, fields, seconds }
  const worker = new Worker(new URL('flood.ts', import.meta.url), { workerData: flood })
  const told = once(worker, 'message') as Promise<[Heard]>
  const before = await cpu()
  let isOver = false
  let nth = 0
  const writing = (async () => {
    for (; !isOver; await sleep(1000 / events)) await run(url, manager, 'updateVehicle', { id, name: `name ${nth++}` })
  })().catch((error: unknown) => note(`writing ended: ${String(error)}`))
  const memory: number[] = []
  const sampling = setInterval(() => void rss().then((mb) => memory.push(mb)), 1000)
  const reads = await readFor(seconds)
  const [heard] = await told
  isOver = true
  await writing
  clearInterval(sampling)
  const used = ((await cpu()) - before) / seconds
  note(`${heard.sent} documents with ${fields} fields, ${nth} events, ${heard.results} results`)
  for (const [code, times] of heard.codes) console.log(`  ${times} x ${code}`)
  console.log(`  reads of others: ${summary(reads)}; ${(used * 100).toFixed(0)} % of a core`)
  console.log(
    `  memory: ${memory
      .filter((_, second) => second % 5 === 0)
      .map((mb) => mb.toFixed(0))
      .join(', ')} MB`,
  )
  const [normal, slow] = [calm, reads].map((values) =>
    quantile(
      values.toSorted((a, b) => a - b),
      0.99,
    ),
  )
  promise(
    `the reads of others take at most ${ALLOWED} times as long, or ${ALLOWED_MS} ms`,
    slow !== undefined && normal !== undefined && slow <= Math.max(ALLOWED * normal, ALLOWED_MS),
  )
  promise('the process lives', (await fetch(`${url}/health`)).status === 200)
  await worker.terminate()
}
