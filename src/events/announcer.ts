import type { Database } from '../data/client.ts'
import { nextDue, settleDue } from '../data/due.ts'

export type Announcer = { readonly stop: () => Promise<void> }

/** How soon a due instant that another instance has set is noticed. Milliseconds. */
const LOOK_EVERY_MS = 500

/**
 * Writes SHARING_STARTED and SHARING_ENDED when their time comes. It only announces: control has passed by then, whether
 * or not it runs. Any number of instances may run one, for the vehicle's lock lets each thing be written once.
 */
export function startAnnouncer(db: Database, onError: (error: unknown) => void): Announcer {
  let stopped = false
  let wake = () => {}

  async function run(): Promise<void> {
    while (!stopped) {
      let pause = LOOK_EVERY_MS
      try {
        if ((await settleDue(db)) > 0) continue
        const due = await nextDue(db)
        if (due !== null) pause = Math.min(Math.max(due - db.clock.now(), 1), LOOK_EVERY_MS)
      } catch (error) {
        onError(error)
      }
      if (!stopped) await new Promise<void>((resolve) => setTimeout((wake = resolve), pause))
    }
  }

  const running = run()
  return {
    stop: async () => {
      stopped = true
      wake()
      await running
    },
  }
}
