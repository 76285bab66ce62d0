import type { IncomingMessage, ServerResponse } from 'node:http'

/** The headers that a page may send; the last three are those of W3C Trace Context and Baggage. */
const ALLOWED_HEADERS = 'Authorization, Content-Type, GraphQL-Cost, X-Request-Id, traceparent, tracestate, baggage'

/** CORS: pages of these origins, and of no others, may call and read the answers. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): void {
  if (allowed.length === 0) return
  response.setHeader('Vary', 'Origin')
  const { origin } = request.headers
  if (origin === undefined || !allowed.includes(origin)) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, RateLimit, RateLimit-Policy, Retry-After')
  if (request.method !== 'OPTIONS') return
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST')
  response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS)
  response.setHeader('Access-Control-Max-Age', '600')
}
