import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { developmentToken } from '../auth/keys.ts'
import type { Settings } from '../../settings.ts'
import { fetchFromPage } from './playground-fetcher.ts'
import { stepsAt } from './playground-steps.ts'

const TOKEN_SECONDS = 12 * 60 * 60

/** The options are JSON, which has no functions: these go in as text, where their names are. */
const FUNCTIONS = { fetcher: fetchFromPage, onEditQuery: () => {} }

/**
 * Tabs are laid out with an animation that a press on one undoes, so that it slips away and its first click is lost. Their
 * names are small enough for all steps to be seen at once.
 */
const STYLE = `<style>
.graphiql-tab { transform: none !important }
.graphiql-tab-button { font-size: 11px !important; padding: 6px 20px 6px 6px !important }
</style></head>`

/**
 * GraphiQL, served whole from this machine: a tab for each step of a sharing, with a fresh development token in it unless
 * there is an identity provider. The page has 9 MB, and so it is compressed.
 */
export function createPlayground(settings: Settings) {
  const compress = promisify(gzip)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const html = render(await tabsFor(settings))
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding']))
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    if (zipped) response.setHeader('Content-Encoding', 'gzip')
    response.end(zipped ? await compress(html, { level: 1 }) : html)
  }
}

type Tab = { readonly query: string; readonly variables: null; readonly headers: string }

async function tabsFor(settings: Settings): Promise<Tab[]> {
  const steps = stepsAt(Date.now())
  const headers = new Map<string, string>()
  for (const fleetId of new Set(steps.map((step) => step.fleetId))) {
    // This server cannot make the tokens of an identity provider.
    const token = settings.provider ? 'TOKEN' : await developmentToken(settings, fleetId, ['manager'], TOKEN_SECONDS)
    headers.set(fleetId, JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2))
  }
  return steps.map(({ fleetId, query }) => ({ query, variables: null, headers: headers.get(fleetId) ?? '' }))
}

function render(tabs: readonly Tab[]): string {
  const placeholder = (name: string) => `the function ${name}`
  const options = {
    title: 'FleetShare',
    defaultTabs: [...tabs],
    // For the first tab, for the introspection query of the page, and for new tabs.
    headers: tabs[0]?.headers ?? '',
    // Tabs that a browser kept would come back with tokens that have ended, or that another server gave out.
    storage: null,
    ...Object.fromEntries(Object.keys(FUNCTIONS).map((name) => [name, placeholder(name)])),
  }
  return Object.entries(FUNCTIONS).reduce(
    // Their text must not be read as a pattern for the replacement.
    (html, [name, code]) => html.replace(JSON.stringify(placeholder(name)), () => `(${code.toString()})`),
    renderGraphiQL(options).replace('</head>', () => STYLE),
  )
}
