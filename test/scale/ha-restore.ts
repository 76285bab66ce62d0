import { setTimeout as sleep } from 'node:timers/promises'
import { post } from '../support/api.ts'
import { HISTORY } from '../support/sockets.ts'
import { note, promise, seconds } from './figures.ts'
import type { HaCluster } from './ha.ts'
import { startFollower, startWriters } from './ha-traffic.ts'
import type { HaFollower, Met, Writers } from './ha-traffic.ts'
import { makeHaWorld, readHaLog } from './ha-world.ts'
import type { HaLog, HaWorld } from './ha-world.ts'

const PHASE_MS = 15_000
const LOOK_MS = 100
const LIMIT_MS = 60_000

/** When what was acknowledged has to be there after the restore. By performance.now(). */
type Times = {
  /** What was acknowledged by then is kept, and what was sent after it is lost. */
  readonly target: number
  /** No node has taken anything from here to the restored state. */
  readonly halted: number
}

/**
 * A point in time, to which the database is restored while the instances run and clients go on: exactly what was acknowledged by then is
 * there, and cursors of lost events are refused.
 */
export async function measureRestore(
  cluster: HaCluster,
  { rate, vehicles }: { readonly rate: number; readonly vehicles: number },
): Promise<void> {
  const { urls } = cluster
  const world = await makeHaWorld(cluster, vehicles)
  const met: Met = new Map()
  const writers = startWriters({ ...world, urls, rate, met })
  const follower = startFollower(urls, world.viewer, world.start, met, 0)
  note('a backup is made, which restarts the database once')
  const began = performance.now()
  await cluster.run('archive')
  note(`archiving, and a backup: ${seconds(performance.now() - began)}`)
  await sleep(PHASE_MS)
  const target = performance.now()
  await sleep(PHASE_MS)
  note('the database is halted, and restored')
  await cluster.run('halt')
  const halted = performance.now()
  follower.stop()
  await cluster.run('restore', instant(target))
  note(`halted and restored, with its standby: ${seconds(performance.now() - halted)} after the halt`)
  await sleep(PHASE_MS)
  const pause = writers.longestPause(halted - LIMIT_MS)
  await writers.stop()
  note(`writes paused for ${seconds(pause)}`)
  const log = await readHaLog(cluster, world)
  checkAcknowledged(writers, { target, halted }, log)
  await checkCursors(cluster, { world, follower, met, log })
  for (const [code, times] of met) console.log(`  clients met ${times} x ${code}`)
}

/** As pgBackRest takes it, from performance.now(). */
const instant = (at: number) =>
  new Date(performance.timeOrigin + at).toISOString().replace('T', ' ').replace('Z', '+00')

function checkAcknowledged({ acknowledged }: Writers, { target, halted }: Times, { found }: HaLog): void {
  const all = [...acknowledged]
  const kept = all.filter(([, { at }]) => at <= target)
  const lost = all.filter(([, { sentAt, at }]) => sentAt > target && at <= halted)
  const later = all.filter(([, { at }]) => at > halted)
  const missing = (part: typeof all) => part.filter(([id, { events }]) => (found.get(id) ?? 0) !== events).length
  promise(`of ${kept.length} mutations before the time ${missing(kept)} are missing`, missing(kept) === 0)
  const left = lost.filter(([id]) => found.has(id)).length
  promise(`of ${lost.length} mutations that were sent after it ${left} are there`, lost.length > 0 && left === 0)
  const is = later.length > 0 && missing(later) === 0
  promise(`of ${later.length} mutations after the restore ${missing(later)} are missing`, is)
}

type Followed = {
  readonly world: HaWorld
  readonly follower: HaFollower
  readonly met: Met
  readonly log: HaLog
}

async function checkCursors({ urls }: HaCluster, { world, follower, met, log }: Followed): Promise<void> {
  const known = new Map(log.places.map((place, index) => [place, index]))
  const places = follower.cursors.map(log.placeOf)
  const kept = places.filter((place) => known.has(place)).length
  const isPrefix = places.slice(0, kept).every((place, index) => known.get(place) === index)
  promise(`a subscriber's first ${kept} of ${places.length} events are those that were kept`, isPrefix && kept > 0)
  const lost = follower.cursors.slice(kept)
  const codes: string[] = []
  for (const [nth, cursor] of lost.entries()) {
    const { errors } = await post(urls[nth % urls.length] ?? '', world.viewer, HISTORY, { first: 1, after: cursor })
    codes.push(errors?.[0]?.extensions.code ?? 'an answer')
  }
  const refused = codes.filter((code) => code === 'CURSOR_EXPIRED').length
  promise(
    `each of ${lost.length} cursors of lost events is refused (${refused})`,
    refused === lost.length && refused > 0,
  )
  const later = startFollower(urls, world.viewer, follower.cursors[kept - 1] ?? null, met, 1)
  const due = log.places.slice(kept)
  for (const end = performance.now() + LIMIT_MS; performance.now() < end && later.cursors.length < due.length;)
    await sleep(LOOK_MS)
  later.stop()
  const got = later.cursors.map(log.placeOf)
  const isExact = got.length === due.length && got.every((place, index) => place === due[index])
  promise(`from the last one that was kept come exactly the ${due.length} events of since (${got.length})`, isExact)
}
