import { Readable } from 'node:stream'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Viewer } from '../../domain/viewer.ts'
import { AuthenticationError } from '../auth/authenticate.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Engine } from '../engine/engine.ts'
import type { TakeSlot } from '../limits/connection-limit.ts'
import type { Counts } from '../telemetry/counts.ts'
import { bodyOf } from './body.ts'
import type { FastPath } from './fast-path.ts'
import { allowOrigin } from './origins.ts'
import { refuse, refuseFull, setCommonHeaders } from './responses.ts'

export type GraphqlOptions = {
  readonly engine: Engine
  readonly fastPath: FastPath
  readonly authenticate: Authenticate
  readonly allowedOrigins: readonly string[]
  readonly draining: () => boolean
  /** Whether as much is under way as may be. */
  readonly isFull: () => boolean
  /** What to wait for before that is told. */
  readonly pace: () => Promise<void> | null
  /** A place among the connections that stay open with one token. */
  readonly takeSlot: TakeSlot
  /** The page for people who look before they read; null where there is none. */
  readonly playground: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null
  readonly counts: Counts
}

/** Answers that go on until somebody ends them, and whom they are for. */
export type Streams = Map<ServerResponse, Viewer>

/** A request to the API's path. */
export async function answerGraphql(
  {
    engine,
    fastPath,
    authenticate,
    allowedOrigins,
    draining,
    isFull,
    pace,
    takeSlot,
    playground,
    counts,
  }: GraphqlOptions,
  streams: Streams,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const isStream = request.headers.accept?.includes('text/event-stream') ?? false
  // What is likely to be answered the short way has its headers written with all others, at a fraction of the cost.
  const isJson = request.method === 'POST' && isPlainJson(request)
  if (!isJson || isStream || allowedOrigins.length > 0 || draining()) setCommonHeaders(response, requestId)
  allowOrigin(request, response, allowedOrigins)
  if (draining()) {
    response.setHeader('Connection', 'close')
    return refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', 'The server is about to stop.')
  }
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { Allow: 'GET, POST, OPTIONS' }).end()
    return
  }
  if (playground && request.method === 'GET' && request.headers.accept?.includes('text/html')) {
    return playground(request, response)
  }
  if (request.method === 'POST') {
    if (!isJson) {
      return refuse(
        counts,
        response,
        415,
        'BAD_USER_INPUT',
        'The body of a POST has to be application/json, not compressed.',
      )
    }
    // Yoga compares letter by letter; the names of media types have no case.
    request.headers['content-type'] = 'application/json'
  }
  // Whoever wants a stream starts no query; if it does, the pipeline refuses it.
  if (!isStream && isFull()) return refuseFull(counts, response, requestId, pace)
  let viewer: Viewer
  try {
    // One that is known takes a turn, too: what came with the head is there by then.
    viewer = await authenticate(request.headers.authorization)
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error
    setCommonHeaders(response, requestId)
    if (error.reason === 'UNAVAILABLE') return refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', error.message)
    response.setHeader('WWW-Authenticate', 'Bearer')
    return refuse(counts, response, 401, 'UNAUTHENTICATED', error.message)
  }
  // Who went while its token was looked at is told nothing, and holds nothing.
  if (response.destroyed) return
  const traceparent = request.headers['traceparent'] as string | undefined
  const asker = { viewer, requestId, transport: isStream ? 'sse' : 'http', traceparent } as const
  if (isStream) {
    const release = takeSlot(viewer.tokenId)
    if (release === null) {
      return refuse(counts, response, 429, 'BAD_USER_INPUT', 'Too many connections are open with this access token.')
    }
    streams.set(response, viewer)
    response.on('close', () => {
      streams.delete(response)
      release()
    })
  } else if (request.method === 'POST') {
    // Waiting for what is there already would cost more than much of what else is done for a request.
    const reading = bodyOf(request)
    const body = reading instanceof Promise ? await reading : reading
    // Those who came at once are many by now, and this is the last place where it is cheap to say so.
    if (isFull()) return refuseFull(counts, response, requestId, pace)
    const answering = body ? fastPath(request, response, body, asker) : false
    if (answering instanceof Promise ? await answering : answering) return
    // What was read is handed on as frameworks do that parse bodies.
    if (body) Object.assign(request, { body: Readable.from([body]) })
  }
  setCommonHeaders(response, requestId)
  await engine.handle(request, response, { ...asker, gone: () => response.destroyed })
}

/** Other media types need no preflight in a browser, and so could be sent by any page. */
const isPlainJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json *(;|$)/i.test(headers['content-type'] ?? '') &&
  (headers['content-encoding'] ?? 'identity') === 'identity'
