import { setTimeout as sleep } from 'node:timers/promises'
import { createChildren } from './child-processes.ts'
import { callOf, settingsOf } from './run.ts'
import { developmentToken } from '../server/auth/keys.ts'
import { SettingsError, urlOf } from '../settings.ts'

/** How long the simulator may go on. */
const TOKEN_SECONDS = 24 * 60 * 60

const HELP = `Starts the server with its demo world, and a simulator that drives the vehicles of it, until Ctrl-C.

  ${callOf('demo')}

Then open http://127.0.0.1:4000/graphql or http://127.0.0.1:4000/console. HOST, PORT, DATA_DIR and the other settings
are those of the server, as environment variables. ${callOf('reset')} sets the demo world back.
  --help  this text`

const settings = settingsOf('demo', HELP, ({ provider, port }) => {
  if (provider) {
    throw new SettingsError('AUTH_* is set; the demo makes its own tokens. Start the simulator by itself instead')
  }
  if (port === 0) throw new SettingsError('PORT is 0: the simulator has to know where the server is')
})
const { start, stop } = createChildren()
const endsAll = (code: number | null) => stop(code ?? 0)

start('main.ts').on('exit', endsAll)
const url = urlOf(settings)
const isReady = () =>
  fetch(`${url}/ready`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
while (process.exitCode === undefined && !(await isReady())) await sleep(200)
if (process.exitCode === undefined) {
  const SIMULATOR_TOKEN = await developmentToken(settings, null, ['gateway'], TOKEN_SECONDS)
  start('simulator/main.ts', { SIMULATOR_TOKEN }, '--url', url).on('exit', endsAll)
}
