import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

/** The interval in which due instants that other instances have set are looked for. Milliseconds. */
const LOOK_EVERY_MS = 500
/** The most by which this process may believe the database's clock to be ahead of what it is. Milliseconds. */
const LOOK_BACK_MS = 50

/**
 * Records and announces sharings and commands as they fall due. Control passes by the clock, whether or not this runs. Any
 * number of instances may run it: each write makes sure that the vehicle is still as it was read, so that nothing is recorded
 * twice.
 */
export function startAnnouncer(prisma: Client, onError: (error: unknown) => void): Loop {
  const settleDue = prisma.vehicle.dueSettler(onError)
  return startLoop(
    LOOK_EVERY_MS,
    async () => {
      const since = prisma.$now() - LOOK_BACK_MS
      const { tried, pauseEndsInMs } = await settleDue()
      if (tried > 0) return 0
      // Earlier due steps are recorded, or their vehicle is paused.
      const due = await prisma.vehicle.nextDue(since)
      const dueInMs = due === null ? LOOK_EVERY_MS : due - prisma.$now()
      return Math.min(Math.max(Math.min(dueInMs, pauseEndsInMs), 1), LOOK_EVERY_MS)
    },
    onError,
  )
}
