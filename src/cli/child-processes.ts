import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'

/** Programs of this project that run for another one. */
export type Children = {
  /** With the options that Node was given for this one. */
  readonly start: (file: string, env?: NodeJS.ProcessEnv, ...args: string[]) => ChildProcess
  /** Asks all to stop; the process ends with them, with the first code that it is given here. */
  readonly stop: (code: number) => void
}

/** SIGINT and SIGTERM stop them all. */
export function createChildren(): Children {
  const children: ChildProcess[] = []
  const stop = (code: number) => {
    process.exitCode ??= code
    for (const child of children) child.kill('SIGTERM')
  }
  process.on('SIGINT', () => stop(0))
  process.on('SIGTERM', () => stop(0))
  return {
    stop,
    start(file, env = {}, ...args) {
      const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, '..', file), ...args], {
        stdio: 'inherit',
        env: { ...process.env, ...env },
      })
      children.push(child)
      return child
    },
  }
}
