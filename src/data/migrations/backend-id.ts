import type pg from 'pg'

/**
 * The process id of the session's backend as it was told when the connection began, which the types of pg leave out. A
 * pooler in between makes one up.
 */
export const backendIdOf = (client: pg.Client): number | null =>
  (client as unknown as { processID: number | null }).processID
