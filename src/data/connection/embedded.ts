import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { checkRoom, keepRoom } from '../database/disk-space.ts'
import { lockFolder } from './folder-lock.ts'
import { embeddedTarget } from '../migrations/target.ts'
import type { MigrationTarget } from '../migrations/target.ts'
import { embeddedSql } from '../database/statement.ts'
import type { Sql } from '../database/statement.ts'

export type Embedded = {
  readonly adapter: SqlDriverAdapterFactory
  readonly sql: Sql
  readonly migrations: MigrationTarget
  readonly close: () => Promise<void>
}

/**
 * PostgreSQL inside this process, its files in `folder`. Every write is on disk before it is answered.
 * @throws DatabaseStartError when another process has the folder open: two would corrupt it; DiskFullError
 */
export async function openEmbedded(folder: string): Promise<Embedded> {
  const unlock = await lockFolder(folder)
  try {
    await mkdir(folder, { recursive: true })
    checkRoom(folder)
    await removeStale(folder)
    const client = await PGlite.create({ dataDir: folder, extensions: { btree_gist } })
    const guarded = keepRoom(client, folder)
    return {
      adapter: adapterFor(guarded),
      sql: embeddedSql(guarded),
      migrations: embeddedTarget(guarded),
      close: async () => {
        await client.close()
        await unlock()
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

/**
 * After a power cut PostgreSQL's own lock file may be left empty, or full of NULs, and PostgreSQL would not start beside it.
 * The folder is locked by now, so the process that the file names does not run.
 */
const removeStale = (folder: string): Promise<void> => rm(join(folder, 'postmaster.pid'), { force: true })

/** The published adapter with a repair: it does not report a COMMIT that fails, so a full disk would be answered as success. */
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
