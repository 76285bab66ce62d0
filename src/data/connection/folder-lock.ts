import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { DatabaseStartError } from './start-error.ts'

/** SQLite's result codes. */
const BUSY = 5
const NOT_A_DATABASE = 26

/**
 * Locks a folder by a record lock of the operating system on a file beside it. SQLite takes the lock, because Node has no call
 * for it. The lock ends with its process in any case, needs no process ids, and is seen from every container on the volume. A
 * second file names the process that holds it, for people alone.
 * @returns a function that releases the lock; to be kept, because the lock is garbage-collected with it
 * @throws DatabaseStartError when another process holds it, or the file system has no locks
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
    // A power cut may have filled the file with NULs or other bytes. Emptied, it is the same file with the same locks.
    if (resultCodeOf(error) !== NOT_A_DATABASE) throw error
    await truncate(file)
    return lockNow(file)
  }
}

function lockNow(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    // Nothing is written, so a journal in a file is not needed.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const resultCodeOf = (error: unknown): unknown => (error as { errcode?: unknown }).errcode
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The process that the file names; in a container the number is one of the container's own. */
async function holderOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return /^\d{1,10}$/.test(text) ? `process ${text}, or a container's process with that number,` : 'another process'
}
