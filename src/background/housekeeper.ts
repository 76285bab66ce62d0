import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

const TIDY_EVERY_MS = 60_000
/** Between two batches, so that removing a lot leaves the database to others most of the time. Milliseconds. */
const PAUSE_MS = 200

/**
 * Removes events, entries of the audit trail and idempotency keys whose retention is over. Any number of instances may run it.
 * @param keptMs how long events are kept
 */
export const startHousekeeper = (prisma: Client, keptMs: number, onError: (error: unknown) => void): Loop =>
  startLoop(
    TIDY_EVERY_MS,
    async () => {
      if (await prisma.event.prune(keptMs)) return PAUSE_MS
      if (await prisma.audit.prune(keptMs)) return PAUSE_MS
      await prisma.idempotencyKey.forget()
      return TIDY_EVERY_MS
    },
    onError,
  )
