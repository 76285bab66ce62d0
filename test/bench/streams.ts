import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../src/simulator/random.ts'
import { openConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import { FLEETS } from './data.ts'
import { eventIn, follow } from './follower.ts'
import type { Follower } from './follower.ts'
import { measured, snapshot } from './load.ts'
import type { LoadOrder, Measured, Target } from './load.ts'
import { memoryOf, quantile } from './measure.ts'
import { reports } from './workloads.ts'
import type { Caller } from './workloads.ts'

const callerOf = ({ world, tokens, cell, seed }: LoadOrder): Caller => ({
  world,
  tokens,
  cell,
  random: seeded(seed),
  place: 0,
  callers: 1,
  stride: 1,
  turn: 0,
})

/** Sends the next batch of so many reports of vehicles whose numbers are `stride` apart. */
async function report(connection: Connection, caller: Caller, size: number, stride: number): Promise<void> {
  const { token, body, expects } = reports(caller, size, stride)
  caller.turn++
  const answer = await connection.post(token, body)
  if (!answer.includes(expects)) throw new Error(answer.toString().slice(0, 500))
}

/** A subscription is not acknowledged: events are sent until each follower has got one, and all of them have come. */
async function untilAllFollow(heard: readonly number[], probe: () => Promise<void>): Promise<void> {
  do {
    await probe()
    await sleep(100)
  } while (heard.includes(0))
  await sleep(500)
}

const PER_SECOND = 200
const FOLLOWERS = 100

/** An event on its way: when it was asked for and answered, and when each follower had it. performance.now() */
type Sent = { readonly at: number; answered: number; readonly arrivals: number[] }

/** An open loop of single reports at a fixed rate: how long after its answer each follower has the event. */
export async function measureDelivery(order: LoadOrder): Promise<Measured> {
  const { target, tokens, seconds, warmup } = order
  const heard = Array.from({ length: FOLLOWERS }, () => 0)
  const sent = new Map<string, Sent>()
  const followers = await Promise.all(
    heard.map((_, place) =>
      follow(target.port, tokens.fleets[place % FLEETS] ?? '', (data) => {
        const now = performance.now()
        heard[place]!++
        const { vehicleId, occurredAt } = eventIn(data)
        sent.get(vehicleId + occurredAt)?.arrivals.push(now)
      }),
    ),
  )
  const caller = callerOf(order)
  const connections = await Promise.all(Array.from({ length: 8 }, () => openConnection(target.port)))
  const [first] = connections as [Connection]
  await untilAllFollow(heard, () => report(first, caller, FLEETS, 1))

  const total = () => heard.reduce((sum, count) => sum + count, 0)
  let deliveries = 0
  const idle = [...connections]
  const running: Promise<void>[] = []
  const start = performance.now()
  const counted = start + warmup * 1000
  let before = await snapshot(target)
  for (let turn = 0; turn < (warmup + seconds) * PER_SECOND; turn++) {
    const due = start + (turn * 1000) / PER_SECOND
    if (due > performance.now()) await sleep(due - performance.now())
    const connection = idle.pop()
    // Whoever cannot keep up is shown at a lower rate.
    if (connection === undefined) continue
    if (before.at < counted && due >= counted) {
      before = await snapshot(target)
      deliveries = total()
      sent.clear()
    }
    running.push(single(connection, caller, sent).finally(() => idle.push(connection)))
  }
  await Promise.all(running)
  const after = await snapshot(target)
  deliveries = total() - deliveries
  // The last ones are on their way.
  await sleep(500)
  followers.forEach(({ close }) => close())
  connections.forEach(({ close }) => close())
  const all = [...sent.values()]
  const waits = all.flatMap(({ answered, arrivals }) => arrivals.map((at) => Math.max(0, at - answered)))
  const whole = all.flatMap(({ at, arrivals }) => arrivals.map((arrival) => arrival - at))
  return {
    ...(await measured(target, before, after, deliveries, waits)),
    extra: {
      'events/s': all.length / seconds,
      'from request p50 ms': quantile(whole, 0.5),
      'from request p99 ms': quantile(whole, 0.99),
    },
  }
}

async function single(connection: Connection, caller: Caller, sent: Map<string, Sent>): Promise<void> {
  const { token, body, expects, names } = reports(caller, 1, 1)
  caller.turn++
  const entry = { at: performance.now(), answered: Infinity, arrivals: [] }
  for (const name of names) sent.set(name, entry)
  const answer = await connection.post(token, body)
  entry.answered = performance.now()
  if (!answer.includes(expects)) throw new Error(answer.toString().slice(0, 500))
}

const CROWD = 500
const BATCH = 20

/** A closed loop of batches: the next is sent when everybody has all events of the last one. */
export async function measureFanOut(order: LoadOrder): Promise<Measured> {
  const { target, tokens, seconds, warmup } = order
  const heard = Array.from({ length: CROWD }, () => 0)
  let missing = 0
  let arrived = () => {}
  const followers = await Promise.all(
    heard.map((_, place) =>
      follow(target.port, tokens.fleets[0] ?? '', () => {
        heard[place]!++
        if (--missing === 0) arrived()
      }),
    ),
  )
  const connection = await openConnection(target.port)
  const caller = callerOf(order)
  await untilAllFollow(heard, () => report(connection, caller, 1, FLEETS))
  const latencies: number[] = []
  const end = performance.now() + (warmup + seconds) * 1000
  let before = await snapshot(target)
  for (let isWarm = false; performance.now() < end;) {
    if (!isWarm && performance.now() > end - seconds * 1000) {
      isWarm = true
      latencies.length = 0
      before = await snapshot(target)
    }
    const start = performance.now()
    missing = CROWD * BATCH
    const all = new Promise<void>((resolve) => (arrived = resolve))
    await Promise.all([report(connection, caller, BATCH, FLEETS), all])
    latencies.push(performance.now() - start)
  }
  const after = await snapshot(target)
  followers.forEach(({ close }) => close())
  connection.close()
  return measured(target, before, after, latencies.length * CROWD * BATCH, latencies)
}

const IDLE = 1_000

/** What a subscription costs on which nothing happens: memory, after a while. */
export async function measureIdle({ target, tokens }: LoadOrder): Promise<Measured> {
  const open = async (count: number) => {
    const followers: Follower[] = []
    for (let place = 0; place < count; place++) {
      followers.push(await follow(target.port, tokens.fleets[place % FLEETS] ?? '', () => {}))
    }
    return () => followers.forEach(({ close }) => close())
  }
  // What the first ones cost is the code.
  const closeFirst = await open(IDLE / 10)
  closeFirst()
  const memory = await settledMemory(target)
  const before = await snapshot(target)
  const closeAll = await open(IDLE)
  const after = await snapshot(target)
  const grown = (await settledMemory(target)) - memory
  const result = await measured(target, before, after, IDLE, [])
  closeAll()
  return { ...result, extra: { 'kB/subscription': grown / IDLE / 1024 } }
}

async function settledMemory({ pid }: Target): Promise<number> {
  await sleep(2_000)
  return memoryOf(pid)
}
