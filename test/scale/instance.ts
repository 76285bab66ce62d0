import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Settings } from '../../src/settings.ts'
import { cpuOf } from './processes.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A server process of this project. */
export type Instance = {
  /** http://127.0.0.1:port */
  readonly url: string
  /** Resident memory in MB. */
  readonly rss: () => Promise<number>
  /** Seconds of a processor that it has used. */
  readonly cpu: () => Promise<number>
  /** What it logged as an error, and how often. */
  readonly complaints: ReadonlyMap<string, number>
  /** SIGKILL: it gets no chance to say goodbye. Resolves once it is gone. */
  readonly kill: () => Promise<void>
}

/** `node src/main.ts` on a free port. @param flags of Node @throws when it ends before it listens */
export async function startInstance(
  { databaseUrl, databaseReplicaUrl, dataDir }: Settings,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Instance> {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [...flags, 'src/main.ts'], {
    cwd: ROOT,
    env: {
      PATH,
      PORT: '0',
      DATABASE_URL: databaseUrl ?? '',
      DATABASE_REPLICA_URL: databaseReplicaUrl ?? '',
      DATA_DIR: dataDir,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Also where the measurement fails or is interrupted.
  process.once('exit', () => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const complaints = new Map<string, number>()
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const address = /listens on (\S+)\/graphql/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
      // The readable log has the error itself on lines of its own.
      const complaint = /(?:ERROR|FATAL): .*/.exec(line)?.[0] ?? /^ +"message": .*/.exec(line)?.[0].trim()
      if (complaint !== undefined) complaints.set(complaint, (complaints.get(complaint) ?? 0) + 1)
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error('the server ended before it listened')))
  })
  return {
    url,
    complaints,
    rss: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024
    },
    cpu: () => cpuOf(child.pid ?? NaN),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
