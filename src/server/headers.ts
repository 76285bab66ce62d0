import type { ServerResponse } from 'node:http'

/** What every answer says. */
export const standing = (requestId: string): string[] => [
  'X-Request-Id',
  requestId,
  'X-Content-Type-Options',
  'nosniff',
  'Cache-Control',
  'no-store',
]

export function stand(response: ServerResponse, requestId: string): void {
  const headers = standing(requestId)
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
}
