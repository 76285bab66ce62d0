import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The path of the API, for HTTP and for WebSockets. */
export const GRAPHQL_PATH = '/graphql'
const SLASHED = `${GRAPHQL_PATH}/`

/** The path of a request, without query string and fragment: these may hold secrets that no log may have. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

/** The client's own id, if it is one, so that its log and ours can be laid side by side. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}

/** The headers of every response, as names and values in turn. */
export const commonHeaders = (requestId: string): string[] => [
  'X-Request-Id',
  requestId,
  'X-Content-Type-Options',
  'nosniff',
  'Cache-Control',
  'no-store',
]

/** A host and perhaps a port, as RFC 3986 has them, without a user before them. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/i
/** A target as it is sent to proxies (RFC 9112, 3.2.2): the authority, and the rest. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/**
 * Brings the target of a request into one form: one with a scheme and a host into a path, whose Host header that host becomes; and
 * the path of the API into one without a slash behind it.
 * @returns what is wrong with its host; null for nothing
 */
export function normalizeTarget(request: IncomingMessage): string | null {
  const { url = '/', headers } = request
  if (hasSeveralHosts(request)) return 'The request has several Host headers.'
  if (!url.startsWith('/')) {
    const [, authority, rest = ''] = ABSOLUTE.exec(url) ?? []
    if (authority !== undefined) {
      request.url = rest.startsWith('/') ? rest : `/${rest}`
      headers.host = authority
    }
  }
  if (pathOf(request) === SLASHED) request.url = GRAPHQL_PATH + (request.url ?? '').slice(SLASHED.length)
  const { host } = headers
  if (host === undefined) return request.httpVersion === '1.0' ? null : 'The request has no Host header.'
  return AUTHORITY.test(host) && URL.canParse(`http://${host}/`) ? null : 'The Host header is not valid.'
}

/** Whether there are several Host headers, of which Node.js keeps the first one. */
function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}
