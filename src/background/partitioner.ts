import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

const LOOK_EVERY_MS = 5_000
/** A log that grows very fast is looked at more often: before this share of its room is used up. */
const SHARE = 1 / 4
const LEAST_MS = 50
/** Where another session has the log locked, for a backup perhaps: each attempt holds up all who come behind it. */
const BUSY_MS = 15_000
/** Where another instance works on the partitions or removes events, a batch at a time: an attempt holds up nobody. */
const TAKEN_MS = 1_000

/**
 * Adds partitions to the log, ahead of its writers. Any number of instances may run it.
 * @param settings how long events are kept, in milliseconds, and the positions of a partition (null: by their rate)
 */
export function startPartitioner(
  prisma: Client,
  { retentionMs, partitionEvents }: { readonly retentionMs: number; readonly partitionEvents: number | null },
  onError: (error: unknown) => void,
): Loop {
  let before: { readonly drawn: number; readonly at: number } | null = null
  return startLoop(
    LOOK_EVERY_MS,
    async () => {
      const { drawn, ahead, isTaken, isBusy } = await prisma.event.grow(retentionMs, partitionEvents)
      const at = performance.now()
      const perMs = before === null ? Infinity : (drawn - before.drawn) / (at - before.at)
      before = { drawn, at }
      if (isBusy) return BUSY_MS
      if (isTaken) return TAKEN_MS
      return ahead <= 0 ? LEAST_MS : Math.min(Math.max((SHARE * ahead) / perMs, LEAST_MS), LOOK_EVERY_MS)
    },
    onError,
  )
}
