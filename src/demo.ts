import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { developmentToken } from './server/keys.ts'
import { readSettings } from './settings.ts'

/** The server with its demo world, and the simulator that brings it to life, until it is told to stop. */
const TOKEN_SECONDS = 24 * 60 * 60

const settings = readSettings(process.env)
if (settings.provider) {
  console.error('npm run demo: AUTH_* is set; the demo makes its own tokens. Start the simulator by itself instead.')
  process.exit(1)
}
const children: ChildProcess[] = []
const start = (file: string, env: NodeJS.ProcessEnv = {}, ...args: string[]) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  children.push(child)
  child.on('exit', (code) => stop(code ?? 0))
  return child
}
function stop(code: number): void {
  process.exitCode ??= code
  for (const child of children) child.kill('SIGTERM')
}
process.on('SIGINT', () => stop(0))
process.on('SIGTERM', () => stop(0))

start('main.ts')
const url = `http://${settings.host}:${settings.port}`
const isReady = () =>
  fetch(`${url}/ready`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
while (process.exitCode === undefined && !(await isReady())) await sleep(200)
if (process.exitCode === undefined) {
  const SIMULATOR_TOKEN = await developmentToken(settings, null, ['gateway'], TOKEN_SECONDS)
  start('simulator/main.ts', { SIMULATOR_TOKEN }, '--url', url)
}
