import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { run } from '../support/api.ts'
import { hasBrowser, launchBrowser, surf } from '../support/browser.ts'
import { freePort } from '../support/ports.ts'
import { pictureOfConsole } from './console.ts'
import { pictureOfPlayground } from './playground.ts'
import { reduceColours } from './png.ts'

const HELP = `Takes the pictures of the README from a running server with the demo world, and writes them to docs/.

  npm run pictures

It starts a server and a simulator of its own, in a temporary folder, and needs Chromium at /usr/bin/chromium.
  --help  this text`

const ROOT = join(import.meta.dirname, '../..')
/** Readers load them with the README. Bytes. */
const LARGEST = 150_000

const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } })
if (values.help) console.log(HELP)
else if (hasBrowser('The README, with new pictures,')) await takePictures()
else process.exitCode = 1

async function takePictures(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-pictures-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { PORT: String(port), DATA_DIR: folder, LOG_LEVEL: 'warn' }
  const running: ChildProcess[] = []
  const start = (args: readonly string[]) => running.push(npm(args, env, 'inherit'))
  const browser = await launchBrowser()
  try {
    start(['start'])
    await isReady(url)
    const surfing = await surf(browser, url, { colorScheme: 'light', reducedMotion: 'reduce', timezoneId: timeZone() })
    const tokenOf = (...args: readonly string[]) => printed(['run', '--silent', 'token', '--', ...args], env)
    const owner = await tokenOf('--fleet', '78LMK', '--role', 'manager')
    const partner = await tokenOf('--fleet', 'DE3P4', '--role', 'manager')

    // Before anything moves: readings would drown the one event that the picture is about.
    await save('playground', await pictureOfPlayground(surfing))
    await run(url, owner, 'endSharing', { vehicleId: 'FK852' })

    start(['run', '--silent', 'simulate', '--', '--url', url, '--token', await tokenOf('--role', 'gateway')])
    await save('console', await pictureOfConsole(surfing, { url, owner, partner }))
    if (surfing.wrongs.length > 0) throw new Error(surfing.wrongs.join('\n'))
  } finally {
    await browser.close()
    await Promise.all(running.toReversed().map(stop))
    await rm(folder, { recursive: true, force: true })
  }
}

/** The zone where it is shortly after 11 now: times of the same day are short, whenever the pictures are taken. */
function timeZone(): string {
  const west = new Date().getUTCHours() - 11
  return `Etc/GMT${west < 0 ? '' : '+'}${west}`
}

/** In a process group of its own, so that stopping it reaches what npm has started. */
function npm(args: readonly string[], env: Readonly<Record<string, string>>, out: 'inherit' | 'pipe'): ChildProcess {
  return spawn('npm', args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', out, 'inherit'],
    detached: true,
  })
}

async function printed(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  let text = ''
  for await (const chunk of npm(args, env, 'pipe').stdout ?? []) text += String(chunk)
  return text.trim()
}

async function stop(program: ChildProcess): Promise<void> {
  if (program.pid === undefined || program.exitCode !== null) return
  const ended = once(program, 'exit')
  process.kill(-program.pid, 'SIGINT')
  await ended
}

async function isReady(url: string): Promise<void> {
  const answers = () =>
    fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (const giveUpAt = Date.now() + 60_000; !(await answers()); await sleep(200)) {
    if (Date.now() > giveUpAt) throw new Error('the server was not ready within a minute')
  }
}

/** @throws when it is too large for a page that people read */
async function save(name: string, screenshot: Buffer): Promise<void> {
  const picture = reduceColours(screenshot)
  if (picture.length > LARGEST) throw new Error(`${name}.png has ${picture.length} bytes`)
  await writeFile(join(ROOT, `docs/${name}.png`), picture)
  console.log(`docs/${name}.png: ${picture.length} bytes`)
}
