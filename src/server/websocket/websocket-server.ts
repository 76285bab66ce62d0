import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { Viewer } from '../../domain/access/viewer.ts'
import { BODY_LIMIT } from '../limits/document-limits.ts'
import { GRAPHQL_PATH, pathOf } from '../engine/endpoint.ts'
import { speakProtocol } from './protocol.ts'
import type { ProtocolOptions } from './protocol.ts'
import { CLOSE, connectionOf, isLive } from './connection.ts'
import type { Session } from './connection.ts'
import type { StalledConnections } from '../limits/stalled-connections.ts'

export type WebSocketOptions = Omit<ProtocolOptions, 'onFailure'> & {
  readonly log: Logger
  readonly allowedOrigins: readonly string[]
  readonly draining: () => boolean
  readonly stalls: StalledConnections
}

export type WebSockets = {
  /** Closes every socket, so that clients resume elsewhere. */
  readonly close: () => void
  /** Closes the sockets of viewers whose tokens were revoked. */
  readonly closeRevoked: (isRevoked: (viewer: Viewer) => boolean) => void
  readonly open: () => number
}

/** How long a client may take to answer that its socket is closed. */
const CLOSE_TIMEOUT_MS = 3_000

/** graphql-transport-ws on the path of HTTP. */
export function acceptWebSockets(server: Server, options: WebSocketOptions): WebSockets {
  const { draining, allowedOrigins, stalls, log } = options
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: BODY_LIMIT,
    perMessageDeflate: false,
  })
  const onFailure = ({ connection }: Session, err: unknown) => {
    log.error({ err }, 'a message failed')
    connection.close(CLOSE.failed, 'Internal server error')
  }
  const protocol = { ...options, onFailure }
  const open = new Map<WebSocket, Session>()

  sockets.on('connection', (socket: WebSocket, _request: IncomingMessage, stream: Socket) => {
    const connection = connectionOf(socket)
    const session: Session = { connection }
    open.set(socket, session)
    socket.on('error', (err) => log.debug({ err }, 'a socket failed'))
    // The bytes that wait may yet be read, and the reason of the close after them; if not, ws destroys the socket later.
    stalls.onStall(stream, () => connection.close(CLOSE.tryAgainLater, 'Nothing was read for too long.'))
    connection.onEnd(() => open.delete(socket))
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
      return connection.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    }
    const receive = speakProtocol(session, protocol)
    socket.on('message', (data: Buffer) => {
      // A client may go on sending when its socket is closing.
      if (isLive(session)) receive(data.toString()).catch((error: unknown) => onFailure(session, error))
    })
  })

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', destroy)
    const status = draining() ? '503 Service Unavailable' : refusal(request, allowedOrigins)
    if (status !== null) {
      stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => stream.destroy())
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => sockets.emit('connection', socket, request, stream))
  })

  return {
    open: () => open.size,
    close: () => {
      for (const socket of sockets.clients) {
        const connection = open.get(socket)?.connection
        connection?.close(CLOSE.goingAway, 'Going away')
        setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref()
      }
    },
    closeRevoked: (isRevoked) => {
      for (const { viewer, connection } of open.values()) {
        if (viewer && isRevoked(viewer)) connection.close(CLOSE.expired, 'The access token has been revoked.')
      }
    },
  }
}

/** A function of its own: a closure would hold the request for as long as the socket is open. */
function destroy(this: Duplex): void {
  this.destroy()
}

/** A page of another origin may connect only where it may also call. Other programs send no origin. */
function refusal(request: IncomingMessage, allowedOrigins: readonly string[]): string | null {
  if (pathOf(request) !== GRAPHQL_PATH) return '404 Not Found'
  const { origin, host } = request.headers
  const foreign = origin !== undefined && !allowedOrigins.includes(origin)
  return foreign && (!URL.canParse(origin) || new URL(origin).host !== host) ? '403 Forbidden' : null
}
