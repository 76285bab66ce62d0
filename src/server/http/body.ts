import type { IncomingMessage } from 'node:http'
import { BODY_LIMIT } from '../limits/document-limits.ts'

/** The client went before its request was whole: there is nobody to answer. */
export class ClientGoneError extends Error {}

/**
 * The body; null, and not begun to be read, for one that is too long, or of which the length is not known beforehand.
 * @throws ClientGoneError
 */
export function bodyOf(request: IncomingMessage): Buffer | null | Promise<Buffer> {
  const length = Number(request.headers['content-length'])
  if (!(length > 0 && length <= BODY_LIMIT)) return null
  // Most come together with their headers. Waiting for what is there, and for its end, would take as long as many an answer;
  // a request that is not read to its end does not keep Node from the next one.
  if (request.readableLength === length) return request.read() as Buffer
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => request.complete || reject(new ClientGoneError()))
  })
}
