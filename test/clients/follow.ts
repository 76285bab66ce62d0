import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { Token } from './token.ts'

/** An event, as far as these consumers ask for it; what comes beside the first two depends on which of them it is. */
export type Event = { readonly cursor: string; readonly type: string; readonly vehicleId: string }

type Errors = readonly { readonly message: string; readonly extensions?: { readonly [name: string]: unknown } }[]
type Result = { readonly data?: { readonly vehicleEvents: Event } | null | undefined; readonly errors?: Errors }

/** Opens the stream behind a cursor; it ends or throws when the connection does. */
type Open = (after: string | null, signal: AbortSignal) => AsyncIterable<Result>

const query = `subscription Follow($after: String) {
  vehicleEvents(after: $after) {
    cursor
    type
    vehicleId
  }
}`

/** How long to wait before the next try, which doubles as long as nothing comes. Milliseconds. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [100, 10_000]

/** What passes by itself: codes of a refused operation, and statuses of HTTP, some of which are of something in between. */
const PASSING_CODES: readonly unknown[] = ['SERVICE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR']
const PASSING_STATUSES = [429, 500, 502, 503, 504]
/** Close codes for a token that is not, or no longer, good. */
const TOKEN_CODES: readonly unknown[] = [4401, 4403]

/**
 * Each event once, for as long as the signal lets it: whenever the connection ends, for whatever reason, the next one goes on
 * behind the last event that was seen.
 */
export async function* follow(open: Open, from: string | null, signal: AbortSignal): AsyncGenerator<Event> {
  let after = from
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      for await (const { data, errors } of open(after, signal)) {
        if (!data) throw refusal(errors ?? [])
        after = data.vehicleEvents.cursor
        yield data.vehicleEvents
        wait = FIRST_WAIT_MS
      }
    } catch (error) {
      if (error instanceof RefusedStreamError) throw error
    }
    await sleep(wait, undefined, { signal }).catch(() => {})
  }
}

/** It would be refused again. */
export class RefusedStreamError extends Error {}

/** What an operation was refused with, which came as a list. */
function refusal(errors: Errors): Error {
  const passes = errors.length > 0 && errors.every(({ extensions }) => PASSING_CODES.includes(extensions?.['code']))
  return new (passes ? Error : RefusedStreamError)(JSON.stringify(errors))
}

/** A token that is not let in may have ended just now: another is asked for, once, until one is let in again. */
function createGate() {
  let isSecond = false
  return {
    letIn: () => {
      isSecond = false
    },
    refused: (reason: string): Error => {
      const error = new (isSecond ? RefusedStreamError : Error)(reason)
      isSecond = true
      return error
    },
  }
}

/** graphql-ws alone. Its own retries would ask for the first `after` again, so that it makes none. */
export function overWebSocket(url: string, token: Token): Open {
  const gate = createGate()
  return async function* (after, signal) {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
      retryAttempts: 0,
      on: { connected: gate.letIn },
    })
    const dispose = () => void client.dispose()
    signal.addEventListener('abort', dispose, { once: true })
    try {
      yield* client.iterate<{ vehicleEvents: Event }>({ query, variables: { after } }) as AsyncIterable<Result>
    } catch (error) {
      // Errors of the operation come as a list; a socket that is closed, as the event of that.
      if (Array.isArray(error)) throw refusal(error as Errors)
      const { code, reason } = error as { code?: unknown; reason?: unknown }
      throw TOKEN_CODES.includes(code) ? gate.refused(String(reason)) : error
    } finally {
      signal.removeEventListener('abort', dispose)
      await client.dispose()
    }
  }
}

/** fetch and a parser. EventSource would do neither a POST nor the Authorization header. */
export function overServerSentEvents(url: string, token: Token): Open {
  const gate = createGate()
  return async function* (after, signal) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      signal,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        Authorization: `Bearer ${await token()}`,
      },
      body: JSON.stringify({ query, variables: { after } }),
    })
    const { status } = response
    if (status === 401) throw gate.refused(await response.text())
    if (status >= 400) {
      throw new (PASSING_STATUSES.includes(status) ? Error : RefusedStreamError)(await response.text())
    }
    gate.letIn()
    const results: string[] = []
    const parser = createParser({ onEvent: ({ event, data }) => event === 'next' && results.push(data) })
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      parser.feed(chunk)
      for (const result of results.splice(0)) yield JSON.parse(result) as Result
    }
  }
}
