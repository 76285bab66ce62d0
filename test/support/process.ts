import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** Settings of the surroundings, which a process under test must not inherit. */
const SETTINGS =
  /^(HOST|PORT|DATABASE_.*|DATA_DIR|AUTH_.*|NODE_ENV|ALLOWED_ORIGINS|METRICS_PORT|LOG_LEVEL|SOCKETS_.*|EVENT_.*|CONSOLE|OTEL_.*|OPERATIONS_.*|RATE_.*|SHUTDOWN_.*|TRUSTED_.*)$/

/** A program of this project, run as somebody would from a shell. */
export type Program = {
  readonly child: ChildProcess
  /** What it has printed so far, line by line. */
  readonly lines: readonly string[]
  readonly complaints: readonly string[]
  /** Resolves with the first line that matches, rejects when the program ends without one. */
  readonly line: (pattern: RegExp) => Promise<RegExpExecArray>
  /** The same for what it complains of. */
  readonly complaint: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Resolves once it has ended and all that it printed was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** Starts it in a process group of its own; what is left of that is killed when the test is over. */
export function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !SETTINGS.test(name))
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  onTestFinished(() => killGroup(child.pid))
  const lines: string[] = []
  const complaints: string[] = []
  const looks = new Set<() => void>()
  const read = (from: Readable, to: string[]) =>
    createInterface(from).on('line', (line) => {
      to.push(line)
      looks.forEach((look) => look())
    })
  read(child.stdout, lines)
  read(child.stderr, complaints)
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const firstOf = (printed: readonly string[]) => (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = printed.map((line) => pattern.exec(line)).find((match) => match !== null)
        if (found) resolve(found)
      }
      looks.add(look)
      look()
      ended.then(() => reject(new Error(`it ended: ${[...lines, ...complaints].join('\n')}`)), reject)
    })
  return { child, lines, complaints, ended, line: firstOf(lines), complaint: firstOf(complaints) }
}

/** `node src/main.ts` and its like, with the Node that runs the tests. */
export const startNode = (file: string, env?: Readonly<Record<string, string>>, ...args: readonly string[]): Program =>
  start(process.execPath, [file, ...args], env)

/** Whether anything of the program's process group is left. */
export function isRunning({ child: { pid } }: Program): boolean {
  try {
    return pid !== undefined && process.kill(-pid, 0)
  } catch {
    return false
  }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
