import type { IncomingMessage, ServerResponse } from 'node:http'
import { printedSchema } from '../graphql/print.ts'
import type { Settings } from '../settings.ts'

/** What is read with GET and needs no token, by its path. */
export type Pages = ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void>

/** Beside the API: what describes it and shows it. Production does not describe itself. */
export function createPages({ production }: Settings): Pages {
  const pages = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
  if (!production) {
    const text = printedSchema()
    pages.set('/schema.graphql', (_request, response) => {
      response.setHeader('Content-Type', 'text/plain; charset=utf-8')
      response.end(text)
    })
  }
  return pages
}
