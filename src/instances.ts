import { createChildren } from './children.ts'
import { readSettings, SettingsError } from './settings.ts'
import type { Settings } from './settings.ts'

/** Two instances on one PostgreSQL, on PORT (and METRICS_PORT) and the one after it, until told to stop; each lives on alone. */
let settings: Settings
try {
  settings = readSettings(process.env)
  if (settings.databaseUrl === null) {
    throw new SettingsError('DATABASE_URL is missing: the embedded database serves a single process')
  }
  if (settings.port === 0 || settings.port === 65_535) {
    throw new SettingsError(`PORT is ${settings.port}: two instances need it and the one after it`)
  }
} catch (error) {
  if (!(error instanceof SettingsError)) throw error
  console.error(`npm run instances: ${error.message}.`)
  process.exit(1)
}

const { start } = createChildren()
let running = 2
for (const nth of [0, 1]) {
  const port = settings.port + nth
  const metrics = settings.metricsPort === null ? {} : { METRICS_PORT: `${settings.metricsPort + nth}` }
  start('main.ts', { PORT: `${port}`, ...metrics }).on('exit', (code, signal) => {
    if (process.exitCode !== undefined) return
    console.error(`The instance on port ${port} ended: ${signal ?? code}.`)
    if (--running === 0) process.exitCode = 1
  })
}
