import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** How long bytes may wait for a reader that takes none of them. Milliseconds. */
const STALL_MS = 30_000
/** How often that is looked at, for each such time. */
const LOOKS = 15

export type Stalls = {
  /** What to do instead of destroying a connection when its reader stalls. */
  readonly onStall: (connection: Socket, end: () => void) => void
  readonly stop: () => void
}

/**
 * Ends connections whose reader stalls: bytes wait for it and none were taken for 30 s. What waits stays bounded meanwhile,
 * for nothing is produced for a connection before what came earlier was taken.
 */
export function endStalled(server: Server, stallMs: number = STALL_MS): Stalls {
  const connections = new Map<Socket, { taken: number; since: number; end: () => void }>()
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { taken: 0, since: performance.now(), end: () => socket.destroy() })
    socket.on('close', () => connections.delete(socket))
  })
  const look = () => {
    const now = performance.now()
    for (const [socket, seen] of connections) {
      const taken = socket.bytesWritten - waitingIn(socket)
      if (socket.writableLength === 0 || taken !== seen.taken) Object.assign(seen, { taken, since: now })
      else if (now - seen.since >= stallMs) seen.end()
    }
  }
  const timer = setInterval(look, stallMs / LOOKS).unref()
  return {
    onStall(connection, end) {
      const seen = connections.get(connection)
      if (seen) seen.end = end
    },
    stop: () => clearInterval(timer),
  }
}

/** What the system has not taken yet; a long write is taken bit by bit, which only Node's own handle tells. */
const waitingIn = (socket: Socket): number =>
  (socket as unknown as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ??
  socket.writableLength
