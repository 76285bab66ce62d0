import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../../domain/period.ts'
import { UnavailableError } from './unavailable.ts'

/**
 * The database's clock as this process estimates it: a monotonic clock plus an offset. Reads compare instants with it; a decision
 * takes its instant from the database itself.
 */
export type Clock = {
  /** Milliseconds since 1970. Not before any observed instant, unless that one was a glitch. */
  readonly now: () => Instant
  /** Takes note of an instant that the database has reached; ignores one that is far ahead of this clock. */
  readonly observe: (at: Instant) => void
  /**
   * Compares the database's clock, and the instant of a decision if given, with this clock.
   * @throws ClockError from a step of the database's clock until it is back or the step is accepted
   */
  readonly check: (at?: Instant) => void
  readonly stop: () => void
}

/** The database's clock has stepped, or is behind a recorded instant. No decision is taken meanwhile. */
export class ClockError extends UnavailableError {}

/** The interval of measurements, and the shorter one while the clocks do not agree. Milliseconds. */
const MEASURE_EVERY_MS = 1_000
const MEASURE_AGAIN_MS = 200
/** Measurements at the start, of which the first are slow: they open a connection and plan the statement. */
const FIRST_SAMPLES = 5
/** The number of samples of which the tightest counts. Two clocks do not drift by a millisecond in that time. */
const WINDOW = 8
/** The longest round trip, in milliseconds, that measures the offset well. */
const TIGHT_MS = 20
/** Steps up to this are accepted at once. Milliseconds. */
const STEP_MS = 1_000
/** A longer step is accepted after this time, or at once if this machine's clock agrees. Milliseconds. */
const BELIEVED_AFTER_MS = 3_000
/** The largest distance from this clock of an ordinary decision's instant. Milliseconds. */
const FAR_MS = 5_000

/** The interval that holds the offset of the database's clock; as long as the round trip. */
type Sample = { readonly low: number; readonly high: number }

const middle = ({ low, high }: Sample): number => (low + high) / 2
const tightest = (samples: readonly Sample[]): Sample =>
  samples.reduce((best, sample) => (sample.high - sample.low < best.high - best.low ? sample : best))

/** Whether an offset is in the interval, or within a distance of it. */
const agrees = (offset: number, { low, high }: Sample, within: number): boolean =>
  offset >= low - within && offset <= high + within

/**
 * The clock of a database on a server.
 * @param ask reads the database's clock: milliseconds since 1970, with fractions
 */
export async function startClock(ask: () => Promise<number>): Promise<Clock> {
  let samples: Sample[] = []
  for (let nth = 0; nth < FIRST_SAMPLES; nth++) samples.push(await sampleOf(ask))
  let offset = middle(tightest(samples))
  let stepped: { readonly offset: number; readonly since: number } | null = null
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function take(sample: Sample): void {
    const now = performance.now()
    if (agrees(offset, sample, STEP_MS)) {
      stepped = null
      // Measurements from before a small step, or a long drift, do not hold after it.
      samples = agrees(offset, sample, 1) ? [...samples.slice(1 - WINDOW), sample] : [sample]
      const best = tightest(samples)
      // Under load round trips are long, and their measurements only bound the offset.
      offset = best.high - best.low <= TIGHT_MS ? middle(best) : Math.min(Math.max(offset, sample.low), sample.high)
      return
    }
    if (!stepped || !agrees(stepped.offset, sample, STEP_MS)) stepped = { offset: middle(sample), since: now }
    const isWitnessed = agrees(Date.now() - now, sample, STEP_MS)
    if (!isWitnessed && now - stepped.since < BELIEVED_AFTER_MS) return
    samples = [sample]
    offset = middle(sample)
    stepped = null
  }

  function measureLater(): void {
    if (stopped) return
    timer = setTimeout(
      () => {
        // The last measurement holds while the database is away.
        sampleOf(ask)
          .then(take, () => {})
          .finally(measureLater)
      },
      stepped ? MEASURE_AGAIN_MS : MEASURE_EVERY_MS,
    ).unref()
  }
  measureLater()

  return clockOf(
    () => performance.now() + offset,
    () => (stepped ? stepped.offset - offset : 0),
    () => {
      stopped = true
      clearTimeout(timer)
    },
  )
}

/** The clock of a database inside this process: both read the same one. */
export const ownClock = (): Clock =>
  clockOf(
    () => Date.now(),
    () => 0,
    () => {},
  )

/** @param stepOf the known step of the database's clock, in milliseconds */
function clockOf(present: () => number, stepOf: () => number, stop: () => void): Clock {
  let latest: Instant = -Infinity
  const isNear = (at: Instant, now: number) => Math.abs(at - now) <= FAR_MS
  return {
    now: () => {
      const now = present()
      return latest > now && isNear(latest, now) ? latest : Math.floor(now)
    },
    observe: (at) => {
      const now = present()
      if (isNear(at, now) && (at > latest || !isNear(latest, now))) latest = at
    },
    check: (at) => {
      const step = stepOf()
      const now = present()
      if (step === 0 && (at === undefined || isNear(at, now))) return
      const by = Math.round(step === 0 && at !== undefined ? at - now : step)
      throw new ClockError(
        `the database's clock has stepped by ${by} ms; nothing is decided until it is back, or has stayed`,
      )
    },
    stop,
  }
}

async function sampleOf(ask: () => Promise<number>): Promise<Sample> {
  const sent = performance.now()
  const said = await ask()
  const received = performance.now()
  if (!Number.isFinite(said)) throw new Error("the database's clock says no instant")
  return { low: said - received, high: said - sent }
}

/** Resolves no sooner than `time`, a reading of performance.now(): timers may fire a fraction of a millisecond early. */
export async function until(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) await sleep(Math.ceil(left))
}
