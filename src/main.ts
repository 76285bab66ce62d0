import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from './app.ts'
import { DatabaseStartError } from './data/connection/start-error.ts'
import { createLog } from './log.ts'
import { readSettings, SettingsError } from './settings.ts'
import type { Settings } from './settings.ts'
import { explainStart, notifyReady, startApp } from './start.ts'
import { VERSION } from './version.ts'
import { seedDemoWorld } from '../prisma/seed.ts'

const LONGEST_STOP_MS = 9_500

let settings: Settings
try {
  settings = readSettings(process.env)
} catch (error) {
  if (!(error instanceof SettingsError)) throw error
  console.error(`FleetShare cannot start: ${error.message}.`)
  process.exit(1)
}

const log = createLog(settings)
const stopping = new AbortController()
const skipping = new AbortController()
let app: App | null = null
/** Drains and exits, at the latest after 10 s. */
const end = (signal: NodeJS.Signals) => {
  log.info(`${signal}: draining`)
  // Supervisors kill a process that does not stop within ten seconds, so it exits before, even if the database hangs.
  setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref()
  Promise.resolve(app?.close()).then(
    () => process.exit(0),
    (err: unknown) => {
      log.error({ err }, 'stopping failed')
      process.exit(1)
    },
  )
}
const stop = (signal: NodeJS.Signals) => {
  // A process at a terminal has no load balancer to wait for.
  if (signal === 'SIGINT') skipping.abort()
  if (stopping.signal.aborted) return
  stopping.abort()
  const { shutdownDelayMs } = settings
  if (app === null || shutdownDelayMs === 0 || skipping.signal.aborted) return end(signal)
  app.announceStop()
  log.info(`${signal}: /ready answers 503, and the server drains in ${shutdownDelayMs / 1000} s`)
  const wait = sleep(shutdownDelayMs, undefined, skipping).catch(() => {})
  void wait.then(() => end(signal))
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
try {
  app = await startApp({ settings, log }, stopping.signal)
  if (app) {
    const seeded = settings.provider === null && (await seedDemoWorld(app.prisma))
    const url = await app.listen()
    const page = settings.console ? `, with its console on ${url}/console` : ''
    // The first line of the log: with PORT 0 it names the port.
    log.info(`FleetShare listens on ${url}/graphql${page}; version ${VERSION}, Node.js ${process.versions.node}`)
    notifyReady(process.env['NOTIFY_SOCKET']).catch((err: unknown) =>
      log.error({ err }, 'systemd could not be notified'),
    )
    if (seeded) log.info('the demo world is there: fleets 78LMK, DE3P4 and Q7X2B, vehicle FK852 among others')
  }
} catch (cause) {
  const err = explainStart(cause, settings)
  const { code, message } = err as NodeJS.ErrnoException
  // Errors that the operator can mend are one line.
  if (err instanceof SettingsError || err instanceof DatabaseStartError)
    log.fatal(`FleetShare cannot start: ${message}.`)
  else if (code && /^E[A-Z]+$/.test(code)) log.fatal(`FleetShare cannot start: ${message}`)
  else log.fatal({ err }, 'FleetShare cannot start')
  // The readable log is written by a worker, which an exit would cut off.
  log.flush(() => process.exit(1))
}
