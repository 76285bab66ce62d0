import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

const TIDY_EVERY_MS = 60_000
/** Between two batches, so that removing a lot leaves the database to others most of the time. Milliseconds. */
const PAUSE_MS = 200

/**
 * Removes events, entries of the audit trail and idempotency keys whose retention is over, and revocations of tokens that are. Any number of instances may run it.
 * @param kept how long events are kept, and tokens trusted (null: for ever). Milliseconds
 */
export const startHousekeeper = (
  prisma: Client,
  { retentionMs: keptMs, maxTokenAgeMs }: { readonly retentionMs: number; readonly maxTokenAgeMs: number | null },
  onError: (error: unknown) => void,
): Loop =>
  startLoop(
    TIDY_EVERY_MS,
    async () => {
      if (await prisma.event.prune(keptMs)) return PAUSE_MS
      if (await prisma.audit.prune(keptMs)) return PAUSE_MS
      await prisma.idempotencyKey.forget()
      if (maxTokenAgeMs !== null) await prisma.revocation.forget(maxTokenAgeMs)
      return TIDY_EVERY_MS
    },
    onError,
  )
