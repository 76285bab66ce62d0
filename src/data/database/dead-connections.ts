import { Socket } from 'node:net'
import type pg from 'pg'

/**
 * Closes a connection in use on which no bytes have come or gone for so long. One timer for each connection, which each byte
 * restarts. The driver's own (query_timeout) is one for each statement, and by way of it the
 * collector of short-lived objects took the rows of every statement for old: a tenth of the time under load.
 * @param ms milliseconds; longer than a statement may take
 */
export function giveUpSilent(pool: pg.Pool, ms: number): void {
  const inUse = new Set<pg.PoolClient>()
  pool.on('acquire', (client) => inUse.add(client))
  pool.on('release', (_error, client) => inUse.delete(client))
  pool.on('connect', (client) => {
    const { stream } = client.connection
    if (!(stream instanceof Socket)) return
    stream.setTimeout(ms, () => {
      if (inUse.has(client)) stream.destroy(new Error('the connection to the database has gone silent'))
    })
  })
}
