import { CloseCode, MessageType, parseMessage } from 'graphql-ws'
import type { ConnectionInitMessage, Message } from 'graphql-ws'
import { atInstant } from '../../async/timer.ts'
import { AuthenticationError } from '../auth/authenticate.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { TakeConnection } from '../limits/connection-limit.ts'
import { CLOSE, expire, sendLive } from './connection.ts'
import type { Session } from './connection.ts'
import { createSocketOperations } from './socket-operations.ts'
import type { SocketOperations, SocketOperationsOptions } from './socket-operations.ts'

export type ProtocolOptions = SocketOperationsOptions & {
  readonly authenticate: Authenticate
  /** Counts the connections that stay open with one token. */
  readonly takeConnection: TakeConnection
}

/** The time that a client may take for its connection_init. Milliseconds. */
const INIT_TIMEOUT_MS = 10_000

export type Protocol = {
  /** Takes a message. Rejects for failures of the server. */
  readonly receive: (text: string) => Promise<void>
  readonly drain: SocketOperations['drain']
}

/** graphql-transport-ws on one socket: its state, and the effect of each message. */
export function speakProtocol(session: Session, options: ProtocolOptions): Protocol {
  const { connection } = session
  const operations = createSocketOperations(session, options)
  let state: 'new' | 'initialising' | 'acknowledged' = 'new'
  const timer = setTimeout(() => {
    if (state === 'new')
      connection.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
  }, INIT_TIMEOUT_MS)
  connection.onEnd(() => {
    clearTimeout(timer)
    operations.stopAll()
  })

  async function initialise({ payload }: ConnectionInitMessage): Promise<void> {
    if (state !== 'new') return tooMany()
    state = 'initialising'
    if (!(await authenticateSocket(session, payload, options))) return
    state = 'acknowledged'
    await sendLive(session, { type: MessageType.ConnectionAck })
  }

  const tooMany = () => connection.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests')

  const receive = async (text: string) => {
    const message = messageIn(text)
    switch (message?.type) {
      case MessageType.ConnectionInit:
        return initialise(message)
      case MessageType.Ping:
        return sendLive(session, { type: MessageType.Pong, ...(message.payload ? { payload: message.payload } : {}) })
      case MessageType.Pong:
        return undefined
      case MessageType.Subscribe:
        if (state === 'acknowledged') return operations.start(message)
        return connection.close(CloseCode.Unauthorized, 'Unauthorized')
      case MessageType.Complete:
        return operations.stop(message.id)
      // Messages that only servers send, and texts that are no messages.
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
      case undefined:
        return connection.close(CLOSE.badRequest, 'Invalid message received')
    }
  }
  return { receive, drain: operations.drain }
}

/** The message in a text; null for a text that is none. */
function messageIn(text: string): Message | null {
  try {
    return parseMessage(text)
  } catch {
    return null
  }
}

/** @returns whether the token is trusted; if not, the socket is closed */
async function authenticateSocket(
  session: Session,
  params: ConnectionInitMessage['payload'],
  { authenticate, takeConnection }: ProtocolOptions,
): Promise<boolean> {
  const { connection } = session
  try {
    const viewer = await authenticate(authorizationIn(params ?? {}))
    const release = takeConnection(viewer.tokenId)
    if (release === null) {
      connection.close(CLOSE.tryAgainLater, 'Too many connections are open with this access token.')
      return false
    }
    const cancel = atInstant(viewer.expiresAt, () => expire(connection))
    connection.onEnd(() => {
      release()
      cancel()
    })
    session.viewer = viewer
    return true
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error
    const codes = { UNTRUSTED: CLOSE.untrusted, EXPIRED: CLOSE.expired, UNAVAILABLE: CLOSE.tryAgainLater }
    connection.close(codes[error.reason], error.message)
    return false
  }
}

function authorizationIn(params: object): string | undefined {
  const [, value] = Object.entries(params).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
