import type { ApolloLink } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { makeOperation, mapExchange } from '@urql/core'
import type { Client as SocketClient } from 'graphql-ws'

/** The hash that the client preset leaves in each document, under which the manifest has it. */
function hashOf(document: object): string {
  const { hash } = (document as { __meta__?: { hash?: string } }).__meta__ ?? {}
  if (hash === undefined) throw new Error('the document was not generated with persistedDocuments')
  return hash
}

/** For Apollo Client, ahead of the link that sends. It makes none itself: a server has to have been given the manifest. */
export const hashesBeforeTexts = (): ApolloLink =>
  new PersistedQueryLink({ generateHash: hashOf, disable: () => false, retry: () => false })

/** Apollo's link for WebSockets sends the text all the same; the hash beside an empty one is enough. */
export const withoutTexts = (client: SocketClient): SocketClient => ({
  ...client,
  subscribe: (payload, sink) => client.subscribe({ ...payload, query: '' }, sink),
})

/** For urql, as the first exchange: what has a hash in its extensions is sent without its text. */
export const hashExchange = mapExchange({
  onOperation(operation) {
    if (operation.kind === 'teardown') return operation
    const persistedQuery = { version: 1, sha256Hash: hashOf(operation.query) } as const
    return makeOperation(operation.kind, {
      ...operation,
      extensions: { ...operation.extensions, persistedQuery },
    })
  },
})
