import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { OperationTypeNode } from 'graphql'
import { applyEvent, createApolloCache } from '../caches/apollo-cache.ts'
import possible from '../generated/possible-types.ts'
import type { Token } from '../token.ts'
import { EndOfLog, Events, lineOf, Vehicles } from './operations.ts'
import type { Show } from './operations.ts'
import { createResumingClient } from './resuming.ts'

/** Shows a list of vehicles that stays right. @returns a function that ends it */
export async function apolloList(url: string, token: Token, show: Show): Promise<() => void> {
  const socket = createResumingClient(url, token)
  const authorized = new SetContextLink(async () => ({ headers: { Authorization: `Bearer ${await token()}` } }))
  const client = new ApolloClient({
    cache: createApolloCache(possible.possibleTypes),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      authorized.concat(new HttpLink({ uri: `${url}/graphql` })),
    ),
  })

  const { data: log } = await client.query({ query: EndOfLog })
  const { data: list } = await client.query({ query: Vehicles })
  const known = new Set(list?.vehicles.nodes.map(({ id }) => id))
  client.watchQuery({ query: Vehicles }).subscribe(({ data, dataState }) => {
    if (dataState === 'complete') show(data.vehicles.nodes.map(lineOf))
  })
  const after = log?.vehicleEvents.pageInfo.endCursor ?? null
  client.subscribe({ query: Events, variables: { after } }).subscribe(({ data, error }) => {
    if (!data) return console.error('the list is no longer live:', error)
    const { vehicle, vehicleId } = data.vehicleEvents
    // The cache has taken what came of the vehicle, and tells all that show it.
    applyEvent(client.cache, data.vehicleEvents)
    if (vehicle && !known.has(vehicleId)) void client.refetchQueries({ include: [Vehicles] })
    if (vehicle) known.add(vehicleId)
    else known.delete(vehicleId)
  })
  return () => {
    client.stop()
    void socket.dispose()
  }
}
