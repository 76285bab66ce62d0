import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Logger } from 'pino'
import type { Viewer } from '../domain/access/viewer.ts'
import { presentable } from '../graphql/errors.ts'
import type { TopLevelCode } from '../graphql/errors.ts'
import { AuthenticationError } from './auth.ts'
import type { Authenticate } from './auth.ts'
import { bodyOf, ClientGoneError } from './body.ts'
import { count } from './counts.ts'
import type { Counts } from './counts.ts'
import type { Engine } from './engine.ts'
import type { FastPath } from './fast.ts'
import { stand } from './headers.ts'
import type { Pages } from './pages.ts'
import type { TakeSlot } from './slots.ts'

export const GRAPHQL_PATH = '/graphql'

/** How long a client may take. Milliseconds. */
export type Patience = {
  /** For the headers of a request. */
  readonly headers: number
  /** For all of it; what it is answered may take longer. */
  readonly request: number
  /** Until the next one on the same connection: longer than balancers keep theirs, or they would meet one just closed. */
  readonly idle: number
}

const PATIENCE: Patience = { headers: 10_000, request: 30_000, idle: 65_000 }
/** How often the first two are looked at, for each time of the headers. */
const LOOKS = 5

/** Of a request's headers; a token with many claims has some. Bytes. */
const HEADERS_LIMIT = 16 * 1024

export type HttpOptions = {
  readonly engine: Engine
  readonly fastPath: FastPath
  readonly authenticate: Authenticate
  readonly allowedOrigins: readonly string[]
  /** Whether it can serve: the database answers, and it is not about to stop. */
  readonly ready: () => Promise<boolean>
  readonly draining: () => boolean
  /** Whether as much is under way as may be. */
  readonly isFull: () => boolean
  /** What to wait for before that is told. */
  readonly pace: () => Promise<void> | null
  /** A place among the connections that stay open with one token. */
  readonly takeSlot: TakeSlot
  /** The page for people who look before they read; null where there is none. */
  readonly playground: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null
  /** What else there is to read, without a token. */
  readonly pages: Pages
  readonly counts: Counts
  /** For tests. */
  readonly patience?: Patience | undefined
  readonly log: Logger
}

export type HttpServer = {
  readonly server: Server
  /**
   * Cuts the streams of server-sent events off. Without a `complete`, which would say that nothing more comes: a client
   * that is cut off resumes elsewhere with its cursor.
   */
  readonly cutStreams: () => void
  /** The same for those of viewers who are not to be let in any more. */
  readonly cutRevoked: (isRevoked: (viewer: Viewer) => boolean) => void
  /** How many streams of server-sent events are open. */
  readonly openStreams: () => number
}

export function createHttpServer(options: HttpOptions): HttpServer {
  const { log, counts, patience = PATIENCE } = options
  const streams: Streams = new Map()
  const cutStreams = () => {
    for (const response of streams.keys()) {
      // Who could have had a stream may have asked for something that ends by itself.
      if (String(response.getHeader('Content-Type')).startsWith('text/event-stream')) response.destroy()
    }
  }
  const cutRevoked = (isRevoked: (viewer: Viewer) => boolean) => {
    for (const [response, viewer] of streams) if (isRevoked(viewer)) response.destroy()
  }
  const limits = {
    headersTimeout: patience.headers,
    requestTimeout: patience.request,
    keepAliveTimeout: patience.idle,
    connectionsCheckingInterval: patience.headers / LOOKS,
    maxHeaderSize: HEADERS_LIMIT,
    // Some clients offer HTTP/2 on the way: that is declined by answering as usual.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  }
  const server = createServer(limits, (request, response) => {
    const requestId = requestIdOf(request)
    const path = pathOf(request)
    if (log.isLevelEnabled('debug')) {
      const started = performance.now()
      response.on('close', () => {
        const ms = Math.round(performance.now() - started)
        log.debug({ requestId, method: request.method, path, status: response.statusCode, ms }, 'request')
      })
    }
    const answered =
      path === GRAPHQL_PATH
        ? graphql(options, streams, request, response, requestId)
        : elsewhere(options, request, response, path, requestId)
    answered.catch((err: unknown) => {
      if (err instanceof ClientGoneError) return
      const shown = presentable(err, requestId, () => log.error({ err, requestId }, 'a request failed'))
      const isAway = shown.extensions['code'] === 'SERVICE_UNAVAILABLE'
      if (response.headersSent) {
        response.destroy()
        return
      }
      stand(response, requestId)
      if (isAway) refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', shown.message, requestId)
      else refuse(counts, response, 500, 'INTERNAL_SERVER_ERROR', 'Something went wrong inside the server.', requestId)
    })
  })
  return { server, cutStreams, cutRevoked, openStreams: () => streams.size }
}

/** The client's own id, if it is one, so that its log and ours can be laid side by side. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}

/** The path alone: what follows may hold what a log must not. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

/** Answers that go on until somebody ends them, and whom they are for. */
type Streams = Map<ServerResponse, Viewer>

async function elsewhere(
  { ready, playground, pages }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  requestId: string,
): Promise<void> {
  stand(response, requestId)
  switch (path) {
    case '/health':
      return answer(response, 200, { status: 'alive' })
    case '/ready': {
      const isReady = await ready()
      return answer(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'unavailable' })
    }
    case '/':
      if (!playground) return answer(response, 404, { status: 'not found' })
      response.writeHead(302, { Location: GRAPHQL_PATH }).end()
      return
    default: {
      const page = request.method === 'GET' ? pages.get(path) : undefined
      return page ? page(response) : answer(response, 404, { status: 'not found' })
    }
  }
}

async function graphql(
  { engine, fastPath, authenticate, allowedOrigins, draining, isFull, pace, takeSlot, playground, counts }: HttpOptions,
  streams: Streams,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const isStream = request.headers.accept?.includes('text/event-stream') ?? false
  // What is likely to be answered the short way has its headers written with all others, at a fraction of the cost.
  const isJson = request.method === 'POST' && isPlainJson(request)
  if (!isJson || isStream || allowedOrigins.length > 0 || draining()) stand(response, requestId)
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
    stand(response, requestId)
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
  stand(response, requestId)
  await engine.handle(request, response, { ...asker, gone: () => response.destroyed })
}

/** Other media types need no preflight in a browser, and so could be sent by any page. */
const isPlainJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json *(;|$)/i.test(headers['content-type'] ?? '') &&
  (headers['content-encoding'] ?? 'identity') === 'identity'

function allowOrigin(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
  if (allowed.length === 0) return
  response.setHeader('Vary', 'Origin')
  const { origin } = request.headers
  if (origin === undefined || !allowed.includes(origin)) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After')
  if (request.method !== 'OPTIONS') return
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST')
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, GraphQL-Cost, X-Request-Id')
  response.setHeader('Access-Control-Max-Age', '600')
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

async function refuseFull(
  counts: Counts,
  response: ServerResponse,
  requestId: string,
  pace: HttpOptions['pace'],
): Promise<void> {
  stand(response, requestId)
  await pace()
  response.setHeader('Retry-After', '1')
  refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', 'Too much is under way. Nothing was done; try again soon.')
}

/** A refusal before GraphQL, in GraphQL's form, so that clients need one way to read errors. */
function refuse(
  counts: Counts,
  response: ServerResponse,
  status: number,
  code: TopLevelCode,
  message: string,
  requestId?: string,
): void {
  count(counts.errors, code)
  const extensions = requestId === undefined ? { code } : { code, requestId }
  answer(response, status, { errors: [{ message, extensions }] })
}
