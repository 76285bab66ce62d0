import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { developmentToken } from './keys.ts'
import type { Settings } from '../settings.ts'
import { fetchFromPage } from './playground-fetcher.ts'
import { STEPS } from './playground-steps.ts'

const TOKEN_SECONDS = 12 * 60 * 60
const MARK = 'the fetcher goes here'

/**
 * GraphiQL, served whole from this machine: a tab for each step of a sharing, with a fresh development token in it.
 * The page is 9 MB, so that it is compressed.
 */
export function createPlayground(settings: Settings) {
  const compress = promisify(gzip)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const html = await page(settings)
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding']))
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    if (zipped) response.setHeader('Content-Encoding', 'gzip')
    response.end(zipped ? await compress(html, { level: 1 }) : html)
  }
}

async function page(settings: Settings): Promise<string> {
  const tokens = new Map<string, string>()
  for (const { fleetId } of STEPS) {
    if (!tokens.has(fleetId)) tokens.set(fleetId, await developmentToken(settings, fleetId, ['manager'], TOKEN_SECONDS))
  }
  const defaultTabs = STEPS.map(({ fleetId, query }) => ({
    query,
    variables: null,
    headers: JSON.stringify({ Authorization: `Bearer ${tokens.get(fleetId)}` }, null, 2),
  }))
  const html = renderGraphiQL({
    title: 'FleetShare',
    defaultTabs,
    shouldPersistHeaders: true,
    ...({ fetcher: MARK } as object),
  })
  // The options are JSON, which has no functions: this one goes in as text. Its replacement must not be read as a pattern.
  return html.replace(JSON.stringify(MARK), () => `(${fetchFromPage.toString()})`)
}
