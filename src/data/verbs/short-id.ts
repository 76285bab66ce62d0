import { randomInt } from 'node:crypto'
import { sqlFailureOf } from '../database/unavailable.ts'

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const ATTEMPTS = 20

const shortId = (length: number): string => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')

const UNIQUE_VIOLATION = '23505'

/**
 * Runs an insert that answers null where its table has the id.
 * @returns null as well where an object of another type has it
 */
export const unlessTaken = <T>(insert: Promise<T | null>): Promise<T | null> =>
  insert.catch((error: unknown) => {
    if (sqlFailureOf(error)?.code === UNIQUE_VIOLATION) return null
    throw error
  })

/**
 * Gives something a short id such as FK852. `insert` says whether the id was still free; the more attempts it takes, the
 * longer the ids that are tried, so that a full space of five (60 million) grows by itself.
 */
export async function withShortId<T>(insert: (id: string) => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const inserted = await insert(shortId(5 + Math.floor(attempt / 4)))
    if (inserted !== null) return inserted
  }
  throw new Error('no free id was found')
}
