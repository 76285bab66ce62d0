import { execFile, execFileSync } from 'node:child_process'
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'

/** A PostgreSQL server with the tools of its version, for one test. */
export type Cluster = {
  /** postgresql://user@host:port */
  readonly url: string
  readonly port: number
  /** Runs pg_dump, pg_restore or the like. @throws with what it complained of */
  readonly run: (tool: string, ...args: readonly string[]) => Promise<void>
  /** Runs a script of bash as the server's user, with the tools in its PATH. @returns its output @throws with its complaints */
  readonly shell: (script: string) => Promise<string>
  /** A folder that the server's user can write to. */
  readonly folder: string
}

/** The folder of the newest programs that Debian's packages have installed; null where there are none. */
export async function findTools(): Promise<string | null> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch((): string[] => [])
  for (const version of versions.toSorted((a, b) => Number(b) - Number(a))) {
    const folder = join(root, version, 'bin')
    const programs = await readdir(folder).catch((): string[] => [])
    if (['initdb', 'pg_ctl', 'pg_dump', 'pg_restore'].every((name) => programs.includes(name))) return folder
  }
  return null
}

export async function startCluster(tools: string): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-cluster-'))
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : null
  if (user) await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o755)
  const run = async (tool: string, ...args: readonly string[]) =>
    void (await promisify(execFile)(join(tools, tool), [...args], { cwd: folder, ...user }))
  const data = join(folder, 'data')
  const shell = async (script: string) => {
    const env = {
      PATH: `${tools}:${process.env['PATH']}`,
      PGDATA: data,
      PGHOST: folder,
      PGPORT: `${port}`,
      PGUSER: 'postgres',
    }
    const { stdout } = await promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], {
      cwd: folder,
      env,
      ...user,
    })
    return stdout
  }
  const port = await freePort()
  await run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C')
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`
  await run('pg_ctl', '-D', data, '-o', options, '-l', join(folder, 'log'), '-w', 'start')
  onTestFinished(async () => {
    // A test may have killed it.
    await run('pg_ctl', '-D', data, '-m', 'immediate', 'stop').catch(() => {})
    await rm(folder, { recursive: true, force: true })
  })
  return { url: `postgresql://postgres@127.0.0.1:${port}`, port, run, shell, folder }
}

const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']).toString())
