import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { checkRoom, keepRoom } from './disk-space.ts'
import { embeddedTarget } from '../migrations/target.ts'
import type { MigrationTarget } from '../migrations/target.ts'
import { embeddedSql } from './statement.ts'
import type { Sql } from './statement.ts'

export type Embedded = {
  readonly adapter: SqlDriverAdapterFactory
  readonly sql: Sql
  readonly migrations: MigrationTarget
  readonly close: () => Promise<void>
}

/**
 * PostgreSQL inside this process, its files in `folder`. Every write is on disk before it is answered.
 * @throws when another process has the folder open: two would corrupt it; DiskFullError
 */
export async function openEmbedded(folder: string): Promise<Embedded> {
  const lock = `${folder}.pid`
  await takeLock(lock, folder)
  try {
    await mkdir(folder, { recursive: true })
    checkRoom(folder)
    const client = await PGlite.create({ dataDir: folder, extensions: { btree_gist } })
    const guarded = keepRoom(client, folder)
    return {
      adapter: adapterFor(guarded),
      sql: embeddedSql(guarded),
      migrations: embeddedTarget(guarded),
      close: async () => {
        await client.close()
        await rm(lock, { force: true })
      },
    }
  } catch (error) {
    await rm(lock, { force: true })
    throw error
  }
}

/** The lock appears with its content, and a stale one is taken away by one of those who find it. */
async function takeLock(lock: string, folder: string): Promise<void> {
  const mine = `${lock}.${process.pid}`
  await writeFile(mine, String(process.pid))
  try {
    for (;;) {
      try {
        return await link(mine, lock)
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        const holder = await holderOf(lock)
        // In a container every start may have the same process id, so one's own is a leftover, too.
        if (holder !== process.pid && isAlive(holder)) {
          throw new Error(`the embedded database in ${folder} is in use by process ${holder}`, { cause: error })
        }
        await removeStale(lock, holder)
      }
    }
  } finally {
    await rm(mine, { force: true })
  }
}

async function removeStale(lock: string, holder: number): Promise<void> {
  const aside = `${lock}.stale-${process.pid}`
  try {
    await rename(lock, aside)
  } catch (error) {
    // Somebody else was faster.
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  // Somebody else was faster, and has taken it: give it back.
  if ((await holderOf(aside)) !== holder) await link(aside, lock)
  await rm(aside, { force: true })
}

const holderOf = async (lock: string): Promise<number> => Number(await readFile(lock, 'utf8').catch(() => '0'))
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** The published adapter with a mend: it does not report a COMMIT that fails, so that a full disk would be answered as success. */
function adapterFor(client: PGlite): SqlDriverAdapterFactory {
  let latest: Promise<unknown> = Promise.resolve()
  const watched = new Proxy(client, {
    get(target, key) {
      if (key === 'transaction')
        return (work: Parameters<PGlite['transaction']>[0]) => (latest = target.transaction(work))
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const factory: SqlDriverAdapterFactory = new PrismaPGlite(watched)
  const connect = async (): Promise<SqlDriverAdapter> => {
    const adapter = await factory.connect()
    const startTransaction = adapter.startTransaction.bind(adapter)
    return Object.assign(adapter, {
      startTransaction: async (...args: Parameters<typeof startTransaction>) => {
        const starting = startTransaction(...args)
        const outcome = latest
        const transaction = await starting
        const commit = transaction.commit.bind(transaction)
        transaction.commit = async () => {
          await commit()
          await outcome
        }
        return transaction
      },
    })
  }
  return { provider: 'postgres', adapterName: factory.adapterName, connect }
}
