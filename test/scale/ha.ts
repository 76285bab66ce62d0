import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const SCRIPT = join(import.meta.dirname, '../../deploy/ha/cluster.sh')

/** A node with PostgreSQL and Patroni. */
export type NodeNumber = 1 | 2 | 3

export type Roles = {
  readonly primary: NodeNumber | null
  readonly standby: NodeNumber | null
  readonly alive: number
}

/** The cluster of deploy/ha, in a folder of its own. */
export type HaCluster = {
  readonly folder: string
  /** Of the two instances: http://host:port */
  readonly urls: readonly string[]
  /** Of the database, through HAProxy, with a superuser. */
  readonly adminUrl: string
  /** The node of the primary, and that of its synchronous standby; null while there is none. And how many nodes are one or follow. */
  readonly roles: () => Promise<Roles>
  /** The process of a program: etcd1 to etcd3, patroni1 to patroni3, haproxy, server1, server2. */
  readonly pidOf: (name: string) => Promise<number>
  /** The process that would start it again. */
  readonly supervisorOf: (name: string) => Promise<number>
  /** PostgreSQL of a node with all its children. */
  readonly postgresOf: (node: NodeNumber) => Promise<readonly number[]>
  /** Runs the script: cut, heal, patronictl. */
  readonly run: (command: string, ...args: readonly string[]) => Promise<void>
  readonly logOf: (name: string) => Promise<string>
  readonly down: () => Promise<void>
}

/**
 * Brings it up.
 * @param databases the nodes with PostgreSQL: 2 or 3
 * @param namespaces whether its nodes have networks of their own, which needs root
 */
export async function startHaCluster(folder: string, databases: number, namespaces: boolean): Promise<HaCluster> {
  const subnet = namespaces ? '10.203.0' : `127.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const env = { ...process.env, DATABASES: `${databases}`, SUBNET: subnet, NAMESPACES: namespaces ? '1' : '' }
  let isUp = true
  // Also where the measurement is interrupted.
  process.once('exit', () => isUp && spawnSync(SCRIPT, ['down', folder], { env }))
  const run: HaCluster['run'] = async (command, ...args) => {
    const child = spawn(SCRIPT, [command, folder, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`cluster.sh ${command} ended with ${code}`)
  }
  const down = async () => {
    await run('down')
    isUp = false
  }
  await run('up').catch(async (error: unknown) => {
    await down()
    throw error
  })
  const settings = await readFile(join(folder, 'settings'), 'utf8')
  const password = /^PASSWORD=(.*)$/m.exec(settings)?.[1] ?? ''
  const numberIn = async (file: string) => Number((await readFile(join(folder, file), 'utf8')).split('\n')[0])
  return {
    folder,
    urls: [1, 2].map((nth) => `http://${subnet}.13:400${nth}`),
    adminUrl: `postgresql://postgres:${password}@${subnet}.13:5000/fleetshare`,
    roles: async () => {
      const is = async (node: NodeNumber, role: string) => {
        const about = { signal: AbortSignal.timeout(2_000) }
        // Patroni asks its PostgreSQL before it answers.
        return fetch(`http://${subnet}.1${node}:8008/${role}`, about).then(
          ({ status }) => status === 200,
          () => false,
        )
      }
      const nodes = ([1, 2, 3] as const).slice(0, databases)
      const having = async (role: string) => {
        const found = await Promise.all(nodes.map((node) => is(node, role)))
        return nodes.filter((_, nth) => found[nth])
      }
      const [primaries, standbys, replicas] = await Promise.all(['primary', 'sync', 'replica'].map(having))
      const alive = (primaries?.length ?? 0) + (replicas?.length ?? 0)
      return { primary: primaries?.[0] ?? null, standby: standbys?.[0] ?? null, alive }
    },
    pidOf: (name) => numberIn(`run/${name}.pid`),
    supervisorOf: async (name) => parentOf(await numberIn(`run/${name}.pid`)),
    postgresOf: async (node) => {
      const pid = await numberIn(`node${node}/data/postmaster.pid`)
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
      return [pid, ...children.split(' ').filter(Boolean).map(Number)]
    },
    run,
    logOf: (name) => readFile(join(folder, 'log', `${name}.log`), 'utf8'),
    down,
  }
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** One that is gone by now is signalled enough. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended.
    }
  }
}

/** Stops processes where they are, and lets them go on. Seconds. */
export async function freeze(pids: readonly number[], seconds: number): Promise<void> {
  signal(pids, 'SIGSTOP')
  await sleep(seconds * 1000)
  signal(pids, 'SIGCONT')
}
