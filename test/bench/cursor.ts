/** The cursors of the list of vehicles, so that one cursor serves all systems, and their pages can be compared. */
export const vehicleCursor = (id: string): string => Buffer.from(JSON.stringify(['vehicles', id])).toString('base64url')

/** @returns the empty text, which is ahead of all ids, for none */
export const idOfCursor = (cursor: string | null): string =>
  cursor === null ? '' : String((JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[])[1])
