import { Readable } from 'node:stream'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Origins } from '../../domain/access/origins.ts'
import { viewerOf } from '../../domain/access/viewer.ts'
import type { Viewer } from '../../domain/access/viewer.ts'
import { LATEST_INSTANT } from '../../domain/period.ts'
import { TOO_MANY_CONNECTIONS, tooManyConnections, unauthenticated } from '../../graphql/base/errors.ts'
import { AuthenticationError } from '../auth/authenticate.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Engine } from '../engine/engine.ts'
import { isIntrospectionText } from '../engine/introspection.ts'
import type { TakeConnection } from '../limits/connection-limit.ts'
import type { BeginStream } from '../limits/limits-plugin.ts'
import type { Counts } from '../telemetry/counts.ts'
import { bodyOf, isPlainJson, textIn } from './body.ts'
import type { AnswerSubscription } from './event-stream.ts'
import type { FastPath } from './fast-path.ts'
import { allowOrigin } from './origins.ts'
import { faultOfQuery, queryOf } from './query-string.ts'
import { refuse, refuseFull, setCommonHeaders } from './responses.ts'

export type GraphqlOptions = {
  readonly engine: Engine
  readonly fastPath: FastPath
  readonly answerSubscription: AnswerSubscription
  readonly authenticate: Authenticate
  readonly origins: Origins
  /** Whether the schema can be read without a token, by introspection. */
  readonly openSchema: boolean
  readonly draining: () => boolean
  /** Whether the concurrency limit is reached. */
  readonly isFull: () => boolean
  /** A promise to wait for before a request is refused for that limit; null for none. */
  readonly delayRefusal: () => Promise<void> | null
  /** Counts the connections that stay open with one token. */
  readonly takeConnection: TakeConnection
  /** GraphiQL; null where there is none. */
  readonly playground: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null
  readonly counts: Counts
}

/** Responses that go on until one side ends them, and their viewers. */
export type Streams = Map<ServerResponse, Viewer>

/** Answers a request to the path of the API. */
export async function answerGraphql(
  options: GraphqlOptions,
  streams: Streams,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const { engine, fastPath, answerSubscription, authenticate, origins, draining } = options
  const { isFull, delayRefusal, playground, counts } = options
  const isStream = request.headers.accept?.includes('text/event-stream') ?? false
  // A response of the fast path has its headers written with all others, at a fraction of the cost.
  const isJson = request.method === 'POST' && isPlainJson(request.headers)
  if (!isJson || isStream || origins.listed.length > 0 || draining()) setCommonHeaders(response, requestId)
  allowOrigin(request, response, origins)
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
        'The body of a POST has to be application/json in UTF-8, not compressed.',
      )
    }
    // Yoga compares letter by letter; the names of media types have no case.
    request.headers['content-type'] = 'application/json'
  }
  // A request for a stream starts no query; if it does, the pipeline refuses it.
  if (!isStream && isFull()) return refuseFull(counts, response, requestId, delayRefusal)
  let viewer: Viewer
  try {
    // The await takes a turn of the event loop for a cached token, too: after it a body that came with the head was read.
    viewer = await authenticate(request.headers.authorization)
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error
    if (!isStream && (await answerIntrospection(options, request, response, requestId))) return
    setCommonHeaders(response, requestId)
    if (error.reason === 'UNAVAILABLE') return refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', error.message)
    response.setHeader('WWW-Authenticate', 'Bearer')
    return refuse(counts, response, 401, 'UNAUTHENTICATED', error.message)
  }
  // The client may have gone while its token was verified.
  if (response.destroyed) return
  const traceparent = request.headers['traceparent'] as string | undefined
  if (isStream && !openStream(options, streams, response, viewer))
    return refuse(counts, response, 429, 'BAD_USER_INPUT', TOO_MANY_CONNECTIONS)
  const gone = isStream ? () => response.destroyed : undefined
  const caller = { viewer, requestId, transport: isStream ? 'sse' : 'http', traceparent, gone } as const
  if (request.method === 'GET') {
    const fault = faultOfQuery(request.url ?? '')
    if (fault !== null) return refuse(counts, response, 400, 'BAD_USER_INPUT', fault, requestId)
  }
  if (request.method === 'POST') {
    // An await of a body that is there already would cost more than much of the rest.
    const reading = bodyOf(request)
    const bytes = reading instanceof Promise ? await reading : reading
    // The requests of a burst have been counted by now, and this is the last place where a refusal is cheap.
    if (!isStream && isFull()) return refuseFull(counts, response, requestId, delayRefusal)
    const body = bytes && textIn(bytes)
    if (!body) {
      setCommonHeaders(response, requestId)
      return bytes
        ? refuse(counts, response, 400, 'BAD_USER_INPUT', 'The body is not UTF-8.')
        : refuse(counts, response, 413, 'BAD_USER_INPUT', 'The body is longer than 1 MiB.')
    }
    const answering = (isStream ? answerSubscription : fastPath)(request, response, body, caller)
    if (answering instanceof Promise ? await answering : answering) return
    // The body is handed on as frameworks do that parse bodies.
    Object.assign(request, { body: Readable.from([body]) })
  }
  setCommonHeaders(response, requestId)
  await engine.respond(
    request,
    response,
    caller,
    isStream ? undefined : lateStream(options, streams, request, response),
  )
}

/** Opens the stream of a client that did not ask for one by name; its token may have been revoked while the body came. */
const lateStream =
  (options: GraphqlOptions, streams: Streams, request: IncomingMessage, response: ServerResponse): BeginStream =>
  async () => {
    try {
      const viewer = await options.authenticate(request.headers.authorization)
      // The place of a response that is closed would never be given back.
      const isOpen = !response.destroyed && openStream(options, streams, response, viewer)
      return isOpen ? null : tooManyConnections()
    } catch (error) {
      if (error instanceof AuthenticationError) return unauthenticated(error.message)
      throw error
    }
  }

/** @returns false if too many connections are open with the token */
function openStream(
  { takeConnection }: GraphqlOptions,
  streams: Streams,
  response: ServerResponse,
  viewer: Viewer,
): boolean {
  const release = takeConnection(viewer.tokenId)
  if (release === null) return false
  // Without it nginx, and proxies that follow its conventions, would buffer a stream.
  response.setHeader('X-Accel-Buffering', 'no')
  streams.set(response, viewer)
  response.on('close', () => {
    streams.delete(response)
    release()
  })
  return true
}

/** Reads the schema without a token. Its rate limit is one for all of its kind. */
const STRANGER = viewerOf({
  fleetId: null,
  roles: [],
  expiresAt: LATEST_INSTANT,
  issuedAt: null,
  subject: null,
  tokenId: 'none',
})

/** Answers a request without a token that asks for nothing but the schema. @returns whether it did; else it is to be refused */
async function answerIntrospection(
  { engine, openSchema }: GraphqlOptions,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<boolean> {
  if (!openSchema || request.headers.authorization !== undefined) return false
  if (request.method === 'GET') {
    const url = request.url ?? ''
    if (faultOfQuery(url) !== null || !isIntrospectionText(queryOf(url))) return false
  } else if (request.method === 'POST') {
    const bytes = await bodyOf(request)
    const body = bytes && textIn(bytes)
    if (!body || !isIntrospectionText(queryIn(body))) return false
    Object.assign(request, { body: Readable.from([body]) })
  } else return false
  setCommonHeaders(response, requestId)
  await engine.respond(request, response, { viewer: STRANGER, requestId, transport: 'http' })
  return true
}

function queryIn(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString()) as { query?: unknown } | null)?.query
  } catch {
    return null
  }
}
