import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from './arena.ts'
import { sum } from './columns.ts'
import type { Columns } from './columns.ts'
import { startCrowd } from './crowd.ts'
import { note, promise, summary, summaryOf } from './figures.ts'
import { startReporting } from './reporting.ts'
import { watchUsage } from './usage.ts'
import { byTurns, endOf, makeFleets } from './world.ts'

type Options = { readonly clients: number; readonly minutes: number; readonly rate: number; readonly fleets: number }

const VEHICLES = { vehicles: 10, lent: 3 }
const BATCH = 5
const ARRIVAL_MS = 20_000
const QUIET_MS = 5_000
const BACK_LIMIT_MS = 10_000
const AFTER_KILL_MS = 30_000

/** Clients that come and go on two instances miss nothing, also where one of the two is killed. */
export async function measureClients(arena: Arena, { clients, minutes, rate, fleets }: Options): Promise<void> {
  const instances = [await arena.start(), await arena.start()] as const
  const world = await makeFleets(arena, instances[0].url, { fleets, ...VEHICLES })
  const start = await endOf(arena)
  const crowd = startCrowd(arena, { instances, fleets: world, clients, start, within: ARRIVAL_MS })
  await crowd.present()
  note(`${clients} clients are subscribed; ${rate} events/s for ${minutes} minutes, each client cut every 15 s or so`)
  const options = {
    urls: instances.map(({ url }) => url),
    token: await arena.token(null, 'gateway'),
    vehicles: byTurns(world),
    rate,
    batch: BATCH,
  }
  const { columns } = crowd
  const usage = await watchUsage(instances)
  const first = startReporting(options)
  columns.cutting[0] = 1
  await sleep(minutes * 60_000)
  note('the end of the first part')
  const recorded = await first.stop()
  columns.cutting[0] = 0
  await usage.stop()
  await crowd.verify()
  promise(`the gateway's ${recorded} events are in the log once`, recorded === (await countBehind(arena, start)))
  tellDelays(columns)

  const second = startReporting(options)
  await crowd.present()
  await sleep(QUIET_MS)
  const victims = [...columns.instance.entries()].flatMap(([client, instance]) => (instance === 1 ? [client] : []))
  const killedAt = Date.now()
  columns.mark[0] = killedAt
  await instances[1].kill()
  note(`instance 2 is killed; ${victims.length} clients were there`)
  const isBack = (client: number) => (columns.backAt[client] ?? 0) > 0
  while (!victims.every(isBack) && Date.now() < killedAt + 6 * BACK_LIMIT_MS) await sleep(20)
  const back = victims.map((client) => (isBack(client) ? (columns.backAt[client] ?? 0) - killedAt : Infinity))
  promise(
    `all were receiving again within ${BACK_LIMIT_MS / 1000} s: ${summary(back)}`,
    back.every((ms) => ms <= BACK_LIMIT_MS),
  )
  columns.cutting[0] = 1
  await sleep(AFTER_KILL_MS)
  columns.cutting[0] = 0
  const all = recorded + (await second.stop())
  note('the end, on one instance')
  await crowd.verify()
  promise(`the gateway's ${all} events are in the log once`, all === (await countBehind(arena, start)))
  await crowd.stop()
}

function tellDelays({ live, missed }: Columns): void {
  console.log(`  from recordedAt to a client that was there: ${summaryOf(live)}`)
  if (sum(missed) > 0) console.log(`  to one that was away then, its absence included: ${summaryOf(missed)}`)
}

async function countBehind({ db }: Arena, position: number): Promise<number> {
  const { rows } = await db.query<{ count: string }>('SELECT count(*) FROM event WHERE position > $1', [position])
  return Number(rows[0]?.count)
}
