import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

const TIDY_EVERY_MS = 60_000
/** Between two stretches of the log, so that removing a lot of it leaves the database to others most of the time. */
const PAUSE_MS = 200

/**
 * Removes what is kept for a time only, once that is over: the log's events, the trail of who did what, and idempotency
 * keys. Any number of instances may run one.
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
