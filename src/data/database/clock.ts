import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../../domain/period.ts'
import type { PrismaClient } from '../../generated/prisma/client.ts'

/**
 * The database's clock as this process knows it. Reads compare times with it; what grants or refuses control asks the
 * database itself.
 */
export type Clock = {
  /** Never before an instant that was observed. */
  readonly now: () => Instant
  /** An instant that the database has reached. */
  readonly observe: (at: Instant) => void
  readonly stop: () => void
}

/** A process whose clock differs from the database's measures again this often, so that drift stays far below 1 ms. */
const MEASURE_EVERY_MS = 30_000
const SAMPLES = 5

export async function startClock(prisma: PrismaClient): Promise<Clock> {
  let offset = await measureOffset(prisma)
  let latest: Instant = 0
  // While the database is away the last measurement holds.
  const remeasure = () =>
    void measureOffset(prisma).then(
      (measured) => (offset = measured),
      () => {},
    )
  const timer = setInterval(remeasure, MEASURE_EVERY_MS).unref()
  return {
    now: () => Math.max(Math.floor(Date.now() + offset), latest),
    observe: (at) => {
      latest = Math.max(latest, at)
    },
    stop: () => clearInterval(timer),
  }
}

/**
 * How far the database's clock is ahead of this process's, in milliseconds. Each answer says that the offset lies in an
 * interval as long as the round trip; the tightest counts. Where that allows for none at all there is none: two processes
 * on one machine, or two well-kept clocks, agree to the millisecond.
 */
async function measureOffset(prisma: PrismaClient): Promise<number> {
  let [low, high] = [-Infinity, Infinity]
  for (let sample = 0; sample < SAMPLES; sample++) {
    const sent = Date.now()
    const [row] = await prisma.$queryRaw<
      [{ now: number }]
    >`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`
    const received = Date.now()
    // Date.now() is up to 1 ms behind the time that it stands for.
    if (received + 1 - sent < high - low) [low, high] = [row.now - received - 1, row.now - sent]
  }
  return low <= 0 && high >= 0 ? 0 : (low + high) / 2
}

/** Resolves no sooner than `time`, a reading of performance.now(): timers may fire a fraction of a millisecond early. */
export async function until(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) await sleep(Math.ceil(left))
}
