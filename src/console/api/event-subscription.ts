import { stringifyDocument } from '@urql/core'
import { createClient } from 'graphql-ws'
import type { Client } from 'graphql-ws'
import type { ResultOf } from 'gql.tada'
import { Follow } from './documents.ts'
import type { Event } from './documents.ts'

/** How a fleet's stream of events stands. */
export type LinkState =
  | { readonly is: 'connecting' }
  | { readonly is: 'live' }
  /** Cut by the button, or by itself with a reason; the next try is on its way then. */
  | { readonly is: 'cut'; readonly reason: string | null }
  /** Not to be tried again with this token. */
  | { readonly is: 'over'; readonly reason: string }

export type Link = {
  /** Breaks the connection off, without a word to the server, and leaves it so. */
  readonly cut: () => void
  /** Connects again, right behind the last event that was seen. */
  readonly resume: () => void
  readonly close: () => void
}

type Listener = {
  /** The cursor to go on behind; null for from now on. Asked at each connection. */
  readonly after: () => string | null
  readonly onEvent: (event: Event) => void
  readonly onState: (state: LinkState) => void
}

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [250, 8_000]
/** Close codes after which this token, or this client, need not come back: see docs/errors.md. */
const FINAL = new Set([4400, 4401, 4403])
/** What an operation may be refused with that passes by itself. */
const PASSING: readonly unknown[] = ['SERVICE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR']

type Refusal = { readonly message: string; readonly extensions?: { readonly code?: unknown } }

/** Follows all events of a fleet over a WebSocket of its own. What breaks off by itself is tried again, later and later. */
export function openLink(token: string, { after, onEvent, onState }: Listener): Link {
  let client: Client | null = null
  let timer = 0
  let wait = FIRST_WAIT_MS
  /** What it was before the server was reached, which may refuse the operation all the same. */
  let waited = wait
  const query = stringifyDocument(Follow)

  function connect(): void {
    clearTimeout(timer)
    onState({ is: 'connecting' })
    const own = createClient({
      url: `${location.origin.replace('http', 'ws')}/graphql`,
      connectionParams: { Authorization: `Bearer ${token}` },
      // Its own retries would ask for the first cursor again.
      retryAttempts: 0,
      on: {
        connected: () => {
          waited = wait
          wait = FIRST_WAIT_MS
          if (client === own) onState({ is: 'live' })
        },
      },
    })
    client = own
    const ended = (reason: string, isFinal: boolean) => {
      if (client !== own) return
      client = null
      void own.dispose()
      if (isFinal) return onState({ is: 'over', reason })
      onState({ is: 'cut', reason })
      timer = setTimeout(connect, wait)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
    own.subscribe<ResultOf<typeof Follow>>(
      { query, variables: { after: after() } },
      {
        next: ({ data }) => client === own && data && onEvent(data.vehicleEvents),
        error: (error) => {
          if (error instanceof CloseEvent) {
            ended(error.reason || `The connection was closed (${error.code}).`, FINAL.has(error.code))
          } else if (Array.isArray(error)) {
            const refusals = error as readonly Refusal[]
            wait = waited
            ended(
              refusals.map(({ message }) => message).join(' '),
              !refusals.every(({ extensions }) => PASSING.includes(extensions?.code)),
            )
          } else ended('The server cannot be reached.', false)
        },
        complete: () => ended('The access token has expired.', true),
      },
    )
  }

  function drop(): void {
    clearTimeout(timer)
    const own = client
    client = null
    own?.terminate()
    void own?.dispose()
  }

  connect()
  return {
    cut: () => {
      drop()
      onState({ is: 'cut', reason: null })
    },
    resume: () => {
      drop()
      connect()
    },
    close: drop,
  }
}
