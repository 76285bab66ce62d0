import type { IncomingMessage, ServerResponse } from 'node:http'
import { allowsOrigin, ANY_ORIGIN } from '../../domain/access/origins.ts'
import type { Origins } from '../../domain/access/origins.ts'

/** The headers that a page may send; the last three are those of W3C Trace Context and Baggage. */
const ALLOWED_HEADERS = 'Authorization, Content-Type, GraphQL-Cost, X-Request-Id, traceparent, tracestate, baggage'

/** CORS: pages of these origins, and of no others, may call and read the answers. Credentials of the browser are never asked for. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, origins: Origins): void {
  const { origin } = request.headers
  if (origin === undefined && origins.listed.length === 0) return
  const isForAll = origins.listed.includes(ANY_ORIGIN)
  if (!isForAll) response.setHeader('Vary', 'Origin')
  if (origin === undefined || !allowsOrigin(origins, origin)) return
  response.setHeader('Access-Control-Allow-Origin', isForAll ? ANY_ORIGIN : origin)
  response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After')
  if (request.method !== 'OPTIONS') return
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST')
  response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  response.setHeader('Access-Control-Max-Age', '600')
}
