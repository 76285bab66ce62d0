import { setTimeout as sleep } from 'node:timers/promises'
import { createCursors } from '../../src/data/log/cursor.ts'
import { inArena } from './arena.ts'
import type { Arena } from './arena.ts'
import { CLASSES, median, note, promise, summaryOf } from './figures.ts'
import { connectionBetween, readServerSentEvents, readWebSocket } from './readers.ts'
import type { Reader, ReaderOptions } from './readers.ts'
import { startReporting } from './reporting.ts'
import { endOf, makeFleets, positionsOf } from './world.ts'

const WARM_UP_SECONDS = 15
/** So many events are read before a subscriber stalls. */
const READ_FIRST = 100
const BATCH = 100
/** What stalled subscribers ask for is five times as long, so that it would show if it were kept for them. */
const COPIES = 5
/** How much more memory they may cost, the noise of the collector included; what waits for one of them is 190 MB. */
const ALLOWED_MB = 80
const CATCH_UP_MS = 60_000
/** A measurement that lasts this long sees the server give up its stalled readers. Seconds. */
const GIVEN_UP_AFTER = 45

type Options = { readonly rate: number; readonly seconds: number }

/** Memory of a server of which some subscribers stall, beside the same without them. */
export async function measureStalled(options: Options): Promise<void> {
  const run = async (stalling: boolean) => {
    let samples: number[] = []
    await inArena(async (arena) => void (samples = await sample(arena, options, stalling)))
    return samples
  }
  const [without, during] = [await run(false), await run(true)]
  console.log('\nRSS of the server, MB: min / median / max per 10 s')
  for (let second = 0; second < options.seconds; second += 10) {
    const shown = [without, during].map((all) => {
      const part = all.slice(second, second + 10)
      return [Math.min(...part), median(part), Math.max(...part)].map((mb) => mb.toFixed(0)).join(' / ')
    })
    console.log(`  ${String(second).padStart(3)} s: without ${shown[0]}; with stalled subscribers ${shown[1]}`)
  }
  // In the second half: until then the heap of either grows to what the load needs.
  const [base, settled] = [without, during].map((all) => all.slice(all.length / 2)) as [number[], number[]]
  const more = median(settled) - median(base)
  const growth = Math.max(...settled) - Math.min(...settled)
  promise(
    `stalled subscribers cost little memory that does not grow: ${more.toFixed(0)} MB, and ${growth.toFixed(0)} from then on`,
    more < ALLOWED_MB && growth < ALLOWED_MB,
  )
}

async function sample(arena: Arena, { rate, seconds }: Options, stalling: boolean): Promise<number[]> {
  const { url, rss } = await arena.start()
  const [fleet] = await makeFleets(arena, url, { fleets: 1, vehicles: 100, lent: 0 })
  if (!fleet) throw new Error('there is no fleet')
  const { cursorKey } = arena
  const start = await endOf(arena)
  const from = (position: number) => {
    const after = createCursors(cursorKey).seal(position)
    return { url, token: fleet.token, after, cursorKey }
  }
  const delays = new Uint32Array(CLASSES)
  const onEvent = (recordedAt: number) => {
    const delay = Math.min(Math.max(Date.now() - recordedAt, 0), CLASSES - 1)
    delays[delay] = (delays[delay] ?? 0) + 1
  }
  const healthy = await readWebSocket({ ...from(start), onEvent })
  const gateway = await arena.token(null, 'gateway')
  const reporting = startReporting({ urls: [url], token: gateway, vehicles: fleet.vehicles, rate, batch: BATCH })
  note(`${stalling ? 'with' : 'without'} stalled subscribers: warming up at ${rate} events/s`)
  await sleep(WARM_UP_SECONDS * 1000)

  const stalled: Stalled[] = []
  const middle = await endOf(arena)
  const late = { ...from(middle), copies: COPIES }
  if (stalling) {
    stalled.push({ name: 'WebSocket', reader: await readWebSocket(late) })
    stalled.push({ name: 'server-sent events', reader: await readServerSentEvents(late) })
    for (const { reader } of stalled) {
      while (reader.positions.length < READ_FIRST) await sleep(1)
      reader.stall()
    }
  }
  const samples: number[] = []
  const begun = performance.now()
  for (let second = 0; second < seconds; second++) {
    samples.push(await rss())
    await watch(url, stalled, begun, second)
    await sleep(Math.max(begun + (second + 1) * 1000 - performance.now(), 0))
  }
  const recorded = await reporting.stop()
  const expected = await positionsOf(arena, fleet.id, start)
  note(`${recorded} events, ${(recorded / (WARM_UP_SECONDS + seconds)).toFixed(0)}/s`)
  promise('every report is in the log once', recorded === expected.length)
  await received(healthy, expected.length)
  promise('the healthy subscriber received everything, in order', equal(healthy.positions, expected))
  console.log(`  from recordedAt to the healthy subscriber: ${summaryOf(delays)}`)
  healthy.close()
  for (const each of stalled) {
    await resume(
      each,
      from(middle),
      expected.filter((position) => position > middle),
      seconds,
    )
  }
  return samples
}

type Stalled = { readonly name: string; readonly reader: Reader; closedAfter?: number }

/** Looks every second whether the server has given them up, and what lies in the kernel for them. */
async function watch(url: string, stalled: readonly Stalled[], begun: number, second: number): Promise<void> {
  for (const each of stalled) {
    const { open, queued } = await connectionBetween(url, each.reader.port)
    if (!open) each.closedAfter ??= Math.round((performance.now() - begun) / 1000)
    if (second % 10 === 9) note(`${each.name}: ${open ? 'open' : 'closed'}, ${queued >> 10} kB in the kernel`)
  }
}

/** It reads again: first what was on its way, to the end if it is over; then the rest, over a new connection. */
async function resume(
  { name, reader, closedAfter }: Stalled,
  options: ReaderOptions,
  expected: readonly number[],
  seconds: number,
): Promise<void> {
  const before = reader.positions.length
  reader.resume()
  const end = await Promise.race([reader.ended, received(reader, expected.length).then(() => null)])
  const given = closedAfter === undefined ? 'was kept open' : `was closed by the server after ${closedAfter} s`
  console.log(`  ${name}: ${given}; once it reads again ${reader.positions.length - before} events`)
  if (seconds >= GIVEN_UP_AFTER) promise(`${name}: a reader that stalls is given up`, end !== null)
  console.log(end === null ? '    to the last one, on the same connection' : `    and then ${end}`)
  const again = await readWebSocket({ ...options, after: reader.place() })
  const missing = expected.length - reader.positions.length
  await received(again, missing)
  promise(
    `${name}: with its cursor it received the ${missing} others, none lost and none twice`,
    equal([...reader.positions, ...again.positions], expected),
  )
  reader.close()
  again.close()
}

async function received({ positions }: Reader, count: number): Promise<void> {
  const end = performance.now() + CATCH_UP_MS
  while (positions.length < count && performance.now() < end) await sleep(10)
}

const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index])
