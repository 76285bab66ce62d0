import { getOperationAST } from 'graphql'
import type { ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context, Transport } from '../../graphql/base/context.ts'

export const KINDS = ['query', 'mutation', 'subscription'] as const
export const TRANSPORTS = ['http', 'sse', 'websocket'] as const satisfies readonly Transport[]
type Kind = (typeof KINDS)[number]

/** Upper bounds of the buckets of durations; longer ones are in a last bucket without a bound. Milliseconds. */
export const BOUNDS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

/** Numbers and durations of operations. */
export type Tally = {
  ok: number
  failed: number
  totalMs: number
  /** One number for each bound, and one for longer durations. */
  readonly within: number[]
}

/** The counts of an instance since it started: plain numbers, which cost next to nothing to add to. */
export type Counts = {
  readonly operations: Readonly<Record<Transport, Readonly<Record<Kind, Tally>>>>
  /** Top-level errors that went out, by code. */
  readonly errors: Map<string, number>
  /** Expected failures that mutations answered, by code. */
  readonly refusals: Map<string, number>
  /** Events and commands for gateways. */
  readonly delivered: Record<Transport, number>
}

export function createCounts(): Counts {
  const tally = (): Tally => ({
    ok: 0,
    failed: 0,
    totalMs: 0,
    within: Array.from({ length: BOUNDS.length + 1 }, () => 0),
  })
  const ofEach = () => ({ query: tally(), mutation: tally(), subscription: tally() })
  return {
    operations: { http: ofEach(), sse: ofEach(), websocket: ofEach() },
    errors: new Map(),
    refusals: new Map(),
    delivered: { http: 0, sse: 0, websocket: 0 },
  }
}

/** @param started a reading of performance.now() */
export function addTo(tally: Tally, started: number, ok: boolean): void {
  const ms = performance.now() - started
  let nth = 0
  // Most operations are in the first few buckets.
  while (ms > (BOUNDS[nth] ?? Infinity)) nth++
  tally.within[nth] = (tally.within[nth] ?? 0) + 1
  tally.totalMs += ms
  if (ok) tally.ok++
  else tally.failed++
}

/** Counts one more of a code. */
export const count = (map: Map<string, number>, code: string): void => void map.set(code, (map.get(code) ?? 0) + 1)

/** Counts top-level errors. To be called where results leave, on each transport: there errors are as clients see them. */
export function countErrors({ errors }: Counts, result: Pick<ExecutionResult, 'errors'>): void {
  for (const { extensions } of result.errors ?? []) count(errors, String(extensions?.['code']))
}

/** Counts the queries and mutations that go through Yoga: over HTTP those that the fast path left, over WebSocket all. */
export function countingPlugin(counts: Counts): Plugin<Context> {
  return {
    onExecute({ args: { contextValue, document, operationName } }) {
      const started = performance.now()
      const { transport } = contextValue
      const kind = getOperationAST(document, operationName)?.operation ?? 'query'
      return {
        // Without data it was not executed.
        onExecuteDone: ({ result }) =>
          void ('data' in result && addTo(counts.operations[transport][kind], started, !('errors' in result))),
      }
    },
    onResultProcess({ result }) {
      if (!Array.isArray(result) && !(Symbol.asyncIterator in result)) countErrors(counts, result)
    },
  }
}
