import type { Client } from '../data/client.ts'
import { pauseAfter } from '../domain/log/removal.ts'
import type { Left } from '../domain/log/removal.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

/** The pause after an error. */
const AGAIN_MS = 60_000

export type Retentions = {
  /** Of events in the log. Milliseconds. */
  readonly retentionMs: number
  /** Of readings in the log; at most that of all events. Milliseconds. */
  readonly readingRetentionMs: number
  /** Of tokens, which are trusted for so long; null: for ever. Milliseconds. */
  readonly maxTokenAgeMs: number | null
}

/**
 * Removes events, entries of the audit trail and idempotency keys whose retention is over, and revocations of tokens that are. Any
 * number of instances may run it.
 */
export function startHousekeeper(
  prisma: Client,
  { retentionMs: keptMs, readingRetentionMs: readingsMs, maxTokenAgeMs }: Retentions,
  onError: (error: unknown) => void,
): Loop {
  // Each kind by itself: with one that is behind, the others would wait for as long.
  const loops = [
    () => prisma.event.prune(keptMs),
    async () => readingsMs < keptMs && prisma.event.pruneReadings(readingsMs),
    () => prisma.audit.prune(keptMs),
    async () => {
      await prisma.idempotencyKey.forget()
      if (maxTokenAgeMs !== null) await prisma.revocation.forget(maxTokenAgeMs)
      return false
    },
  ].map((removeSome) => startLoop(AGAIN_MS, () => paced(removeSome), onError))
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

/** Removes one batch. @returns the pause before the next, in milliseconds */
async function paced(removeSome: () => Promise<Left>): Promise<number> {
  const began = performance.now()
  return pauseAfter(await removeSome(), performance.now() - began)
}
