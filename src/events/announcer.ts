import type { Database } from '../data/client.ts'
import { nextDue, settleDue } from '../data/decisions/due.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

/** How soon a due instant that another instance has set is noticed. Milliseconds. */
const LOOK_EVERY_MS = 500

/**
 * Writes down what falls due, sharings and commands, when its time comes. It only announces: control has passed by then,
 * whether or not it runs. Any number of instances may run one: who writes makes sure that the vehicle is still as it was
 * read, so that each thing is written once.
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
