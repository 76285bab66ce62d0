import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { mutations, post, run } from '../support/api.ts'
import { openAcknowledged } from '../support/raw.ts'
import type { Arena } from './arena.ts'
import { note, promise, summary } from './figures.ts'
import { makeFleets } from './world.ts'

type Options = { readonly writers: number }

const VEHICLES = '{ vehicles { nodes { id } } }'
const FOLLOW = 'subscription { vehicleEvents { recordedAt } }'
const HELD_MS = 30_000
const READS_MS = 500
const REFUSED_MS = 5_000
const EVENTS_MS = 1_500
const EVENTS = 20

/** One locked vehicle, and then one stalled session of PostgreSQL: what reads and events of others take. */
export async function measureHeld(arena: Arena, { writers }: Options): Promise<void> {
  const { url } = await arena.start()
  const other = await arena.start()
  const [fleet] = await makeFleets(arena, url, { fleets: 1, vehicles: 20, lent: 0 })
  const [held = '', free = ''] = fleet?.vehicles ?? []
  if (!fleet) throw new Error('there is no fleet')
  const manager = await arena.token(fleet.id, 'manager')

  await arena.db.query('BEGIN')
  await arena.db.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [held])
  const refusals: number[] = []
  const writing = Array.from({ length: writers }, async (_, nth) => {
    const begun = performance.now()
    await post(url, manager, mutations.updateVehicle, { input: { id: held, name: `name ${nth}` } })
    refusals.push(performance.now() - begun)
  })
  await sleep(200)
  const reads: number[] = []
  const end = performance.now() + HELD_MS
  while (refusals.length < writers && performance.now() < end) {
    const begun = performance.now()
    await post(url, fleet.token, VEHICLES)
    reads.push(performance.now() - begun)
    await sleep(20)
  }
  await arena.db.query('ROLLBACK')
  await Promise.all(writing)
  note(`${writers} edits of one locked vehicle`)
  console.log(`  reads meanwhile: ${summary(reads)}; the edits are refused after ${summary(refusals)}`)
  promise(`reads take at most ${READS_MS} ms`, Math.max(...reads) <= READS_MS)
  promise(`edits are refused within ${REFUSED_MS} ms`, Math.max(...refusals) <= REFUSED_MS)

  const late = await withStalledSession(arena, other.url, fleet.token, async () => {
    for (let nth = 0; nth < EVENTS; nth++) {
      await run(url, manager, 'updateVehicle', { id: free, name: `name ${nth}` })
      await sleep(100)
    }
  })
  note('a session of the other instance has stalled')
  console.log(`  events to a subscriber there: ${summary(late)}`)
  promise(`events are at most ${EVENTS_MS} ms late`, late.length === EVENTS && Math.max(...late) <= EVENTS_MS)
}

/** Stops the session with which an instance has last asked for the horizon. @returns how late events were there */
async function withStalledSession(
  { db }: Arena,
  url: string,
  token: string,
  work: () => Promise<void>,
): Promise<readonly number[]> {
  const { socket, send } = await openAcknowledged(url, token)
  const late: number[] = []
  socket.on('message', (text: Buffer) => {
    const { type, payload } = JSON.parse(text.toString()) as {
      readonly type: string
      readonly payload: { readonly data: { readonly vehicleEvents: { readonly recordedAt: string } } }
    }
    if (type === 'next') late.push(Date.now() - Date.parse(payload.data.vehicleEvents.recordedAt))
  })
  send({ id: '1', type: 'subscribe', payload: { query: FOLLOW } })
  await sleep(1_000)
  const pids = await lastToAsk(db)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const continuing = setTimeout(() => pids.forEach((pid) => process.kill(pid, 'SIGCONT')), HELD_MS)
  await work()
  for (const end = performance.now() + HELD_MS; late.length < EVENTS && performance.now() < end;) await sleep(50)
  clearTimeout(continuing)
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  socket.close()
  return late
}

const lastToAsk = async (db: pg.Client): Promise<number[]> =>
  (
    await db.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE '%log_end()%' AND pid <> pg_backend_pid()`)
  ).rows.map(({ pid }) => pid)
