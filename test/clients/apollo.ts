import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import { OperationTypeNode } from 'graphql'
import { WebSocket } from 'ws'
import { getFragmentData, graphql } from './generated/index.ts'
import possible from './generated/possible-types.ts'
import { granted } from './refusal.ts'
import type { Token } from './token.ts'
import { hashesBeforeTexts, withoutTexts } from './trusted.ts'

/**
 * Queries and mutations over HTTP, subscriptions over a WebSocket; both with the token. Where the server trusts this client's
 * documents alone, it names them instead of sending them.
 */
export function createApollo(url: string, token: Token, { byHash = false } = {}) {
  const authorization = async () => ({ Authorization: `Bearer ${await token()}` })
  const authorized = new SetContextLink(async ({ headers }) => ({
    headers: { ...headers, ...(await authorization()) },
  }))
  const http = authorized.concat(new HttpLink({ uri: `${url}/graphql` }))
  const socket = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    // A retry would ask for the first `after` again: whoever subscribes goes on behind the last event that was seen.
    retryAttempts: 0,
  })
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(byHash ? withoutTexts(socket) : socket),
    http,
  )
  const client = new ApolloClient({
    link: byHash ? hashesBeforeTexts().concat(link) : link,
    // Without these the cache would take `... on UserError` for something that no result can be.
    cache: new InMemoryCache({ possibleTypes: possible.possibleTypes }),
  })
  const close = async () => {
    client.stop()
    await socket.dispose()
  }
  return { client, close }
}

const Card = graphql(`
  fragment Card on Vehicle {
    id
    name
    sharing {
      id
      partner {
        name
      }
    }
  }
`)

const Vehicles = graphql(`
  query Vehicles($after: String) {
    vehicles(first: 2, after: $after) {
      nodes {
        ...Card
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const Lend = graphql(`
  mutation Lend($input: StartSharingInput!) {
    startSharing(input: $input) {
      ... on StartSharingSuccess {
        vehicle {
          ...Card
        }
        sharing {
          startsAt
          endsAt
        }
      }
      ... on SharingConflictError {
        conflict {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

const Follow = graphql(`
  subscription Follow($after: String) {
    vehicleEvents(after: $after) {
      __typename
      ... on SharingEvent {
        endReason
      }
      ... on CommandEvent {
        status
      }
      ... on StateEvent {
        state {
          speedKmh {
            value
          }
        }
      }
    }
  }
`)

type Client = ReturnType<typeof createApollo>['client']

/** All of the fleet's vehicles, page by page. @returns who drives what, such as "Zoe 1: ShareTwo" */
export async function roster(client: Client): Promise<string[]> {
  const lines: string[] = []
  let page = await pageAfter(client, null)
  for (;;) {
    for (const node of page.nodes) {
      const { id, name, sharing } = getFragmentData(Card, node)
      lines.push(`${name ?? id}: ${sharing?.partner.name ?? 'at home'}`)
    }
    if (!page.pageInfo.hasNextPage) return lines
    page = await pageAfter(client, page.pageInfo.endCursor)
  }
}

async function pageAfter(client: Client, after: string | null) {
  const { data } = await client.query({ query: Vehicles, variables: { after }, fetchPolicy: 'network-only' })
  if (!data) throw new Error('there is no answer')
  return data.vehicles
}

/** @throws RefusedError */
export async function lend(client: Client, vehicleId: string, fleetId: string) {
  const { data } = await client.mutate({ mutation: Lend, variables: { input: { vehicleId, fleetId } } })
  if (!data) throw new Error('there is no answer')
  return granted(data.startSharing).sharing
}

/** What is known of a vehicle without asking again. */
export const known = (client: Client, vehicleId: string) =>
  client.cache.readFragment({ id: `Vehicle:${vehicleId}`, fragment: Card, fragmentName: 'Card' })

/** Each event in words: which of them it is, is told by __typename. */
export const stories = (client: Client, after: string | null, tell: (story: string) => void) =>
  client.subscribe({ query: Follow, variables: { after } }).subscribe(({ data }) => {
    if (!data) return
    const event = data.vehicleEvents
    switch (event.__typename) {
      case 'SharingEvent':
        return tell(`sharing ${event.endReason ?? 'goes on'}`)
      case 'CommandEvent':
        return tell(`command ${event.status}`)
      case 'StateEvent':
        return tell(`${event.state.speedKmh?.value ?? 'some'} km/h`)
      case 'VehicleChangedEvent':
      case 'VehicleUseEvent':
        return tell('changed')
    }
  })
