import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { Variables } from '../support/api.ts'
import type { Ending } from './history.ts'

export type SocketOrder = {
  readonly url: string
  readonly token: string
  readonly query: string
  readonly variables: Variables
  /** Ends it: a client that has had enough. */
  readonly signal: AbortSignal
  /** With `data` of each result. */
  readonly next: (data: Readonly<Record<string, unknown>>, socket: WebSocket) => void
}

/** Longer than an instance needs, shorter than a long stall. Milliseconds. */
const ACK_LIMIT_MS = 1_000
const CLOSE_LIMIT_MS = 200

/** One subscription over graphql-ws on a socket of its own that does not reconnect. Resolves when it has ended. */
export async function overWebSocket({ url, token, query, variables, signal, next }: SocketOrder): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>()
  let over = false
  const end = (ending: Ending) => {
    over = true
    resolve(ending)
  }
  let socket: WebSocket | undefined
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    connectionAckWaitTimeout: ACK_LIMIT_MS,
    retryAttempts: 0,
  })
  client.on('opened', (opened) => {
    socket = opened as WebSocket
  })
  client.subscribe(
    { query, variables: { ...variables } },
    {
      next: ({ data, errors }) => {
        if (over) return
        if (errors) end(errorEnding(errors))
        else if (data && socket) next(data, socket)
      },
      error: (error) => end(endingOf(error)),
      complete: () => end({ by: 'complete', code: null, message: '' }),
    },
  )
  const leave = () => end({ by: 'client', code: null, message: '' })
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  const ending = await promise
  signal.removeEventListener('abort', leave)
  // It rejects with whatever had ended the socket before.
  Promise.resolve(client.dispose()).catch(() => {})
  // A server that is stalled or gone never answers to the closing.
  setTimeout(() => socket?.terminate(), CLOSE_LIMIT_MS)
  return ending
}

type GraphQLError = { readonly message: string; readonly extensions?: { readonly code?: unknown } }

/** A result that has errors is none that a client can go on from. */
export function errorEnding(errors: readonly GraphQLError[]): Ending {
  const [error] = errors
  const code = error?.extensions?.code
  return { by: 'error', code: typeof code === 'string' ? code : null, message: error?.message ?? '' }
}

function endingOf(error: unknown): Ending {
  if (Array.isArray(error)) return errorEnding(error as GraphQLError[])
  const { code, reason, message } = error as { code?: unknown; reason?: string; message?: string }
  return typeof code === 'number'
    ? { by: 'close', code, message: reason ?? '' }
    : { by: 'network', code: null, message: message ?? String(error) }
}
