import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { SHARE_ONE, SHARE_TWO } from '../../../prisma/demo.ts'
import type { Settings } from '../../settings.ts'
import { developmentToken } from '../auth/keys.ts'

export const CONSOLE_PATH = '/console'

/** The folder into which `npm run console` puts the page, at each install. */
const BUILT = join(import.meta.dirname, '../../generated/console')
const TOKEN_SECONDS = 12 * 60 * 60

/** Nothing but its own files and this server: no inline script, no other origin, no frame around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Data for the page's script, which is not run; in it no text can end its element. */
const OFFERS = /(<script id="offers" type="application\/json">)[^<]*/

type Answer = (response: ServerResponse) => Promise<void>

/**
 * The page of the console and its files, by path. As long as the server makes the tokens itself, the page offers those of two
 * fleets of the demo world.
 */
export const consolePages = (settings: Settings): readonly (readonly [string, Answer])[] => [
  [
    CONSOLE_PATH,
    (response) =>
      send(response, 'index.html', 'text/html', async (html) => {
        const offers = JSON.stringify(await offersOf(settings)).replaceAll('<', '\\u003c')
        return html.replace(OFFERS, (_all, element: string) => element + offers)
      }),
  ],
  [`${CONSOLE_PATH}/console.js`, (response) => send(response, 'console.js', 'text/javascript')],
  [`${CONSOLE_PATH}/console.css`, (response) => send(response, 'console.css', 'text/css')],
]

async function offersOf(settings: Settings): Promise<{ name: string; token: string }[]> {
  if (settings.provider) return []
  const offer = async ({ id, name }: { readonly id: string; readonly name: string }) => ({
    name,
    token: await developmentToken(settings, id, ['manager'], TOKEN_SECONDS),
  })
  return Promise.all([SHARE_ONE, SHARE_TWO].map(offer))
}

async function send(
  response: ServerResponse,
  file: string,
  type: string,
  complete: (text: string) => Promise<string> | string = (text) => text,
): Promise<void> {
  let text: string
  try {
    text = await readFile(join(BUILT, file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8' })
    response.end('The console has not been built: "npm run console" does it.\n')
    return
  }
  response.writeHead(200, {
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
  })
  response.end(await complete(text))
}
