import type { Database } from '../data/client.ts'
import { forgetKeys } from '../data/idempotency.ts'
import { pruneLog } from '../data/log.ts'

export type Housekeeper = { readonly stop: () => Promise<void> }

const TIDY_EVERY_MS = 60_000
/** Between two stretches of the log, so that removing a lot of it leaves the database to others most of the time. */
const PAUSE_MS = 200

/**
 * Removes what is kept for a time only, once that is over: the log's events and idempotency keys. Any number of instances
 * may run one.
 * @param keptMs how long events are kept
 */
export function startHousekeeper(db: Database, keptMs: number, onError: (error: unknown) => void): Housekeeper {
  let stopped = false
  let wake = () => {}

  async function run(): Promise<void> {
    while (!stopped) {
      let more = false
      try {
        more = await pruneLog(db, keptMs)
        if (!more) await forgetKeys(db)
      } catch (error) {
        onError(error)
      }
      if (!stopped) await new Promise<void>((resolve) => setTimeout((wake = resolve), more ? PAUSE_MS : TIDY_EVERY_MS))
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
