import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Viewer } from '../../domain/access/viewer.ts'
import { presentable } from '../../graphql/base/errors.ts'
import { GRAPHQL_PATH, pathOf } from '../engine/endpoint.ts'
import type { Pages } from '../pages/pages.ts'
import { ClientGoneError } from './body.ts'
import { answerGraphql } from './graphql-request.ts'
import type { GraphqlOptions, Streams } from './graphql-request.ts'
import { answer, refuse, setCommonHeaders } from './responses.ts'

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

export type HttpOptions = GraphqlOptions & {
  /** Whether it can serve: the database answers, and it is not about to stop. */
  readonly ready: () => Promise<boolean>
  /** What else there is to read, without a token. */
  readonly pages: Pages
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
        ? answerGraphql(options, streams, request, response, requestId)
        : elsewhere(options, request, response, path, requestId)
    answered.catch((err: unknown) => {
      if (err instanceof ClientGoneError) return
      const shown = presentable(err, requestId, () => log.error({ err, requestId }, 'a request failed'))
      const isAway = shown.extensions['code'] === 'SERVICE_UNAVAILABLE'
      if (response.headersSent) {
        response.destroy()
        return
      }
      setCommonHeaders(response, requestId)
      if (isAway) refuse(counts, response, 503, 'SERVICE_UNAVAILABLE', shown.message, requestId)
      else refuse(counts, response, 500, 'INTERNAL_SERVER_ERROR', 'Something went wrong inside the server.', requestId)
    })
  })
  return { server, cutStreams, cutRevoked, openStreams: () => streams.size }
}

/** The client's own id, if it is one, so that its log and ours can be laid side by side. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}

async function elsewhere(
  { ready, playground, pages }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  requestId: string,
): Promise<void> {
  setCommonHeaders(response, requestId)
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
