import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished } from 'vitest'
import { freePort } from './ports.ts'
import type { Cluster } from './tools.ts'

/** A server that follows another. */
export type Standby = {
  /** postgresql://user@host:port */
  readonly url: string
  /** Resolves once it has what the primary has by now. */
  readonly caughtUp: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Stops its processes where they are: it takes connections, and answers nothing. */
  readonly freeze: () => Promise<void>
  readonly thaw: () => Promise<void>
  /** Takes the place of the primary, with what it has. */
  readonly promote: () => Promise<void>
}

/** A copy of a cluster that follows it, on a port of its own. */
export async function startStandby(primary: Cluster): Promise<Standby> {
  const data = join(primary.folder, 'standby')
  const start = (port: number) => {
    const options = `-p ${port} -k ${primary.folder} -c listen_addresses=127.0.0.1 -c fsync=off`
    return primary.run('pg_ctl', '-D', data, '-o', options, '-l', join(primary.folder, 'standby.log'), '-w', 'start')
  }
  const stop = () => primary.run('pg_ctl', '-D', data, '-m', 'fast', '-w', 'stop')
  const from = ['-h', '127.0.0.1', '-p', `${primary.port}`, '-U', 'postgres']
  await primary.run('pg_basebackup', ...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast')
  const port = await freePort()
  await start(port)
  onTestFinished(async () => {
    // A test may have frozen it, or stopped it.
    await signalAll(data, 'SIGCONT').catch(() => {})
    await primary.run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop').catch(() => {})
  })
  return {
    url: `postgresql://postgres@127.0.0.1:${port}`,
    caughtUp: async () => {
      const [ahead, behind] = [primary.port, port].map(
        (at) => new pg.Client({ connectionString: `postgresql://postgres@127.0.0.1:${at}/postgres` }),
      )
      await Promise.all([ahead?.connect(), behind?.connect()])
      const lsn = (await ahead?.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn'))?.rows[0]?.lsn
      const has = async () =>
        (await behind?.query<{ has: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS has', [lsn]))?.rows[0]
          ?.has
      await expect.poll(has, { timeout: 20_000 }).toBe(true)
      await Promise.all([ahead?.end(), behind?.end()])
    },
    stop,
    start: () => start(port),
    freeze: async () => signalAll(data, 'SIGSTOP'),
    thaw: async () => signalAll(data, 'SIGCONT'),
    promote: async () => {
      await start(primary.port)
      await primary.run('pg_ctl', '-D', data, '-w', 'promote')
    },
  }
}

/** To a server and its children, of which each is a process of its own. */
async function signalAll(data: string, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  const [pid = ''] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean)
  for (const one of [pid, ...children]) process.kill(Number(one), signal)
}
