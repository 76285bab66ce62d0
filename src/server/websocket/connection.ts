import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { AtTurnEnd } from '../../async/turn.ts'
import type { Viewer } from '../../domain/access/viewer.ts'
import { framesOf, frameSizeOf } from './frames.ts'
import type { Message } from './frames.ts'

/** For clients of graphql-ws 4401 is final, and 4403 a reason to come back with a fresh token. */
export const CLOSE = {
  badRequest: 4400,
  untrusted: 4401,
  expired: 4403,
  goingAway: 1001,
  invalidText: 1007,
  failed: 1011,
  tryAgainLater: 1013,
} as const

const PING_EVERY_MS = 15_000
/** The bytes that wait for a reader from which on its messages are left unread. */
const WAITING_LIMIT = 1024 * 1024
/** The bytes that wait for a reader up to which more is offered. */
const OFFERED_LIMIT = 64 * 1024
/** The protocol's limit for the reason of a close; a longer one would throw. Bytes. */
const REASON_BYTES = 123

/** One WebSocket: pings that find it dead, bounded buffers, and an orderly end. */
export type Connection = {
  readonly isOpen: () => boolean
  /** Resolves once the reader, or its operating system, has taken the message; at once on a socket that is closed. */
  readonly send: (message: Message) => Promise<void>
  /** Sends soon. @returns a promise to wait for before more is offered; null for none */
  readonly offer: (message: Message) => Promise<void> | null
  /** Sends the reason, and calls the functions of onEnd at once: a closing socket delivers nothing. */
  readonly close: (code?: number, reason?: string) => void
  /** Called once, when it is closed by either side; at once if it is. */
  readonly onEnd: (end: (code: number, reason: string) => void) => void
}

/**
 * Messages that are offered in one turn of the event loop go out in one write. They are written beside ws, which would write each by
 * itself: without compression it writes whole frames, and at once.
 * @param stream what the socket writes to
 */
export function connectionOf(socket: WebSocket, stream: Duplex, atTurnEnd: AtTurnEnd): Connection {
  const ends: ((code: number, reason: string) => void)[] = []
  let closing: { readonly code: number; readonly reason: string } | null = null
  const ended = (code: number, reason: string) => {
    closing ??= { code, reason }
    for (const end of ends.splice(0)) end(closing.code, closing.reason)
  }
  let alive = true
  const pings = setInterval(() => {
    // A reader that takes no bytes does not get to the ping, either: that is a stall, which has its own timeout.
    if (!alive && socket.bufferedAmount === 0) socket.terminate()
    alive = false
    socket.ping()
  }, PING_EVERY_MS)
  socket.on('pong', () => (alive = true))
  socket.on('close', (code, reason) => {
    clearInterval(pings)
    ended(code, reason.toString())
  })
  const isOpen = () => socket.readyState === socket.OPEN
  const gathered: Message[] = []
  let size = 0
  const flush = (done?: (error?: Error | null) => void) => {
    if (gathered.length === 0) return
    const frames = framesOf(gathered, size)
    gathered.length = 0
    size = 0
    // Nothing follows the frame of a close.
    if (isOpen()) stream.write(frames, done)
  }
  const endTurn = () => flush()
  const gather = (message: Message) => {
    size += frameSizeOf(message)
    return gathered.push(message)
  }
  const send = async (message: Message) => {
    if (!isOpen()) return
    await new Promise<void>((resolve, reject) => {
      gather(message)
      flush((error) => {
        if (socket.isPaused && socket.bufferedAmount < WAITING_LIMIT) socket.resume()
        if (error && isOpen()) reject(error)
        else resolve()
      })
      if (socket.bufferedAmount >= WAITING_LIMIT) socket.pause()
    })
  }
  return {
    isOpen,
    send,
    offer: (message) => {
      // Messages that are held back here do not wait for the reader.
      if (size + socket.bufferedAmount >= OFFERED_LIMIT) flush()
      if (socket.bufferedAmount >= OFFERED_LIMIT) return send(message)
      if (gather(message) === 1) atTurnEnd(endTurn)
      return null
    },
    close: (code = 1000, reason = '') => {
      // A paused socket would not read the answer to its close.
      socket.resume()
      flush()
      socket.close(code, Buffer.byteLength(reason) <= REASON_BYTES ? reason : '')
      ended(code, reason)
    },
    onEnd: (end) => void (closing ? end(closing.code, closing.reason) : ends.push(end)),
  }
}

/** A socket, and its viewer once it was let in. */
export type Session = { readonly connection: Connection; viewer?: Viewer }

/** Ends a socket with its token. */
export const expire = (connection: Connection) => connection.close(CLOSE.expired, 'The access token has expired.')

/**
 * Whether the session may be sent anything. The end of the token may be seen here before its timer sees it: a `complete` of what ends
 * with it would tell the client not to come back.
 */
export function isLive({ connection, viewer }: Session): boolean {
  if ((viewer?.expiresAt ?? Infinity) <= Date.now()) expire(connection)
  return connection.isOpen()
}

/** Sends a message if the session is live. */
export async function sendLive(session: Session, message: object): Promise<void> {
  if (isLive(session)) await session.connection.send([Buffer.from(JSON.stringify(message))])
}
