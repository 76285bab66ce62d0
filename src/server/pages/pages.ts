import type { ServerResponse } from 'node:http'
import { printedSchema } from '../../graphql/print.ts'
import type { Settings } from '../../settings.ts'
import { consolePages } from './console.ts'

/** Pages that are read with GET and need no token, by their paths. */
export type Pages = ReadonlyMap<string, (response: ServerResponse) => Promise<void> | void>

/** The schema, outside of production, and the console. */
export function createPages(settings: Settings): Pages {
  const pages = new Map<string, (response: ServerResponse) => Promise<void> | void>()
  if (!settings.production) {
    pages.set('/schema.graphql', (response) => {
      response.setHeader('Content-Type', 'text/plain; charset=utf-8')
      response.end(printedSchema())
    })
  }
  if (settings.console) for (const [path, answer] of consolePages(settings)) pages.set(path, answer)
  return pages
}
