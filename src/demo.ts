import { setTimeout as sleep } from 'node:timers/promises'
import { createChildren } from './children.ts'
import { developmentToken } from './server/keys.ts'
import { readSettings } from './settings.ts'

/** The server with its demo world, and the simulator that brings it to life, until it is told to stop. */
const TOKEN_SECONDS = 24 * 60 * 60

const settings = readSettings(process.env)
if (settings.provider) {
  console.error('npm run demo: AUTH_* is set; the demo makes its own tokens. Start the simulator by itself instead.')
  process.exit(1)
}
const { start, stop } = createChildren()
const endsAll = (code: number | null) => stop(code ?? 0)

start('main.ts').on('exit', endsAll)
const url = `http://${settings.host}:${settings.port}`
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
