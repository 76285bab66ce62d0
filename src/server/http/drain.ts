import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'

/** The longest wait for a quiet moment, and the longest turn of the event loop that counts as one. Milliseconds. */
const QUIET_WITHIN_MS = 3_000
const QUIET_TURN_MS = 0.5

/** The time that a connection that was just accepted may take to send its request. Milliseconds. */
const LATE_REQUEST_MS = 250

/** The interval in which idle connections are closed. Milliseconds. */
const LOOK_EVERY_MS = 50

/**
 * Stops listening, and goes on serving accepted connections: no connection is reset that a load balancer was just opening.
 * Resolves once the requests of such connections have come.
 */
export async function stopListening(server: Server): Promise<void> {
  await quietMoment(server)
  // The close() of node:http would close the connections, too, on which no request has come yet.
  NetServer.prototype.close.call(server)
  await sleep(LATE_REQUEST_MS)
}

/** Resolves after a turn of the event loop that accepted nothing: closing resets connections that wait to be accepted. */
async function quietMoment(server: Server): Promise<void> {
  let accepted = false
  const mark = () => (accepted = true)
  server.on('connection', mark)
  const end = performance.now() + QUIET_WITHIN_MS
  for (let isQuiet = false; !isQuiet && performance.now() < end;) {
    accepted = false
    const began = performance.now()
    await turn()
    isQuiet = !accepted && performance.now() - began < QUIET_TURN_MS
  }
  server.off('connection', mark)
}

/**
 * Closes all connections: idle ones at once, those with a request when it is answered, the rest after `mostMs`.
 * @param closed resolves when the last one is closed
 * @param cutStreams is called again and again, for a stream may be only now beginning
 */
export async function endConnections(
  server: Server,
  closed: Promise<unknown>,
  cutStreams: () => void,
  mostMs: number,
): Promise<void> {
  server.close()
  cutStreams()
  const looking = setInterval(() => {
    cutStreams()
    server.closeIdleConnections()
  }, LOOK_EVERY_MS)
  await Promise.race([closed, sleep(mostMs, undefined, { ref: false })])
  clearInterval(looking)
  server.closeAllConnections()
}
