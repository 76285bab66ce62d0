import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection } from './connection.ts'
import type { Target } from './load.ts'
import { freePort } from '../support/ports.ts'
import type { Issuer } from './tokens.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What `npm start` of a checkout gives to Node. */
function startOf(root: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start.split(' ').slice(scripts.start.split(' ').indexOf('node') + 1)
}

/** The server of another checkout: on the same database, whose migrations it has to bear. */
export const BEFORE = 'before'

/** What is started for each system; all of them take the same environment. */
export const SYSTEMS: Readonly<Record<string, { readonly title: string; readonly args: readonly string[] }>> = {
  ours: { title: 'FleetShare', args: startOf(ROOT) },
  loaders: { title: 'Mercurius, JIT, SQL, loaders', args: ['test/bench/systems/mercurius.ts', 'loaders'] },
  joins: { title: 'Mercurius, JIT, SQL, joins', args: ['test/bench/systems/mercurius.ts', 'joins'] },
  stock: { title: 'Yoga, Pothos, Prisma as documented', args: ['test/bench/systems/stock/main.ts'] },
  floor: { title: 'node:http and SQL, no GraphQL', args: ['test/bench/systems/floor.ts'] },
}

/** What the others are compared with: the best of these. */
export const RIVALS: readonly string[] = ['loaders', 'joins', 'stock']

export type Running = {
  readonly target: Target
  /** From its start to its first answer that took a token and the database. Milliseconds. */
  readonly startup: number
  readonly stop: () => Promise<void>
}

export type StartOrder = {
  readonly system: string
  readonly databaseUrl: string
  readonly postgres: number | null
  readonly issuer: Issuer
  /** The checkout of the system `before`. */
  readonly against?: string | null
  /** Options for Node, such as --cpu-prof. */
  readonly nodeArgs?: readonly string[]
}

const VIEWER = JSON.stringify({ operationName: 'Viewer', query: 'query Viewer { viewer { fleet { id } } }' })
const LONGEST_START_MS = 60_000

/** As an operator would start it in production, on a free port. Resolves once it has answered. */
export async function startSystem(order: StartOrder): Promise<Running> {
  const { system, databaseUrl, postgres, issuer, nodeArgs = [] } = order
  const root = system === BEFORE ? (order.against ?? ROOT) : ROOT
  const args = system === BEFORE ? startOf(root) : SYSTEMS[system]?.args
  if (args === undefined) throw new Error(`there is no system ${system}`)
  const port = await freePort()
  const before = performance.now()
  const child = spawn(process.execPath, [...nodeArgs, ...args], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: String(port),
      NODE_ENV: 'production',
      DATABASE_URL: databaseUrl,
      ...issuer.env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    while (!(await answers(port, issuer.tokens.fleets[0] ?? ''))) {
      if (child.exitCode !== null) throw new Error(`${system} ended with ${child.exitCode}`)
      if (performance.now() - before > LONGEST_START_MS) throw new Error(`${system} does not answer`)
      await sleep(5)
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    target: { port, pid: child.pid ?? 0, postgres },
    startup: performance.now() - before,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function answers(port: number, token: string): Promise<boolean> {
  const connection = await openConnection(port).catch(() => null)
  if (connection === null) return false
  const answer = await connection.post(token, VIEWER).catch(() => null)
  connection.close()
  return answer?.includes('"fleet":{"id":') ?? false
}
