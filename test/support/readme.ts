import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

export const ROOT = join(import.meta.dirname, '../..')

/** A fenced block of a page: what its fence is tagged with, and the heading that it stands under. */
export type Block = {
  readonly tag: string
  readonly text: string
  readonly section: string
  readonly line: number
}

/** @throws for a fence that is not closed, or not one of three backticks at the start of a line: none may go unseen */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let section = ''
  let open: { tag: string; line: number; lines: string[] } | null = null
  for (const [index, text] of page.split('\n').entries()) {
    const line = index + 1
    const isFence = /^\s*(```|~~~)/.test(text)
    if (isFence && !/^```[\w ]*$/.test(text)) throw new Error(`line ${line}: a fence of an unknown kind`)
    if (isFence && open) {
      blocks.push({ tag: open.tag, text: open.lines.join('\n'), section, line: open.line })
      open = null
    } else if (isFence) open = { tag: text.slice(3).trim(), line, lines: [] }
    else if (open) open.lines.push(text)
    else section = /^#+ (.*)$/.exec(text)?.[1] ?? section
  }
  if (open) throw new Error(`line ${open.line}: a fence that is not closed`)
  return blocks
}

/** The rows of the table whose header starts with `first`, without the header, each cell as it is written. */
export function tableOf(page: string, first: string): string[][] {
  const lines = page.split('\n')
  const header = lines.findIndex((line) => line.startsWith('|') && cellsOf(line)[0] === first)
  if (header < 0) throw new Error(`there is no table that starts with ${first}`)
  const rows = lines.slice(header + 2)
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf)
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

/** What a reader started: its output line by line, and its end. */
export type Running = {
  readonly lines: readonly string[]
  /** Resolves with the first line that matches, rejects when it ends without one. */
  readonly line: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Presses Ctrl-C. Resolves once everything that it started has ended, too. */
  readonly interrupt: () => Promise<void>
}

/** A folder like a reader's checkout, and the reader's shell in it. */
export type Checkout = {
  readonly folder: string
  /** Runs a snippet to its end; its variables and functions are there for the next one. @returns what it printed */
  readonly run: (snippet: string) => Promise<string>
  /** Starts a snippet that does not end by itself, with the same variables and functions. */
  readonly start: (snippet: string, env?: Readonly<Record<string, string>>) => Running
  readonly remove: () => Promise<void>
}

/** Everything is linked, so that what is written into it (such as .data) stays out of this project's folder. */
export async function makeCheckout(): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-readme-'))
  for (const name of await readdir(ROOT)) {
    if (name !== '.data' && name !== '.git') await symlink(join(ROOT, name), join(folder, name))
  }
  const groups = new Set<number>()
  let state = ''

  function spawnBash(script: string, outputs: 2 | 3, env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn('bash', ['-c', script], {
      cwd: folder,
      env: { ...shellEnvironment(), ...env },
      stdio: ['ignore', ...Array<'pipe'>(outputs).fill('pipe')],
      detached: true,
    })
    if (child.pid !== undefined) groups.add(child.pid)
    return child
  }

  return {
    folder,
    async run(snippet) {
      const names = Array.from(snippet.matchAll(/^([A-Z]+)=/gm), ([, name]) => name)
      const save = `{ ${names.map((name) => `declare -p ${name}; `).join('')}declare -f; } >&3`
      const child = spawnBash(`${state}\nset -o pipefail\n${snippet}\nstatus=$?; ${save}; exit $status`, 3)
      const [out, complaints, saved, code] = await Promise.all([
        textOf(child, 1),
        textOf(child, 2),
        textOf(child, 3),
        codeOf(child),
      ])
      if (code !== 0 || complaints !== '') throw new Error(`it ended with ${code}: ${complaints}${out}`)
      state += `\n${saved}`
      return out
    },
    start(snippet, env) {
      return follow(spawnBash(`${state}\n${snippet}`, 2, env))
    },
    async remove() {
      for (const group of groups) killGroup(group)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Of a shell that knows nothing of this test: neither its settings nor its Node. */
function shellEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  const own = PATH.split(delimiter).filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp'))
  return { PATH: own.join(delimiter), HOME }
}

function follow(child: ChildProcess): Running {
  const lines: string[] = []
  const complaints: string[] = []
  const looks = new Set<() => void>()
  const read = (stream: ChildProcess['stdout'], into: string[]) =>
    stream &&
    createInterface(stream).on('line', (line) => {
      into.push(line)
      looks.forEach((look) => look())
    })
  read(child.stdout, lines)
  read(child.stderr, complaints)
  const ended = codeOf(child)
  return {
    lines,
    interrupt: async () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
      await ended
    },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null)
          if (found) resolve(found)
        }
        looks.add(look)
        look()
        const fail = () => reject(new Error(`it ended: ${[...lines, ...complaints].join('\n')}`))
        ended.then(fail, fail)
      }),
  }
}

async function textOf(child: ChildProcess, stream: 1 | 2 | 3): Promise<string> {
  let text = ''
  for await (const chunk of child.stdio[stream] as AsyncIterable<Buffer>) text += chunk.toString()
  return text
}

const codeOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))

/** Ends what is left of a process group, and nothing else. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
