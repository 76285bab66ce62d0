import type { WebSocket } from 'ws'
import type { Viewer } from '../../domain/access/viewer.ts'

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
/** While more than this waits for a reader, its messages are left unread. Bytes. */
const WAITING_LIMIT = 1024 * 1024
/** While less than this waits, more may be offered. Bytes. */
const OFFERED_LIMIT = 64 * 1024
/** The protocol's limit for the reason of a close; a longer one would throw. Bytes. */
const REASON_BYTES = 123

/** One WebSocket: pings that find it dead, bounded buffers, and an orderly end. */
export type Connection = {
  readonly isOpen: () => boolean
  /** Resolves once the reader, or its system, has taken it; at once when nobody reads any more. */
  readonly send: (text: string) => Promise<void>
  /** Sends. @returns a promise to wait for before more is offered; null for none */
  readonly offer: (text: string) => Promise<void> | null
  /** Sends the reason, and ends at once all that runs for the socket: a closing socket delivers nothing. */
  readonly close: (code?: number, reason?: string) => void
  /** Called once, when it is closed by either side; at once if it is. */
  readonly onEnd: (end: (code: number, reason: string) => void) => void
}

export function connectionOf(socket: WebSocket): Connection {
  const ends: ((code: number, reason: string) => void)[] = []
  let how: { readonly code: number; readonly reason: string } | null = null
  const ended = (code: number, reason: string) => {
    how ??= { code, reason }
    for (const end of ends.splice(0)) end(how.code, how.reason)
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
  const send = async (text: string) => {
    if (!isOpen()) return
    await new Promise<void>((resolve, reject) => {
      socket.send(text, (error) => {
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
    offer: (text) => {
      if (socket.bufferedAmount >= OFFERED_LIMIT) return send(text)
      if (isOpen()) socket.send(text)
      return null
    },
    close: (code = 1000, reason = '') => {
      // Else its answer would not be read.
      socket.resume()
      socket.close(code, Buffer.byteLength(reason) <= REASON_BYTES ? reason : '')
      ended(code, reason)
    },
    onEnd: (end) => void (how ? end(how.code, how.reason) : ends.push(end)),
  }
}

/** A socket, and its viewer once it was let in. */
export type Session = { readonly connection: Connection; viewer?: Viewer }

/** Ends a socket with its token. */
export const expire = (connection: Connection) => connection.close(CLOSE.expired, 'The access token has expired.')

/**
 * Whether it may be sent anything. The end of the token may be seen here before its timer sees it: a `complete` of what ends
 * with it would tell the client not to come back.
 */
export function isLive({ connection, viewer }: Session): boolean {
  if ((viewer?.expiresAt ?? Infinity) <= Date.now()) expire(connection)
  return connection.isOpen()
}

/** Sends a message, if anybody may still get it. */
export async function sendLive(session: Session, message: object): Promise<void> {
  if (isLive(session)) await session.connection.send(JSON.stringify(message))
}
