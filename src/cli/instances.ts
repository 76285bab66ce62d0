import { createChildren } from './child-processes.ts'
import { callOf, settingsOf } from './run.ts'
import { SettingsError } from '../settings.ts'

const HELP = `Starts two instances on one PostgreSQL, until Ctrl-C. Kill one, and its clients resume on the other.

  DATABASE_URL=postgresql://fleetshare:secret@localhost:5432/fleetshare ${callOf('instances')}

They listen on PORT (4000) and the one after it, and serve metrics on METRICS_PORT, if set, and the one after it.
  --help  this text`

const settings = settingsOf('instances', HELP, ({ databaseUrl, port }) => {
  if (databaseUrl === null) {
    throw new SettingsError('DATABASE_URL is missing: the embedded database serves a single process')
  }
  if (port === 0 || port === 65_535) {
    throw new SettingsError(`PORT is ${port}: two instances need it and the one after it`)
  }
})

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
