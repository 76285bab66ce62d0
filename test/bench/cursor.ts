import { createCursors } from '../../src/data/log/cursor.ts'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import type { World } from './data.ts'

/** A cursor anywhere in a world's log. */
export function logCursor({ events, cursorKey }: World, random: Random): string {
  if (cursorKey === null) throw new Error('no server has made the key of cursors')
  return createCursors(Buffer.from(cursorKey, 'base64')).seal(1 + Math.floor(between(random, 0, events)))
}

/** The cursors of the list of vehicles, so that one cursor serves all systems, and their pages can be compared. */
export const vehicleCursor = (id: string): string => Buffer.from(JSON.stringify(['vehicles', id])).toString('base64url')

/** @returns the empty text, which is ahead of all ids, for none */
export const idOfCursor = (cursor: string | null): string =>
  cursor === null ? '' : String((JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[])[1])
