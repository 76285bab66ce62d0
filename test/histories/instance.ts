import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** One server process: it can be killed, stopped and started again, always on its port. */
export type Instance = {
  readonly port: number
  /** It runs, and has been ready since it was started. */
  readonly isUp: () => boolean
  /** Resolves once it is ready. @throws when it ends instead, or takes longer than 30 s */
  readonly start: () => Promise<void>
  /** SIGKILL to its process group. */
  readonly kill: () => Promise<void>
  /** SIGTERM. @returns its exit code, null if it was killed after all, and how long it took in milliseconds */
  readonly stop: () => Promise<{ readonly code: number | null; readonly ms: number }>
  /** The newest lines that it printed. */
  readonly lines: readonly string[]
}

export type InstanceOptions = {
  /** The folder with src/ in it. */
  readonly root: string
  readonly port: number
  readonly databaseUrl: string
  readonly dataDir: string
  /** Told when it ends though nobody wished it; it is started again. */
  readonly died: (what: string) => void
}

const START_LIMIT_MS = 30_000
/** It promises 10 s; then it would be killed by whoever stops it. */
const STOP_LIMIT_MS = 12_000
/** Positions of a partition of the log: so few that every history crosses several. */
const PARTITION = 200
const KEPT_LINES = 200
/** So much of them tells what happened. Characters. */
const TOLD = 800

/** Settings of the surroundings, which it must not inherit. */
const SETTINGS = /^(HOST|PORT|DATABASE_URL|DATA_DIR|AUTH_.*|NODE_ENV|ALLOWED_ORIGINS|METRICS_PORT|LOG_LEVEL)$/

const running = new Set<ChildProcess>()

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // Nothing of it is left.
  }
}

// Whatever ends this process takes its servers with it.
process.on('exit', () => running.forEach((child) => signal(child, 'SIGKILL')))

export function newInstance({ root, port, databaseUrl, dataDir, died }: InstanceOptions): Instance {
  const lines: string[] = []
  let child: ChildProcess | null = null
  let up = false

  const ended = async (process: ChildProcess) => {
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit')
  }

  function spawnServer(): ChildProcess {
    const inherited = Object.entries(process.env).filter(([name]) => !SETTINGS.test(name))
    const settings = {
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      LOG_PARTITION_EVENTS: String(PARTITION),
      LOG_LEVEL: 'warn',
    }
    const started = spawn(process.execPath, ['src/main.ts'], {
      cwd: root,
      env: { ...Object.fromEntries(inherited), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(started)
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        lines.push(...text.split('\n').filter((line) => line !== ''))
        lines.splice(0, lines.length - KEPT_LINES)
      })
    }
    started.on('exit', (code) => {
      running.delete(started)
      if (child !== started || !up) return
      up = false
      died(`it ended by itself with ${code}: ${lines.slice(-40).join(' | ').slice(0, TOLD)}`)
      start().catch((error: unknown) => died(String(error)))
    })
    return started
  }

  async function start(): Promise<void> {
    const end = performance.now() + START_LIMIT_MS
    child = spawnServer()
    while (!(await isReady())) {
      if (performance.now() > end) throw new Error(`it did not start: ${lines.slice(-20).join('\n')}`)
      // Who loses the database on the way may give up; whoever runs a server starts it again.
      if (child.exitCode !== null) child = spawnServer()
      await sleep(20)
    }
    up = true
  }

  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    )

  return {
    port,
    lines,
    isUp: () => up,
    start,
    async kill() {
      up = false
      if (!child) return
      signal(child, 'SIGKILL')
      await ended(child)
    },
    async stop() {
      up = false
      const stopped = child
      const begun = performance.now()
      if (!stopped) return { code: 0, ms: 0 }
      stopped.kill('SIGTERM')
      await Promise.race([ended(stopped), sleep(STOP_LIMIT_MS, undefined, { ref: false })])
      const ms = performance.now() - begun
      const code = stopped.exitCode
      signal(stopped, 'SIGKILL')
      return { code, ms }
    },
  }
}
