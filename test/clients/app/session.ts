import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { OperationTypeNode } from 'graphql'
import { createApolloCache } from '../caches/apollo-cache.ts'
import possible from '../generated/possible-types.ts'
import { createResumingClient } from '../live/resuming.ts'
import { EndOfLog } from './operations.ts'

/** A client that is signed in. */
export type Session = {
  readonly client: ApolloClient
  /** The end of the log as the session began; null for an empty log. */
  readonly after: string | null
  /** Calls back with whether events arrive as they happen. */
  readonly onLive: (tell: (isLive: boolean) => void) => () => void
}

/** @throws where the server is away, or does not trust the token */
export async function signIn(url: string, token: string): Promise<Session> {
  const socket = createResumingClient(url, () => token)
  const client = new ApolloClient({
    cache: createApolloCache(possible.possibleTypes),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new SetContextLink(() => ({ headers: { Authorization: `Bearer ${token}` } })).concat(
        new HttpLink({ uri: `${url}/graphql` }),
      ),
    ),
  })
  const { data } = await client.query({ query: EndOfLog })
  return {
    client,
    after: data?.vehicleEvents.pageInfo.endCursor ?? null,
    onLive: (tell) => {
      const offs = [socket.on('connected', () => tell(true)), socket.on('closed', () => tell(false))]
      return () => offs.forEach((off) => off())
    },
  }
}
