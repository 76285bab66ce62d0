import { createClient, MessageType } from 'graphql-ws'
import type { Client, CompleteMessage, NextMessage, SubscribeMessage } from 'graphql-ws'
import type { Token } from '../token.ts'

/**
 * A client over WebSocket that comes back after every loss of its connection, with a token that is good then. Each subscription
 * goes on behind the last event that it delivered, so that none is missing and none comes twice. Documents have to ask for the
 * `cursor` of `vehicleEvents`, and to take it as the variable `after`.
 */
export function createResumingClient(url: string, token: Token): Client {
  /** The cursor of the last event, by the id of its subscription, which a retry keeps. */
  const cursors = new Map<string, string>()
  return createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
    retryAttempts: Infinity,
    // Not only what the server closed: also a server that is not there.
    shouldRetry: () => true,
    on: {
      message: (message) => {
        const cursor = message.type === MessageType.Next ? cursorIn(message) : undefined
        if (cursor !== undefined) cursors.set((message as NextMessage).id, cursor)
        if (message.type === MessageType.Complete || message.type === MessageType.Error) cursors.delete(message.id)
      },
    },
    jsonMessageReplacer: (key, value: unknown) => {
      if (key !== '' || typeof value !== 'object' || value === null) return value
      const message = value as SubscribeMessage | CompleteMessage
      const after = cursors.get(message.id)
      if (message.type === MessageType.Complete) cursors.delete(message.id)
      if (message.type !== MessageType.Subscribe || after === undefined) return value
      return { ...message, payload: { ...message.payload, variables: { ...message.payload.variables, after } } }
    },
  })
}

const cursorIn = ({ payload }: NextMessage): string | undefined =>
  (payload.data as { vehicleEvents?: { cursor?: string } } | null | undefined)?.vehicleEvents?.cursor
