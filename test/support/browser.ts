import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Whether there is one to test with; says aloud what is not tested without. */
export function hasBrowser(what: string): boolean {
  const isThere = existsSync(CHROMIUM)
  if (!isThere) console.warn(`\n*** ${what} is NOT tested: there is no ${CHROMIUM}. ***\n`)
  return isThere
}

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: FLAGS })

export type Surf = {
  readonly context: BrowserContext
  readonly open: (path: string) => Promise<Page>
  /** What must not happen: requests to other machines, errors on the console or in the page. */
  readonly wrongs: readonly string[]
  /** Takes back what a test expects to go wrong. */
  readonly forgive: (pattern: RegExp) => void
}

/** A fresh browser profile that reaches the server of its pages at `origin`, the one at `api` if that is another, and nothing else. */
export async function surf(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
  api = origin,
): Promise<Surf> {
  const wrongs: string[] = []
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, ...options })
  await context.route(
    (url) => url.origin !== origin && url.origin !== api,
    (route) => {
      wrongs.push(`a request to ${route.request().url()}`)
      return route.abort()
    },
  )
  const open = async (path: string) => {
    const page = await context.newPage()
    page.on('console', (message) => message.type() === 'error' && wrongs.push(`on the console: ${message.text()}`))
    page.on('pageerror', (error) => wrongs.push(`in the page: ${error.message}`))
    page.on('websocket', (socket) => {
      if (![origin, api].some((known) => new URL(known).host === new URL(socket.url()).host))
        wrongs.push(`a socket to ${socket.url()}`)
    })
    await page.goto(`${origin}${path}`)
    return page
  }
  const forgive = (pattern: RegExp) => {
    wrongs.splice(0, wrongs.length, ...wrongs.filter((wrong) => !pattern.test(wrong)))
  }
  return { context, open, wrongs, forgive }
}
