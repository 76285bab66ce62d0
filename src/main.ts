import { createApp } from './app.ts'
import { createLog } from './log.ts'
import { readSettings, SettingsError } from './settings.ts'
import type { Settings } from './settings.ts'
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
try {
  const app = await createApp({ settings, log })
  const seeded = settings.provider === null && (await seedDemoWorld(app.prisma))
  // The first line of the log: who asked for any free port reads there which it is.
  log.info(`FleetShare listens on ${await app.listen()}/graphql`)
  if (seeded) log.info('the demo world is there: fleets 78LMK, DE3P4 and Q7X2B, vehicle FK852 among others')

  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    log.info(`${signal}: draining`)
    // Whatever hangs, be it the database: who stops a process waits ten seconds, and then kills it.
    setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref()
    app.close().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
} catch (err) {
  const { code, message } = err as NodeJS.ErrnoException
  // What the operator can mend is said in a line.
  if (err instanceof SettingsError) log.fatal(`FleetShare cannot start: ${message}.`)
  else if (code && /^E[A-Z]+$/.test(code)) log.fatal(`FleetShare cannot start: ${message}`)
  else log.fatal({ err }, 'FleetShare cannot start')
  // The readable log is written by a worker, which an exit would cut off.
  log.flush(() => process.exit(1))
}
