import type { IncomingMessage } from 'node:http'
import { BODY_LIMIT } from '../limits/document-limits.ts'

/** The client closed the connection before its request was complete. */
export class ClientGoneError extends Error {}

/**
 * The body; null, and unread, for a body that is too long or whose length is not known beforehand.
 * @throws ClientGoneError
 */
export function bodyOf(request: IncomingMessage): Buffer | null | Promise<Buffer> {
  const length = Number(request.headers['content-length'])
  if (!(length > 0 && length <= BODY_LIMIT)) return null
  // Most bodies come together with their headers. To wait for their events would take as long as many a response; a request
  // that is not read to its end does not keep Node from the next one.
  if (request.readableLength === length) return request.read() as Buffer
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => request.complete || reject(new ClientGoneError()))
  })
}
