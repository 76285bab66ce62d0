import type { Database } from '../data/client.ts'
import { nextDue, settleDue } from '../data/due.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

/** How soon a due instant is noticed that another instance has set. Milliseconds. */
const LOOK_EVERY_MS = 500

/**
 * Records and announces sharings and commands as they fall due. Control passes by the clock, whether or not this runs. Any
 * number of instances may run it: each write makes sure that the vehicle is still as it was read, so that nothing is recorded
 * twice.
 */
export const startAnnouncer = (db: Database, onError: (error: unknown) => void): Loop =>
  startLoop(
    LOOK_EVERY_MS,
    async () => {
      if ((await settleDue(db)) > 0) return 0
      const due = await nextDue(db)
      return due === null ? LOOK_EVERY_MS : Math.min(Math.max(due - db.clock.now(), 1), LOOK_EVERY_MS)
    },
    onError,
  )
