import { applyLoad } from './load.ts'
import type { LoadOrder, Measured } from './load.ts'
import { measureResume } from './resume.ts'
import { measureDelivery, measureFanOut, measureIdle } from './streams.ts'

/** The process that makes the load, apart from the one that is measured and from the one that keeps the books. */

export type Reply = { readonly result: Measured } | { readonly failure: string }

const STREAMS = { delivery: measureDelivery, fanout: measureFanOut, idle: measureIdle, resume: measureResume }

process.on('message', (order: LoadOrder) => {
  const measure = STREAMS[order.workload as keyof typeof STREAMS] ?? applyLoad
  measure(order).then(
    (result) => process.send?.({ result } satisfies Reply),
    (error: unknown) =>
      process.send?.({ failure: String(error instanceof Error ? error.stack : error) } satisfies Reply),
  )
})
process.on('disconnect', () => process.exit())
