import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TopLevelCode } from '../../graphql/base/errors.ts'

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

/** The reason why a request is not served, before there is a response for it. */
export type Refusal = { readonly status: number; readonly code: TopLevelCode; readonly message: string }

/** Answers a request in GraphQL's form on its connection itself, and ends that. */
export function refuseRaw(stream: Duplex, { status, code, message }: Refusal, requestId: string): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code, requestId } }] })
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  const headers = commonHeaders(requestId)
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  stream.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => stream.destroy())
}

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
