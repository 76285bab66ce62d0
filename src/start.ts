import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from './app.ts'
import type { App, Resources } from './app.ts'
import { DatabaseStartError } from './data/connection/start-error.ts'
import { openLobby } from './server/http/lobby.ts'
import type { Lobby } from './server/http/lobby.ts'
import { urlOf } from './settings.ts'

const TRY_EVERY_MS = 1_000
/** How often it is said again that nothing has changed. Milliseconds. */
const REPEAT_MS = 60_000

/**
 * createApp(), which waits for a database that is away, as when both are only starting: alive, not ready, and saying so in
 * the log, at once and each minute.
 * @param signal calls it off; then null
 * @throws what does not pass by waiting
 */
export async function startApp(resources: Resources, signal: AbortSignal): Promise<App | null> {
  const { log } = resources
  let { settings } = resources
  let lobby: Lobby | null = null
  let said = ''
  let saidAt = -Infinity
  try {
    while (!signal.aborted) {
      try {
        return await createApp({ ...resources, settings })
      } catch (error) {
        if (!(error instanceof DatabaseStartError) || !error.passes) throw error
        lobby ??= await openLobby(settings)
        // Whoever asked for any free port has been told which by now.
        settings = { ...settings, port: lobby.port }
        if (error.message !== said || performance.now() - saidAt >= REPEAT_MS) {
          ;[said, saidAt] = [error.message, performance.now()]
          log.warn(`FleetShare waits for its database, and answers /health on ${urlOf(settings)}: ${said}`)
        }
      }
      await sleep(TRY_EVERY_MS, undefined, { signal }).catch(() => {})
    }
    return null
  } finally {
    await lobby?.close()
  }
}
