import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokenPromises, note, promise, seconds } from './figures.ts'
import { FAULTS } from './ha-faults.ts'
import { measureRestore } from './ha-restore.ts'
import { startHaCluster } from './ha.ts'
import type { HaCluster } from './ha.ts'
import { startFollower, startWriters } from './ha-traffic.ts'
import type { HaFollower, Met, Writers } from './ha-traffic.ts'
import { makeHaWorld, readHaLog } from './ha-world.ts'
import type { HaWorld } from './ha-world.ts'

type Options = {
  readonly rate: number
  readonly vehicles: number
  readonly databases: number
  readonly namespaces: number
  /** The number of the only fault, from 1 on; 0 for all. */
  readonly fault: number
  /** Whether there are only a few faults, which last for seconds. */
  readonly short: number
  /** Instead of the faults: whether the database is set back to a point in time. */
  readonly restore: number
}

type Setting = Omit<Options, 'namespaces' | 'restore'> & { readonly namespaces: boolean }

/** A fault and its end. Milliseconds. */
const LONGEST_PAUSE_MS = 30_000
const WHOLE_MS = 180_000
const CALM_MS = 5_000
const FOLLOWERS = 4

/** The cluster of deploy/ha under one fault after another: nothing acknowledged is lost, no event skipped or doubled. */
export async function measureCluster({
  databases,
  namespaces,
  restore,
  fault,
  short,
  ...traffic
}: Options): Promise<void> {
  if (restore > 0 && spawnSync('pgbackrest', ['version']).status !== 0) {
    console.log('SKIPPED: pgbackrest is not installed (Debian: pgbackrest)')
    return
  }
  const parent = await mkdtemp(join(tmpdir(), 'fleetshare-ha-'))
  // As root PostgreSQL runs as a user of its own, who has to get in.
  await chmod(parent, 0o755)
  note('the cluster is brought up')
  const closers: (() => Promise<void>)[] = [
    async () => {
      if (brokenPromises().length === 0) await rm(parent, { recursive: true, force: true })
      else console.log(`  the logs and the data of the cluster are left in ${parent}`)
    },
  ]
  try {
    const cluster = await startHaCluster(join(parent, 'cluster'), databases, namespaces > 0)
    closers.push(cluster.down)
    if (restore > 0) await measureRestore(cluster, traffic)
    else await measureFaults(cluster, { ...traffic, databases, fault, short, namespaces: namespaces > 0 })
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

async function measureFaults(
  cluster: HaCluster,
  { rate, vehicles: count, databases, namespaces, fault, short }: Setting,
): Promise<void> {
  const { urls } = cluster
  const world = await makeHaWorld(cluster, count)
  const met: Met = new Map()
  const writers = startWriters({ ...world, urls, rate, met })
  const followers = Array.from({ length: FOLLOWERS }, (_, nth) =>
    startFollower(urls, world.viewer, world.start, met, nth),
  )
  await sleep(CALM_MS)
  note('the faults begin')
  const chosen = FAULTS.filter(
    ({ needsNamespaces = false, isShort = false }, nth) =>
      (namespaces || !needsNamespaces) && (fault === 0 || fault === nth + 1) && (short === 0 || isShort),
  )
  for (const { name, act, awaySeconds = 0 } of chosen) {
    const since = performance.now()
    await act(cluster)
    const wholeAt = await untilWhole(cluster, writers, databases)
    await sleep(CALM_MS)
    const pause = writers.longestPause(since)
    note(`${name}: writes paused for ${seconds(pause)}, whole again ${seconds(wholeAt - since)} after the fault began`)
    // With two nodes there is no second standby: without the one nothing is acknowledged.
    const awayMs = databases === 2 ? awaySeconds * 1000 : 0
    const what = awayMs > 0 ? `within 30 s of the ${awaySeconds} s without a standby` : 'within 30 s'
    promise(`${name}: writes go on ${what}`, pause < LONGEST_PAUSE_MS + awayMs)
    promise(`${name}: all nodes are back without a hand`, wholeAt - since < WHOLE_MS)
  }
  await writers.stop()
  await check(cluster, { world, followers, acknowledged: writers.acknowledged })
  for (const [code, times] of met) console.log(`  clients met ${times} x ${code}`)
  promise(
    'clients met nothing but SERVICE_UNAVAILABLE',
    [...met.keys()].every((code) => code === 'SERVICE_UNAVAILABLE'),
  )
  let rewinds = 0
  for (let node = 1; node <= databases; node++)
    rewinds += (await cluster.logOf(`patroni${node}`)).match(/pg_rewind exit code=0/g)?.length ?? 0
  console.log(`  pg_rewind ran ${rewinds} times`)
}

/** Looks in a row, a second apart, that find a primary with its standby, and writes going on. */
const LOOKS = 4

/** @returns since when all was whole, or when it was not waited for any longer */
async function untilWhole({ roles }: HaCluster, { longestPause }: Writers, databases: number): Promise<number> {
  let wholeAt = performance.now()
  let good = 0
  for (const end = wholeAt + WHOLE_MS; good < LOOKS && performance.now() < end; await sleep(1_000)) {
    const now = performance.now()
    const { primary, standby, alive } = await roles()
    const isWhole = primary !== null && standby !== null && alive === databases && longestPause(now - 1_000) < 1_000
    good = isWhole ? good + 1 : 0
    if (good <= 1) wholeAt = now
  }
  return wholeAt
}

type Checked = {
  readonly world: HaWorld
  readonly followers: readonly HaFollower[]
  readonly acknowledged: Writers['acknowledged']
}

const CAUGHT_UP_MS = 60_000

async function check(cluster: HaCluster, { world, followers, acknowledged }: Checked): Promise<void> {
  const { places: due, placeOf, found } = await readHaLog(cluster, world)
  const wrong = [...acknowledged].filter(([id, { events }]) => found.get(id) !== events)
  promise(
    `${acknowledged.size} mutations were acknowledged, ${wrong.length} are missing or doubled`,
    wrong.length === 0,
  )
  if (wrong.length > 0) {
    const times = wrong.map(([, { at }]) => at)
    console.log(`  they were acknowledged between ${seconds(Math.min(...times))} and ${seconds(Math.max(...times))}`)
  }
  for (const [nth, follower] of followers.entries()) {
    for (const end = performance.now() + CAUGHT_UP_MS; performance.now() < end && follower.cursors.length < due.length;)
      await sleep(100)
    follower.stop()
    const got = follower.cursors.map(placeOf)
    const isExact = got.length === due.length && got.every((place, index) => place === due[index])
    promise(`follower ${nth + 1} got exactly the ${due.length} events, in order (${got.length})`, isExact)
  }
}
