import { randomInt } from 'node:crypto'

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const ATTEMPTS = 20

const shortId = (length: number): string => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')

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
