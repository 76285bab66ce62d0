import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createCursors } from '../../src/data/log/cursor.ts'
import type { Arena } from './arena.ts'
import { digest, newColumns, sum } from './columns.ts'
import type { Columns } from './columns.ts'
import { promise } from './figures.ts'
import type { Instance } from './instance.ts'
import { positionsOf } from './world.ts'
import type { ScaleFleet } from './world.ts'

/** What a thread of clients is told. Client number i follows fleet number i, by turns, and belongs to thread i, by turns. */
export type Plan = {
  readonly urls: readonly string[]
  readonly tokens: readonly string[]
  readonly clients: number
  readonly after: string
  readonly cursorKey: Uint8Array
  /** Over so many milliseconds they come, at random. */
  readonly within: number
  readonly thread: number
  readonly threads: number
  readonly columns: Columns
}

export type Crowd = {
  readonly columns: Columns
  /** Waits until each has been let in at least once. */
  readonly admitted: () => Promise<void>
  /** Waits until all are there at once. */
  readonly present: () => Promise<void>
  /** Waits until each has what is its fleet's last event by now. */
  readonly settled: () => Promise<void>
  /** Waits for the same, and says whether each received exactly its fleet's events. Nothing may be written meanwhile. */
  readonly verify: () => Promise<void>
  readonly stop: () => Promise<void>
}

export type CrowdOptions = {
  readonly instances: readonly Instance[]
  readonly fleets: readonly ScaleFleet[]
  readonly clients: number
  /** The position behind which they all start. */
  readonly start: number
  readonly within: number
}

const THREADS = 2
const LOOK_MS = 20
const ADMISSION_LIMIT_MS = 60_000
const SETTLE_LIMIT_MS = 180_000

/** Waits no longer than the limit: what is missing then shows in the figures. */
async function until(holds: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  while (!holds() && performance.now() < end) await sleep(LOOK_MS)
}

/** Clients of the event stream, in threads of this process. */
export function startCrowd(arena: Arena, { instances, fleets, clients, start, within }: CrowdOptions): Crowd {
  const columns = newColumns(clients)
  const plan = {
    urls: instances.map(({ url }) => `${url.replace('http', 'ws')}/graphql`),
    tokens: fleets.map(({ token }) => token),
    clients,
    after: createCursors(arena.cursorKey).seal(start),
    cursorKey: arena.cursorKey,
    within,
    threads: THREADS,
    columns,
  }
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const workerData: Plan = { ...plan, thread }
    const worker = new Worker(new URL('crowd-thread.ts', import.meta.url), { workerData })
    worker.on('error', (error) => promise(`a thread of clients lives: ${String(error)}`, false))
    return worker
  })

  const all = Array.from({ length: clients }, (_, client) => client)

  /** @returns what each client has to have by now, as soon as it is that far */
  async function settled() {
    const due: ReturnType<typeof digest>[] = []
    for (const { id } of fleets) due.push(digest(await positionsOf(arena, id, start)))
    const of = (client: number) => due[client % fleets.length] ?? digest([])
    const isThere = (client: number) => (columns.position[client] ?? 0) >= of(client).last
    await until(() => all.every(isThere), SETTLE_LIMIT_MS)
    return of
  }

  return {
    columns,
    admitted: () => until(() => columns.connections.every((count) => count > 0), ADMISSION_LIMIT_MS),
    present: () => until(() => columns.instance.every((instance) => instance >= 0), ADMISSION_LIMIT_MS),
    settled: async () => void (await settled()),
    verify: async () => {
      const of = await settled()
      const exact = all.filter((client) => {
        const { count, hash } = of(client)
        return columns.count[client] === count && columns.hash[client] === hash && columns.faults[client] === 0
      })
      const due = all.reduce((total, client) => total + of(client).count, 0)
      const share = ((100 * exact.length) / clients).toFixed(2)
      promise(
        `${exact.length} of ${clients} clients (${share} %) received exactly their fleet's events, in order`,
        exact.length === clients,
      )
      const [received, faults, refusals] = [sum(columns.count), sum(columns.faults), sum(columns.refusals)]
      console.log(`  ${due} deliveries due, ${received} received; ${faults} twice or out of order`)
      console.log(`  ${sum(columns.connections)} subscriptions, ${refusals} of them ended or refused by the server`)
    },
    stop: async () => {
      for (const worker of workers) await worker.terminate()
    },
  }
}
