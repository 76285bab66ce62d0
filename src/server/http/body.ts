import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { BODY_LIMIT } from '../limits/document-limits.ts'

/** The client closed the connection before its request was complete. */
export class ClientGoneError extends Error {}

/**
 * The body of a request; null for a body that is too long, which is not kept.
 * @throws ClientGoneError
 */
export function bodyOf(request: IncomingMessage): Buffer | null | Promise<Buffer | null> {
  const length = Number(request.headers['content-length'])
  if (length > BODY_LIMIT) return null
  // Most bodies come together with their headers. To wait for their events would take as long as many a response; a request
  // that is not read to its end does not keep Node from the next one.
  if (length > 0 && request.readableLength === length) return request.read() as Buffer
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= BODY_LIMIT) return void chunks.push(chunk)
      chunks = []
      resolve(null)
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => request.complete || reject(new ClientGoneError()))
  })
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** A body without the byte order mark that some programs put before UTF-8; null for bytes that are not UTF-8. */
export function textIn(body: Buffer): Buffer | null {
  if (!isUtf8(body)) return null
  return body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? body.subarray(BYTE_ORDER_MARK.length) : body
}

/**
 * Whether a body is JSON in UTF-8, not compressed. Other media types need no preflight in a browser, and so could be sent by any
 * page; in another charset a text would be stored damaged.
 */
export const isPlainJson = ({
  'content-type': type = '',
  'content-encoding': encoding = 'identity',
}: IncomingHttpHeaders): boolean => encoding === 'identity' && (type === 'application/json' || isJsonInUtf8(type))

const isJsonInUtf8 = (type: string): boolean =>
  /^application\/json *(;|$)/i.test(type) &&
  Array.from(type.matchAll(/;\s*charset\s*=\s*("[^"]*"?|[^;\s]*)/gi), ([, charset = '']) => charset).every((charset) =>
    /^("?)utf-?8\1$/i.test(charset),
  )
