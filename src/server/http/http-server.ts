import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Viewer } from '../../domain/access/viewer.ts'
import { maskError } from '../../graphql/base/errors.ts'
import { GRAPHQL_PATH, normalizeTarget, pathOf, requestIdOf } from '../engine/endpoint.ts'
import { CONSOLE_PATH } from '../pages/console.ts'
import type { Pages } from '../pages/pages.ts'
import { ClientGoneError } from './body.ts'
import { refuseUnreadable } from './client-errors.ts'
import { answerGraphql } from './graphql-request.ts'
import type { GraphqlOptions, Streams } from './graphql-request.ts'
import { answer, HEALTHY, refuse, setCommonHeaders } from './responses.ts'

/** The time that a client may take. Milliseconds. */
export type ClientTimeouts = {
  /** For the headers of a request. */
  readonly headers: number
  /** For a whole request; its response may take longer. */
  readonly request: number
  /** Until the next request on the same connection: longer than load balancers wait, or they would use a closed one. */
  readonly idle: number
}

const CLIENT_TIMEOUTS: ClientTimeouts = { headers: 10_000, request: 30_000, idle: 65_000 }
/** The number of checks of the first two in each timeout of the headers. */
const CHECKS = 5

/** Headers of a request; a token with many claims takes some. Bytes. */
const HEADERS_LIMIT = 16 * 1024

export type HttpOptions = GraphqlOptions & {
  /** Whether it can serve: the database answers, and the server is not about to stop. */
  readonly ready: () => Promise<boolean>
  /** Whether the server is about to stop: then no connection is kept for a further request. */
  readonly leaving: () => boolean
  /** Pages that need no token. */
  readonly pages: Pages
  /** For tests. */
  readonly clientTimeouts?: ClientTimeouts | undefined
  readonly log: Logger
}

export type HttpServer = {
  readonly server: Server
  /**
   * Cuts off the streams of server-sent events, without a `complete`, which would say that no more events come: a client that
   * is cut off resumes elsewhere with its cursor.
   */
  readonly cutStreams: () => void
  /** Cuts off the streams of viewers whose tokens were revoked. */
  readonly cutRevoked: (isRevoked: (viewer: Viewer) => boolean) => void
  /** The number of streams of server-sent events that are open. */
  readonly openStreams: () => number
}

export function createHttpServer(options: HttpOptions): HttpServer {
  const { log, counts, leaving, clientTimeouts = CLIENT_TIMEOUTS } = options
  const streams: Streams = new Map()
  const cutStreams = () => {
    for (const response of streams.keys()) {
      // A client that accepts a stream may be getting an ordinary response.
      if (String(response.getHeader('Content-Type')).startsWith('text/event-stream')) response.destroy()
    }
  }
  const cutRevoked = (isRevoked: (viewer: Viewer) => boolean) => {
    for (const [response, viewer] of streams) if (isRevoked(viewer)) response.destroy()
  }
  const limits = {
    headersTimeout: clientTimeouts.headers,
    requestTimeout: clientTimeouts.request,
    keepAliveTimeout: clientTimeouts.idle,
    connectionsCheckingInterval: clientTimeouts.headers / CHECKS,
    maxHeaderSize: HEADERS_LIMIT,
    // Node.js would refuse a request without one in a form of its own.
    requireHostHeader: false,
    // Some clients offer an upgrade to HTTP/2, which a usual response declines.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  }
  const route = async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const fault = normalizeTarget(request)
    const path = pathOf(request)
    if (log.isLevelEnabled('debug')) {
      const started = performance.now()
      response.on('close', () => {
        const ms = Math.round(performance.now() - started)
        log.debug({ requestId, method: request.method, path, status: response.statusCode, ms }, 'request')
      })
    }
    if (fault !== null) {
      setCommonHeaders(response, requestId)
      response.setHeader('Connection', 'close')
      return refuse(counts, response, 400, 'BAD_USER_INPUT', fault, requestId)
    }
    return path === GRAPHQL_PATH
      ? answerGraphql(options, streams, request, response, requestId)
      : answerOther(options, request, response, path, requestId)
  }
  const fail = (err: unknown, response: ServerResponse, requestId: string): void => {
    if (err instanceof ClientGoneError) return
    const shown = maskError(err, requestId, () => log.error({ err, requestId }, 'a request failed'))
    const isAway = shown.extensions['code'] === 'SERVICE_UNAVAILABLE'
    if (response.headersSent) {
      response.destroy()
      return
    }
    setCommonHeaders(response, requestId)
    response.removeHeader('Content-Encoding')
    if (isAway) refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', shown.message, requestId)
    else refuse(counts, response, 500, 'INTERNAL_SERVER_ERROR', 'Something went wrong inside the server.', requestId)
  }
  const server = createServer(limits, (request, response) => {
    if (leaving()) response.shouldKeepAlive = false
    const requestId = requestIdOf(request)
    route(request, response, requestId)
      .catch((err: unknown) => fail(err, response, requestId))
      .catch((err: unknown) => {
        log.error({ err, requestId }, 'a response failed')
        response.destroy()
      })
  })
  refuseUnreadable(server, counts)
  return { server, cutStreams, cutRevoked, openStreams: () => streams.size }
}

async function answerOther(
  { ready, playground, pages }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  requestId: string,
): Promise<void> {
  setCommonHeaders(response, requestId)
  switch (path) {
    case '/health':
      return answer(response, 200, HEALTHY)
    case '/ready': {
      const isReady = await ready()
      return answer(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'unavailable' })
    }
    case '/':
      if (!playground) return answer(response, 404, { status: 'not found' })
      response.writeHead(302, { Location: pages.has(CONSOLE_PATH) ? CONSOLE_PATH : GRAPHQL_PATH }).end()
      return
    default: {
      const page = request.method === 'GET' ? pages.get(path) : undefined
      return page ? page(response) : answer(response, 404, { status: 'not found' })
    }
  }
}
