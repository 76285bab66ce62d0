import { execFile } from 'node:child_process'
import { resolve, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createApp } from './app.ts'
import type { App, Resources } from './app.ts'
import { DatabaseStartError } from './data/connection/start-error.ts'
import { openStartupServer } from './server/http/startup-server.ts'
import type { StartupServer } from './server/http/startup-server.ts'
import { SettingsError, urlOf } from './settings.ts'
import type { Settings } from './settings.ts'

const TRY_EVERY_MS = 1_000
/** The interval in which the log repeats that the database is still away. Milliseconds. */
const REPEAT_MS = 60_000

/**
 * Calls createApp(), and waits for a database that is away, as when both are only starting: the server answers /health, is not
 * ready, and says so in the log, at once and each minute.
 * @param signal ends the waiting; then the result is null
 * @throws what does not pass by waiting
 */
export async function startApp(resources: Resources, signal: AbortSignal): Promise<App | null> {
  const { log } = resources
  let { settings } = resources
  let startupServer: StartupServer | null = null
  let said = ''
  let saidAt = -Infinity
  try {
    while (!signal.aborted) {
      try {
        return await createApp({ ...resources, settings })
      } catch (error) {
        if (!(error instanceof DatabaseStartError) || !error.passes) throw error
        startupServer ??= await openStartupServer(settings)
        // With PORT 0 the log has named the port by now, so the server keeps it.
        settings = { ...settings, port: startupServer.port }
        if (error.message !== said || performance.now() - saidAt >= REPEAT_MS) {
          ;[said, saidAt] = [error.message, performance.now()]
          log.warn(`FleetShare waits for its database, and answers /health on ${urlOf(settings)}: ${said}`)
        }
      }
      await sleep(TRY_EVERY_MS, undefined, { signal }).catch(() => {})
    }
    return null
  } finally {
    await startupServer?.close()
  }
}

/** An error of Node about a port, a host name or a file that it cannot use. */
type SystemError = NodeJS.ErrnoException & { readonly port?: number; readonly hostname?: string }

/**
 * The setting that keeps a server from starting, where the error of the system does not name it.
 * @returns a SettingsError, or the error as it is
 */
export function explainStart(error: unknown, { host, port, metricsPort, dataDir }: Settings): unknown {
  const { code = '', syscall, path = '', hostname, message, port: at } = error as SystemError
  const wrong = (sentence: string) => new SettingsError(`${sentence} (${message})`, { cause: error })
  if (syscall === 'getaddrinfo' && hostname === host) return wrong('HOST takes an address of this machine')
  if (syscall === 'listen') {
    if (code === 'EADDRNOTAVAIL') return wrong('HOST takes an address of this machine')
    const name = at === metricsPort && at !== port ? 'METRICS_PORT' : 'PORT'
    return wrong(code === 'EADDRINUSE' ? `${name} is in use by another program` : `${name} cannot be listened on`)
  }
  // A file in the folder, or a folder on the way to it.
  const [file, folder] = [resolve(path) + sep, resolve(dataDir) + sep]
  if (path !== '' && (file.startsWith(folder) || folder.startsWith(file)))
    return wrong('DATA_DIR has to be a folder that this process may write to')
  return error
}

/**
 * Tells systemd that the server can be used (Type=notify), if it was started to. Node opens no sockets of the kind that systemd
 * listens on; the program systemd-notify does, and comes with it.
 * @param socket the value of NOTIFY_SOCKET
 * @throws when there is no such program, or it failed
 */
export async function notifyReady(socket: string | undefined): Promise<void> {
  if (socket) await promisify(execFile)('systemd-notify', ['--ready'])
}
