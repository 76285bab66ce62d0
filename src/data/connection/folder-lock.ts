import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { DatabaseStartError } from './start-error.ts'

/** SQLite's result codes. */
const BUSY = 5
const NOT_A_DATABASE = 26

/**
 * Locks a folder by what the operating system holds: a record lock on a file beside it, which SQLite takes, for Node has no
 * call for it. It is gone with its process however that ends, needs no process ids, and is seen from every container on the
 * volume. A file that says who has it lies beside, for people alone.
 * @returns how to give it back; to be kept, for with it the lock is collected
 * @throws DatabaseStartError when somebody else has it, or the file system has no locks
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = `${folder}.lock`
  const holder = `${folder}.pid`
  const lock = await take(file).catch(async (error: unknown) => {
    if (resultCodeOf(error) !== BUSY) {
      throw new DatabaseStartError(
        `DATA_DIR: ${file} cannot be locked (${messageOf(error)}): choose a folder that this process may write to, on a file system with locks`,
        false,
        error,
      )
    }
    throw new DatabaseStartError(
      `DATA_DIR: the embedded database in ${folder} is in use by ${await holderOf(holder)} (fuser ${file} shows it): stop it, or choose another DATA_DIR; nothing has to be removed`,
      false,
      error,
    )
  })
  await writeFile(holder, `${process.pid}`)
  return async () => {
    await rm(holder, { force: true })
    lock.close()
  }
}

async function take(file: string): Promise<DatabaseSync> {
  try {
    return lockNow(file)
  } catch (error) {
    // What a power cut has left: NULs, or anything. Emptied, it is still the same file with the same locks.
    if (resultCodeOf(error) !== NOT_A_DATABASE) throw error
    await truncate(file)
    return lockNow(file)
  }
}

function lockNow(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    // There is nothing to be undone, and so no file for it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const resultCodeOf = (error: unknown): unknown => (error as { errcode?: unknown }).errcode
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** As far as the file that it has left says so: a container counts its processes by itself. */
async function holderOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return /^\d{1,10}$/.test(text) ? `process ${text}, or a container's process with that number,` : 'another process'
}
