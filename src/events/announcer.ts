import type { Client } from '../data/client.ts'
import { startLoop } from './loop.ts'
import type { Loop } from './loop.ts'

/** How soon a due instant that another instance has set is noticed. Milliseconds. */
const LOOK_EVERY_MS = 500

/**
 * Writes down what falls due, sharings and commands, when its time comes. It only announces: control has passed by then,
 * whether or not it runs. Any number of instances may run one: who writes makes sure that the vehicle is still as it was
 * read, so that each thing is written once.
 */
export const startAnnouncer = (prisma: Client, onError: (error: unknown) => void): Loop =>
  startLoop(
    LOOK_EVERY_MS,
    async () => {
      if ((await prisma.vehicle.settleDue()) > 0) return 0
      const due = await prisma.vehicle.nextDue()
      return due === null ? LOOK_EVERY_MS : Math.min(Math.max(due - prisma.$now(), 1), LOOK_EVERY_MS)
    },
    onError,
  )
