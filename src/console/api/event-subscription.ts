import { stringifyDocument } from '@urql/core'
import { createClient } from 'graphql-ws'
import type { Client } from 'graphql-ws'
import type { ResultOf } from 'gql.tada'
import { EventSubscription } from './documents.ts'
import type { Event } from './documents.ts'

/** The state of the connection that delivers a fleet's events. */
export type Connection =
  | { readonly status: 'connecting' }
  | { readonly status: 'live' }
  /** With a reason the connection was lost and a retry is scheduled; without one the user closed it. */
  | { readonly status: 'disconnected'; readonly reason: string | null }
  /** The server refused for good: no retry with this token would succeed. */
  | { readonly status: 'ended'; readonly reason: string }

export type Subscription = {
  /** Drops the connection without a closing handshake, like a network failure, and does not retry. */
  readonly disconnect: () => void
  /** Connects again and resumes after the last event. */
  readonly reconnect: () => void
  readonly close: () => void
}

type Listener = {
  /** The cursor after which to resume; null for new events only. It is read at each connection. */
  readonly after: () => string | null
  readonly onEvent: (event: Event) => void
  readonly onConnection: (connection: Connection) => void
}

/** The delay before the first retry, and the limit to which it doubles. */
const [MIN_RETRY_MS, MAX_RETRY_MS] = [250, 8_000]
/** Close codes after which neither this token nor this client should retry: see docs/errors.md. */
const FATAL_CLOSE_CODES = new Set([4400, 4401, 4403])
/** Errors of an operation that a retry may overcome. */
const TEMPORARY_ERRORS: readonly unknown[] = ['SERVICE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR']

type OperationError = { readonly message: string; readonly extensions?: { readonly code?: unknown } }

/**
 * Subscribes to all events of a fleet over a WebSocket of its own. Lost connections are retried with a growing delay.
 */
export function subscribeToEvents(token: string, { after, onEvent, onConnection }: Listener): Subscription {
  let client: Client | null = null
  let timer = 0
  let retryDelay = MIN_RETRY_MS
  /** The delay before the socket was acknowledged, for the server may still refuse the operation after that. */
  let delayBefore = retryDelay
  const query = stringifyDocument(EventSubscription)

  function connect(): void {
    clearTimeout(timer)
    onConnection({ status: 'connecting' })
    const own = createClient({
      url: `${location.origin.replace('http', 'ws')}/graphql`,
      connectionParams: { Authorization: `Bearer ${token}` },
      // The client's own retries would repeat the first cursor.
      retryAttempts: 0,
      on: {
        connected: () => {
          delayBefore = retryDelay
          retryDelay = MIN_RETRY_MS
          if (client === own) onConnection({ status: 'live' })
        },
      },
    })
    client = own
    const end = (reason: string, isFatal: boolean) => {
      if (client !== own) return
      client = null
      void own.dispose()
      if (isFatal) return onConnection({ status: 'ended', reason })
      onConnection({ status: 'disconnected', reason })
      timer = setTimeout(connect, retryDelay)
      retryDelay = Math.min(retryDelay * 2, MAX_RETRY_MS)
    }
    own.subscribe<ResultOf<typeof EventSubscription>>(
      { query, variables: { after: after() } },
      {
        next: ({ data }) => client === own && data && onEvent(data.vehicleEvents),
        error: (error) => {
          if (error instanceof CloseEvent) {
            end(error.reason || `The connection was closed (${error.code}).`, FATAL_CLOSE_CODES.has(error.code))
          } else if (Array.isArray(error)) {
            const errors = error as readonly OperationError[]
            retryDelay = delayBefore
            end(
              errors.map(({ message }) => message).join(' '),
              !errors.every(({ extensions }) => TEMPORARY_ERRORS.includes(extensions?.code)),
            )
          } else end('The server cannot be reached.', false)
        },
        complete: () => end('The access token has expired.', true),
      },
    )
  }

  function drop(): void {
    clearTimeout(timer)
    const own = client
    client = null
    own?.terminate()
    void own?.dispose()
  }

  connect()
  return {
    disconnect: () => {
      drop()
      onConnection({ status: 'disconnected', reason: null })
    },
    reconnect: () => {
      drop()
      connect()
    },
    close: drop,
  }
}
