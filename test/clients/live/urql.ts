import { Client, fetchExchange, subscriptionExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import type { CacheExchangeOpts } from '@urql/exchange-graphcache'
import { graphcacheOptions } from '../caches/graphcache.ts'
import type { Token } from '../token.ts'
import { EndOfLog, Events, lineOf, Vehicles } from './operations.ts'
import type { Show } from './operations.ts'
import { createResumingClient } from './resuming.ts'

/**
 * Shows a list of vehicles that stays right.
 *
 * @param schema the answer to an introspection query
 * @returns a function that ends it
 */
export async function urqlList(
  url: string,
  token: Token,
  schema: NonNullable<CacheExchangeOpts['schema']>,
  show: Show,
): Promise<() => void> {
  const socket = createResumingClient(url, token)
  const client = new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('Authorization', `Bearer ${await token()}`)
      return fetch(input, { ...init, headers })
    },
    exchanges: [
      cacheExchange(graphcacheOptions(schema)),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => {
            const next = (result: object) => sink.next(result)
            return { unsubscribe: socket.subscribe({ query, variables: { ...variables } }, { ...sink, next }) }
          },
        }),
      }),
    ],
  })

  const { data: log } = await client.query(EndOfLog, {}).toPromise()
  await client.query(Vehicles, {}).toPromise()
  const known = new Set<string>()
  const list = client.query(Vehicles, {}).subscribe(({ data }) => {
    if (!data) return
    data.vehicles.nodes.forEach(({ id }) => known.add(id))
    show(data.vehicles.nodes.map(lineOf))
  })
  const after = log?.vehicleEvents.pageInfo.endCursor ?? null
  const events = client.subscription(Events, { after }).subscribe(({ data, error }) => {
    if (!data) return console.error('the list is no longer live:', error)
    const { vehicle, vehicleId } = data.vehicleEvents
    // Graphcache has taken what came of the vehicle, and asks again for the list of one that is out of sight.
    if (vehicle && !known.has(vehicleId)) {
      void client.query(Vehicles, {}, { requestPolicy: 'network-only' }).toPromise()
    }
  })
  return () => {
    list.unsubscribe()
    events.unsubscribe()
    void socket.dispose()
  }
}
