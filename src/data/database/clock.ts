import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../../domain/period.ts'
import { UnavailableError } from './unavailable.ts'

/**
 * The database's clock as this process knows it: a monotonic clock, and how far the database's is ahead of that. Reads compare
 * times with it; what grants or refuses control asks the database itself.
 */
export type Clock = {
  /** Never before an instant that was observed, unless that one was a glitch. */
  readonly now: () => Instant
  /** An instant that the database has reached; one that is far ahead of this clock is not believed. */
  readonly observe: (at: Instant) => void
  /**
   * Makes sure that the database's clock is where this one expects it, and if given an instant of a decision, that one, too.
   * @throws ClockError while it has stepped; soon it is back, or believed
   */
  readonly check: (at?: Instant) => void
  readonly stop: () => void
}

/** The database's clock has stepped, or is behind what has happened by it: nothing is decided by it meanwhile. */
export class ClockError extends UnavailableError {}

/** The database's clock is asked this often, and more often while it does not agree. */
const MEASURE_EVERY_MS = 1_000
const MEASURE_AGAIN_MS = 200
/** The first answers are slow: a connection is made for them, and a plan. */
const FIRST_SAMPLES = 5
/** Samples of which the tightest counts; over so many seconds two clocks do not drift by a millisecond. */
const WINDOW = 8
/** A round trip that is no longer than this says where in it the answer was given. */
const TIGHT_MS = 20
/** Steps up to this are followed at once. */
const STEP_MS = 1_000
/** A longer step is a glitch unless it lasts for this long, or this machine's clock says the same. */
const BELIEVED_AFTER_MS = 3_000
/** An instant further from this clock is no instant of an ordinary decision. */
const FAR_MS = 5_000

/** The offset of the database's clock lies in this interval, which is as long as the round trip. */
type Sample = { readonly low: number; readonly high: number }

const middle = ({ low, high }: Sample): number => (low + high) / 2
const tightest = (samples: readonly Sample[]): Sample =>
  samples.reduce((best, sample) => (sample.high - sample.low < best.high - best.low ? sample : best))

/** Whether an offset is in the interval, or so close to it. */
const agrees = (offset: number, { low, high }: Sample, within: number): boolean =>
  offset >= low - within && offset <= high + within

/**
 * The clock of a database elsewhere.
 * @param ask reads it: milliseconds since 1970, with fractions
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
      // What was measured before a small step, or a long drift, says nothing of the time after it.
      samples = agrees(offset, sample, 1) ? [...samples.slice(1 - WINDOW), sample] : [sample]
      const best = tightest(samples)
      // Under load an answer takes long, and says no more than what cannot be.
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
        // While the database is away the last measurement holds.
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

/** The clock of a database inside of this process: both read the same one. */
export const ownClock = (): Clock =>
  clockOf(
    () => Date.now(),
    () => 0,
    () => {},
  )

/** @param stepOf by how much the database's clock is off, as far as that is known. Milliseconds */
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
