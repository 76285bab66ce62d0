import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TopLevelCode } from '../../graphql/base/errors.ts'
import { commonHeaders } from '../engine/endpoint.ts'

/** The reason why a WebSocket is not opened, as the response to its request. */
export type Refusal = { readonly status: number; readonly code: TopLevelCode; readonly message: string }

/** Answers a request for a WebSocket in GraphQL's form, and ends its connection. */
export function refuseUpgrade(stream: Duplex, { status, code, message }: Refusal, requestId: string): void {
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
