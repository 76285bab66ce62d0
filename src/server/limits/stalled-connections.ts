import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The time that bytes may wait for a reader that takes none of them. Milliseconds. */
const STALL_MS = 30_000
/** The number of checks in that time. */
const CHECKS = 15

export type StalledConnections = {
  /** Sets how a connection is ended when its reader stalls; else it is destroyed. */
  readonly onStall: (connection: Socket, end: () => void) => void
  readonly stop: () => void
}

/**
 * Ends connections whose reader stalls: bytes wait for it and none were taken for 30 s. The bytes that wait are bounded, for
 * little more is produced for a connection before the earlier bytes were taken.
 */
export function endStalledConnections(server: Server, stallMs: number = STALL_MS): StalledConnections {
  const connections = new Map<Socket, Seen>()
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { taken: 0, held: 0, since: performance.now(), end: () => socket.destroy() })
    socket.on('close', () => connections.delete(socket))
  })
  const check = () => {
    const now = performance.now()
    for (const [socket, seen] of connections) {
      // Writes that are done with, and how much is left of the one under way: a ping that joins the queue is neither.
      const taken = socket.bytesWritten - socket.writableLength
      const held = heldOf(socket)
      const moves = socket.writableLength === 0 || taken !== seen.taken || held < seen.held
      if (moves) Object.assign(seen, { taken, held, since: now })
      else if (now - seen.since >= stallMs) seen.end()
    }
  }
  const timer = setInterval(check, stallMs / CHECKS).unref()
  return {
    onStall(connection, end) {
      const seen = connections.get(connection)
      if (seen) seen.end = end
    },
    stop: () => clearInterval(timer),
  }
}

type Seen = { taken: number; held: number; since: number; end: () => void }

/** Bytes of the write under way that the system has not taken yet: only Node's own handle knows. */
const heldOf = (socket: Socket): number =>
  (socket as unknown as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0
