import { setTimeout as sleep } from 'node:timers/promises'
import { freeze, signal } from './ha.ts'
import type { HaCluster, NodeNumber } from './ha.ts'

export type Fault = {
  readonly name: string
  readonly act: (cluster: HaCluster) => Promise<void>
  /** For how long a node of the database is away. */
  readonly awaySeconds?: number
  /** Whether it takes a node off the network. */
  readonly needsNamespaces?: boolean
  /** Whether it is one of the few of a short run. */
  readonly isShort?: boolean
}

/** Longer than the primary may be silent before it loses its place. Seconds. */
const LONG = 40
const SHORT = 15

async function primaryOf({ roles }: HaCluster): Promise<NodeNumber> {
  const { primary } = await roles()
  if (primary === null) throw new Error('there is no primary before the fault')
  return primary
}

/** The etcd that the Patroni of the primary is next to. */
const etcdOf = async (cluster: HaCluster): Promise<number> => cluster.pidOf(`etcd${await primaryOf(cluster)}`)

/** Kills a whole node, which stays away for a while. */
async function killNode(cluster: HaCluster, node: NodeNumber): Promise<void> {
  const names = [`patroni${node}`, `etcd${node}`]
  const supervisors = await Promise.all(names.map(cluster.supervisorOf))
  const programs = await Promise.all(names.map(cluster.pidOf))
  const postgres = await cluster.postgresOf(node)
  signal(supervisors, 'SIGSTOP')
  signal([...programs, ...postgres], 'SIGKILL')
  await sleep(LONG * 1000)
  signal(supervisors, 'SIGCONT')
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 of the PostgreSQL of the primary',
    isShort: true,
    act: async (cluster) => signal(await cluster.postgresOf(await primaryOf(cluster)), 'SIGKILL'),
  },
  {
    name: `kill -9 of all of the node of the primary, back after ${LONG} s`,
    awaySeconds: LONG,
    act: async (cluster) => killNode(cluster, await primaryOf(cluster)),
  },
  {
    name: `SIGSTOP of the PostgreSQL of the primary for ${LONG} s`,
    awaySeconds: LONG,
    act: async (cluster) => freeze(await cluster.postgresOf(await primaryOf(cluster)), LONG),
  },
  {
    name: 'kill -9 of the Patroni of the primary',
    act: async (cluster) => signal([await cluster.pidOf(`patroni${await primaryOf(cluster)}`)], 'SIGKILL'),
  },
  {
    name: `SIGSTOP of the Patroni of the primary for ${LONG} s`,
    awaySeconds: LONG,
    act: async (cluster) => freeze([await cluster.pidOf(`patroni${await primaryOf(cluster)}`)], LONG),
  },
  {
    name: 'kill -9 of one etcd, beside the primary',
    act: async (cluster) => signal([await etcdOf(cluster)], 'SIGKILL'),
  },
  {
    name: `SIGSTOP of one etcd, beside the primary, for ${SHORT} s`,
    act: async (cluster) => freeze([await etcdOf(cluster)], SHORT),
  },
  {
    name: `SIGSTOP of all of etcd for ${SHORT} s`,
    act: async (cluster) => freeze(await Promise.all([1, 2, 3].map((node) => cluster.pidOf(`etcd${node}`))), SHORT),
  },
  {
    name: 'a planned switchover',
    isShort: true,
    act: async (cluster) => cluster.run('patronictl', 'switchover', '--force'),
  },
  {
    name: 'kill -9 of the PostgreSQL of the standby',
    act: async (cluster) => {
      const { standby } = await cluster.roles()
      signal(await cluster.postgresOf(standby ?? 1), 'SIGKILL')
    },
  },
  {
    name: `the node of the primary off the network for ${LONG} s`,
    awaySeconds: LONG,
    needsNamespaces: true,
    act: async (cluster) => {
      const node = await primaryOf(cluster)
      await cluster.run('cut', `${node}`)
      await sleep(LONG * 1000)
      await cluster.run('heal', `${node}`)
    },
  },
]
