import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { createTurnEnd } from '../../async/turn.ts'
import { allowsOrigin } from '../../domain/access/origins.ts'
import type { Origins } from '../../domain/access/origins.ts'
import type { Viewer } from '../../domain/access/viewer.ts'
import { BODY_LIMIT } from '../limits/document-limits.ts'
import { GRAPHQL_PATH, normalizeTarget, pathOf, refuseRaw, requestIdOf } from '../engine/endpoint.ts'
import type { Refusal } from '../engine/endpoint.ts'
import { speakProtocol } from './protocol.ts'
import type { Protocol, ProtocolOptions } from './protocol.ts'
import { maskError } from '../../graphql/base/errors.ts'
import { CLOSE, connectionOf, isLive } from './connection.ts'
import type { Session } from './connection.ts'
import type { StalledConnections } from '../limits/stalled-connections.ts'

export type WebSocketOptions = Omit<ProtocolOptions, 'onFailure'> & {
  readonly log: Logger
  readonly origins: Origins
  readonly draining: () => boolean
  readonly stalls: StalledConnections
  /** Called when a page of another origin was refused. */
  readonly onForeignOrigin: (page: ForeignPage) => void
}

export type WebSockets = {
  /**
   * Closes every socket, so that clients resume elsewhere: at once, or once the queries and mutations that run on it are answered.
   * @param mostMs the longest that one waits for them. Milliseconds
   */
  readonly close: (mostMs: number) => void
  /** Closes the sockets of viewers whose tokens were revoked. */
  readonly closeRevoked: (isRevoked: (viewer: Viewer) => boolean) => void
  readonly open: () => number
}

/** The time that a client may take to answer a close. Milliseconds. */
const CLOSE_TIMEOUT_MS = 3_000

/** graphql-transport-ws on the path of HTTP. */
export function acceptWebSockets(server: Server, options: WebSocketOptions): WebSockets {
  const { draining, origins, stalls, log, onForeignOrigin } = options
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: BODY_LIMIT,
    perMessageDeflate: false,
  })
  const onFailure = ({ connection }: Session, err: unknown) => {
    const { message, extensions } = maskError(err, randomUUID(), () => log.error({ err }, 'a message failed'))
    // Clients take 1011 as final, and a database that is away is not.
    const isAway = extensions['code'] === 'SERVICE_UNAVAILABLE'
    connection.close(isAway ? CLOSE.tryAgainLater : CLOSE.failed, isAway ? message : 'Internal server error')
  }
  const protocol = { ...options, onFailure }
  const open = new Map<WebSocket, Session>()
  const drains = new WeakMap<WebSocket, Protocol['drain']>()
  const atTurnEnd = createTurnEnd()

  sockets.on('connection', (socket: WebSocket, _request: IncomingMessage, stream: Socket) => {
    const connection = connectionOf(socket, stream, atTurnEnd)
    const session: Session = { connection }
    open.set(socket, session)
    socket.on('error', (err) => log.debug({ err }, 'a socket failed'))
    // The bytes that wait may yet be read, and the reason of the close after them; if not, ws destroys the socket later.
    stalls.onStall(stream, () => connection.close(CLOSE.tryAgainLater, 'Nothing was read for too long.'))
    connection.onEnd(() => open.delete(socket))
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
      return connection.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    }
    const { receive, drain } = speakProtocol(session, protocol)
    drains.set(socket, drain)
    socket.on('message', (data: Buffer) => {
      // A client may go on sending when its socket is closing.
      if (!isLive(session)) return
      // ws itself checks text messages.
      if (!isUtf8(data)) return connection.close(CLOSE.invalidText, 'Invalid UTF-8')
      receive(data.toString()).catch((error: unknown) => onFailure(session, error))
    })
  })

  // ws would refuse a handshake that is wrong in a form of its own.
  sockets.on('wsClientError', ({ message }, stream, request) => {
    refuseRaw(
      stream,
      { status: request.method === 'GET' ? 400 : 405, code: 'BAD_USER_INPUT', message },
      requestIdOf(request),
    )
  })

  const refusalOf = (request: IncomingMessage): Refusal | null => {
    if (draining()) return { status: 503, code: 'SERVICE_UNAVAILABLE', message: 'The server is about to stop.' }
    const fault = normalizeTarget(request)
    if (fault !== null) return { status: 400, code: 'BAD_USER_INPUT', message: fault }
    if (pathOf(request) !== GRAPHQL_PATH) {
      return { status: 404, code: 'BAD_USER_INPUT', message: `WebSockets are served at ${GRAPHQL_PATH}.` }
    }
    const page = foreignPage(request, origins)
    if (page === null) return null
    onForeignOrigin(page)
    return { status: 403, code: 'FORBIDDEN', message: FOREIGN_ORIGIN }
  }

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', destroy)
    const requestId = requestIdOf(request)
    let isUpgraded = false
    try {
      const refused = refusalOf(request)
      if (refused) return refuseRaw(stream, refused, requestId)
      sockets.handleUpgrade(request, stream, head, (socket) => {
        isUpgraded = true
        sockets.emit('connection', socket, request, stream)
      })
    } catch (err) {
      log.error({ err, requestId }, 'a WebSocket could not be opened')
      if (isUpgraded) stream.destroy()
      else refuseRaw(stream, { status: 500, code: 'INTERNAL_SERVER_ERROR', message: MASKED }, requestId)
    }
  })

  return {
    open: () => open.size,
    close: (mostMs) => {
      for (const socket of sockets.clients) {
        const end = () => {
          open.get(socket)?.connection.close(CLOSE.goingAway, 'Going away')
          setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref()
        }
        const drain = drains.get(socket)
        if (!drain) end()
        else {
          const late = setTimeout(end, mostMs).unref()
          drain(() => {
            clearTimeout(late)
            end()
          })
        }
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

/** A page's origin, and the host that it was sent to. */
export type ForeignPage = { readonly origin: string; readonly host: string | undefined }

/** The remedy is the operator's: of the page as well as of a proxy that gives the server another host than the page sees. */
export const FOREIGN_ORIGIN =
  "A WebSocket was refused: its Origin is neither this server's own, by its Host header, nor in ALLOWED_ORIGINS. Add the " +
  "page's origin to ALLOWED_ORIGINS, or have the proxy pass the Host header on."
const MASKED = 'Something went wrong inside the server.'

/** A page of another origin may connect only where it may also call. Other programs send no origin. */
function foreignPage({ headers }: IncomingMessage, origins: Origins): ForeignPage | null {
  const { origin, host } = headers
  if (origin === undefined || allowsOrigin(origins, origin)) return null
  if (URL.canParse(origin) && new URL(origin).host === host) return null
  return { origin: origin.slice(0, ORIGIN_LENGTH), host }
}

/** The most characters of an origin in a line of the log. */
const ORIGIN_LENGTH = 100
