import type { ServerResponse } from 'node:http'
import { printedSchema } from '../../graphql/print.ts'
import type { Settings } from '../../settings.ts'
import { consolePages } from './console.ts'

/** What is read with GET and needs no token, by its path. */
export type Pages = ReadonlyMap<string, (response: ServerResponse) => Promise<void> | void>

/** Beside the API: what describes it and shows it. Production does not describe itself. */
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
