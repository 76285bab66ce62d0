import { statfsSync } from 'node:fs'
import type { PGlite } from '@electric-sql/pglite'

/**
 * So much is left free. PostgreSQL takes its log's next 16 MB at once, and where it cannot, it gives up; inside of this process
 * that would be a loop without end. Bytes.
 */
const RESERVE = 64 * 1024 * 1024

/** PostgreSQL's codes for a full disk, and for a write while it only reads. */
const FULL = new Set<unknown>(['53100', '25006'])

/** A write for which the disk has no room: nothing was written. */
export class DiskFullError extends Error {
  readonly code = 'ENOSPC'

  constructor(folder: string, cause?: unknown) {
    super(`less than ${RESERVE / 1024 / 1024} MB are free where ${folder} is: nothing is written until there is more`, {
      cause,
    })
  }
}

/** @throws DiskFullError */
export function checkRoom(folder: string): void {
  if (!hasRoom(folder)) throw new DiskFullError(folder)
}

/**
 * The database, which only reads while its disk is nearly full: writes throw a DiskFullError meanwhile. The disk is checked
 * before each use, which takes microseconds.
 */
export function keepRoom(client: PGlite, folder: string): PGlite {
  let writes = true
  const guarded =
    <A extends unknown[], R>(use: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (hasRoom(folder) !== writes) {
        writes = !writes
        await client.exec(`SET default_transaction_read_only = ${writes ? 'off' : 'on'}`)
      }
      try {
        return await use(...args)
      } catch (error) {
        throw FULL.has((error as { code?: unknown }).code) ? new DiskFullError(folder, error) : error
      }
    }
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>
      return key === 'query' || key === 'exec' || key === 'transaction' ? guarded(method) : method
    },
  })
}

function hasRoom(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize >= RESERVE
}
