import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../support/api.ts'
import type { Arena } from './arena.ts'
import { sum } from './columns.ts'
import { startCrowd } from './crowd.ts'
import { note, promise, summary, summaryOf } from './figures.ts'
import { fillLog, fleetId, settleTables, vehicleId, VEHICLES_PER_FLEET } from './fill.ts'
import { cpuOfTree } from './processes.ts'
import { watchUsage } from './usage.ts'

type Options = {
  readonly clients: number
  readonly events: number
  readonly hours: number
  readonly fleets: number
}

/** Seconds of a processor that the servers of the database have used, the primary first. */
const cpuOfServers = ({ servers }: Arena) => Promise.all(servers.map(({ pid }) => cpuOfTree(pid)))

const CALM_MS = 20_000

/** All clients come back at once, an hour behind: what that does to who writes meanwhile. */
export async function measureStorm(arena: Arena, { clients, events, hours, fleets: count }: Options): Promise<void> {
  await fillLog(arena, { events, fleets: count, hours, skewed: false })
  await settleTables(arena)
  const { rows } = await arena.db.query<{ place: string }>(
    `SELECT max(position) AS place FROM event WHERE recorded_at < now() - interval '1 hour'`,
  )
  const place = Number(rows[0]?.place)
  const instance = await arena.start()
  const fleets = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = fleetId(index + 1)
      return { id, token: await arena.token(id, 'viewer'), vehicles: [] }
    }),
  )
  note(`${events} events are in the log, ${(events / hours / count).toFixed(0)} of an hour for each fleet`)

  const writer = await startWriter(arena, instance.url)
  await sleep(CALM_MS)
  const before = writer.taken()
  note('all come at once')
  const usage = await watchUsage([instance])
  const used = await cpuOfServers(arena)
  const begun = performance.now()
  const crowd = startCrowd(arena, { instances: [instance], fleets, clients, start: place, within: 0 })
  const since = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`
  await crowd.admitted()
  const admitted = crowd.columns.connections.filter((count) => count > 0).length
  note(`${admitted} of ${clients} have been let in after ${since()}`)
  const arriving = writer.taken()
  await crowd.settled()
  note(`they have caught up, or are not waited for any longer, after ${since()}`)
  const reading = writer.taken()
  const spent = (await cpuOfServers(arena)).map((after, nth) => `${(after - (used[nth] ?? 0)).toFixed(1)} s`)
  await usage.stop()
  console.log(`  of a core PostgreSQL used ${spent.join(', its standby ')}`)
  await writer.stop()
  await crowd.verify()
  console.log(`  writes before: ${summary(before)}`)
  console.log(`  writes while they arrive: ${summary(arriving)}`)
  console.log(`  writes while they catch up: ${summary(reading)}`)
  console.log(`  from recordedAt to a client that was there: ${summaryOf(crowd.columns.live)}`)
  promise(`every write was taken; ${writer.failed()} failed`, writer.failed() === 0)
  const refusals = sum(crowd.columns.refusals)
  promise(`no subscription was refused or ended by the server; ${refusals} were`, refusals === 0)
  await crowd.stop()
}

/** Edits one vehicle after another, each as soon as the last is done. */
async function startWriter(arena: Arena, url: string) {
  const manager = await arena.token(fleetId(1), 'manager')
  const times: number[] = []
  let failures = 0
  let stopped = false
  const write = async () => {
    for (let turn = 0; !stopped; turn++) {
      const begun = performance.now()
      const input = { id: vehicleId(1, 1 + (turn % VEHICLES_PER_FLEET)), name: `name ${turn}` }
      const answer = await run(url, manager, 'updateVehicle', input).catch(() => null)
      if (answer?.__typename !== 'UpdateVehicleSuccess') failures++
      times.push(performance.now() - begun)
    }
  }
  const writing = write()
  return {
    /** What it took since this was last asked. Milliseconds. */
    taken: () => times.splice(0),
    failed: () => failures,
    stop: async () => {
      stopped = true
      await writing
    },
  }
}
