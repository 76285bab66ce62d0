import { loadavg } from 'node:os'

/** Millisecond classes of a histogram; the last one takes all that is longer. */
export const CLASSES = 60_001

export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? NaN

export const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  )

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** @param values in milliseconds */
export function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(sorted, share).toFixed(1))
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${sorted.length})`
}

/** The same of a histogram's classes. */
export function summaryOf(histogram: Uint32Array): string {
  const total = histogram.reduce((sum, count) => sum + count, 0)
  const at = (share: number) => {
    let below = 0
    return histogram.findIndex((count) => (below += count) >= Math.max(total * share, 1))
  }
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${total})`
}

const broken: string[] = []

/** Says whether a promise was kept. @returns whether it was */
export function promise(text: string, kept: boolean): boolean {
  console.log(`${kept ? 'kept  ' : 'BROKEN'} ${text}`)
  if (!kept) broken.push(text)
  return kept
}

export const brokenPromises = (): readonly string[] => broken

const started = performance.now()

/** A line with the time since the start, in seconds, and with what else the machine has to do. */
export const note = (text: string): void => {
  const load = loadavg()[0]?.toFixed(1)
  console.log(`[${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s, load ${load}] ${text}`)
}
