import pg from 'pg'
import type { Endpoints } from './endpoints.ts'

/**
 * A pool whose connections go to the endpoint that will do; one that finds that its server does not is refused.
 * @returns with it how to leave the connections that it has: those in use when they are given back
 */
export function createPool(
  endpoints: Endpoints,
  config: pg.PoolConfig,
): { readonly pool: pg.Pool; readonly retire: () => void } {
  const pool: pg.Pool = new pg.Pool({
    ...config,
    // A function, for the pool makes its clients with new.
    Client: clientFor(endpoints, config) as unknown as new () => pg.ClientBase,
    onConnect: async (client) => {
      try {
        await endpoints.prepare(client)
      } catch (error) {
        endpoints.search()
        throw error
      }
    },
  })
  refuseAtEnd(pool)
  // A connection that breaks while idle is replaced by the pool; unheard, the event would end the process.
  pool.on('error', () => {})
  // Nor does the pool listen on one that it is just handing over.
  pool.on('connect', (client) => client.on('error', () => {}))
  const clients = new Map<pg.PoolClient, 'idle' | 'used' | 'retired'>()
  pool.on('acquire', (client) => clients.set(client, 'used'))
  pool.on('remove', (client) => clients.delete(client))
  pool.on('release', (_error, client) => {
    // Ended by now, it is not taken back.
    if (clients.get(client) === 'retired') void client.end().catch(() => {})
    else clients.set(client, 'idle')
  })
  const retire = () => {
    for (const [client, use] of clients) {
      if (use === 'idle') client.connection.stream.destroy(new Error('the database has become read-only'))
      clients.set(client, 'retired')
    }
  }
  return { pool, retire }
}

type Connected = Parameters<typeof pg.Pool.prototype.connect>[0]

/**
 * Refuses all that wait for a connection as soon as the pool ends. It gives out none from then on, but would leave them to their
 * timeouts.
 */
function refuseAtEnd(pool: pg.Pool): void {
  const waiting = new Set<(error: Error) => void>()
  const [connect, end] = [pool.connect.bind(pool), pool.end.bind(pool)]
  const connectOrRefuse = (callback: Connected) => {
    const refuse = (error: Error) => callback(error, undefined, () => {})
    waiting.add(refuse)
    connect((error, client, release) => {
      if (waiting.delete(refuse)) callback(error, client, release)
      // A connection that has come for one that was refused meanwhile is closed.
      else if (client) release()
    })
  }
  pool.connect = ((callback?: Connected) =>
    callback
      ? connectOrRefuse(callback)
      : new Promise((resolve, reject) => {
          connectOrRefuse((error, client) =>
            client ? resolve(client) : reject(error ?? new Error('the pool gave no connection')),
          )
        })) as typeof pool.connect
  pool.end = () => {
    const ended = end()
    const refused = [...waiting]
    waiting.clear()
    for (const refuse of refused) refuse(new Error('Cannot use a pool after calling end on the pool'))
    return ended
  }
}

function clientFor(endpoints: Endpoints, config: pg.PoolConfig) {
  return function makeClient(): pg.Client {
    const client = new pg.Client({ ...config, ...endpoints.config() })
    const connect = client.connect.bind(client)
    client.connect = ((callback: (error: Error | null) => void) =>
      connect((error: Error | null) => {
        if (error) endpoints.search()
        callback(error)
      })) as typeof client.connect
    return client
  }
}
