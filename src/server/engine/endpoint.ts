import type { IncomingMessage } from 'node:http'

/** The path of the API, for HTTP and for WebSockets. */
export const GRAPHQL_PATH = '/graphql'

/** The path of a request, without query string and fragment: these may hold secrets that no log may have. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}
