import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { extname, join } from 'node:path'

/** Programs of this project that run for another one. */
export type Children = {
  /** @param file below src/, as its source is called; in a package it was built to JavaScript, beside this file */
  readonly start: (file: string, env?: NodeJS.ProcessEnv, ...args: string[]) => ChildProcess
  /** Asks all to stop; the process ends with them, with the first code that it is given here. */
  readonly stop: (code: number) => void
}

/**
 * SIGINT and SIGTERM stop them all.
 * @param options of Node, for all of them; those that this process was given, if absent
 */
export function createChildren(options: readonly string[] = process.execArgv): Children {
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
      const program = join(import.meta.dirname, '..', file.replace(/\.ts$/, extname(import.meta.filename)))
      const child = spawn(process.execPath, [...options, program, ...args], {
        stdio: 'inherit',
        env: { ...process.env, ...env },
      })
      children.push(child)
      return child
    },
  }
}
