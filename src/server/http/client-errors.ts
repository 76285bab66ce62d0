import { randomUUID } from 'node:crypto'
import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { refuseRaw, requestIdOf } from '../engine/endpoint.ts'
import type { Refusal } from '../engine/endpoint.ts'
import { count } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import { refuse, setCommonHeaders } from './responses.ts'

const refusal = (status: number, message: string): Refusal => ({ status, code: 'BAD_USER_INPUT', message })
const MALFORMED = refusal(400, 'The request is not valid HTTP/1.1.')
/** By the codes of Node.js. */
const UNREADABLE: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: refusal(431, 'The headers of the request, with its access token, are longer than 16 KiB.'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: refusal(413, 'The extensions of the chunks are too long.'),
  ERR_HTTP_REQUEST_TIMEOUT: refusal(408, 'The request did not come to its end in time.'),
}

/**
 * Refuses requests that Node.js cannot read, or would refuse itself, as any other is refused: with the headers of every response, and
 * in GraphQL's form.
 */
export function refuseUnreadable(server: Server, counts: Counts): void {
  const latest = new WeakMap<Duplex, ServerResponse>()
  server.on('request', (request, response) => latest.set(request.socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = latest.get(socket)
    const isNext = !response || isNextAnswer(response)
    if (!isNext || !socket.writable || error.code === 'ECONNRESET') return void socket.destroy(error)
    const refused = UNREADABLE[error.code ?? ''] ?? MALFORMED
    count(counts.errors, refused.code)
    refuseRaw(socket, refused, randomUUID())
  })
  server.on('checkExpectation', (request, response) => {
    setCommonHeaders(response, requestIdOf(request))
    response.shouldKeepAlive = false
    refuse(counts, response, 417, 'BAD_USER_INPUT', 'The header Expect takes 100-continue.')
  })
}

/**
 * Whether a refusal would be taken for the answer to the request that cannot be read, which is the one of this response while that is
 * not complete, and else the one behind it. Not in the middle of a response, nor where one is still to come that an earlier request waits
 * for, nor behind the answer that the request already has.
 */
const isNextAnswer = ({ req, socket, headersSent, writableFinished }: ServerResponse): boolean =>
  // A response has a socket when its turn has come.
  req.complete ? writableFinished : socket !== null && !headersSent
