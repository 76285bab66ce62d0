import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

/** An event, as far as these consumers ask for it; what comes beside the first two depends on which of them it is. */
export type Event = { readonly cursor: string; readonly type: string; readonly vehicleId: string }

type Result = { readonly data?: { readonly vehicleEvents: Event } | null | undefined; readonly errors?: unknown }

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

/**
 * Each event once, for as long as the signal lets it: whenever the connection ends, for whatever reason, the next one goes on
 * behind the last event that was seen.
 */
export async function* follow(open: Open, from: string | null, signal: AbortSignal): AsyncGenerator<Event> {
  let after = from
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      for await (const { data, errors } of open(after, signal)) {
        // The operation was refused, not cut off: it would be refused again.
        if (!data) throw new RefusedStreamError(JSON.stringify(errors))
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

export class RefusedStreamError extends Error {}

/** graphql-ws alone. Its own retries would ask for the first `after` again, so that it makes none. */
export const overWebSocket = (url: string, token: string): Open =>
  async function* (after, signal) {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${token}` },
      retryAttempts: 0,
    })
    signal.addEventListener('abort', () => void client.dispose(), { once: true })
    try {
      yield* client.iterate<{ vehicleEvents: Event }>({ query, variables: { after } })
    } catch (error) {
      if (isFinal(error)) throw new RefusedStreamError(JSON.stringify(error))
      throw error
    } finally {
      await client.dispose()
    }
  }

/** Errors of the operation come as a list; a socket that is closed, as the event of that. 4401: not with this token. */
const isFinal = (error: unknown): boolean =>
  Array.isArray(error) || (typeof error === 'object' && error !== null && 'code' in error && error.code === 4401)

/** fetch and a parser. EventSource would do neither a POST nor the Authorization header. */
export const overServerSentEvents = (url: string, token: string): Open =>
  async function* (after, signal) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      signal,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        Authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query, variables: { after } }),
    })
    if (response.status === 401) throw new RefusedStreamError(await response.text())
    const results: string[] = []
    const parser = createParser({ onEvent: ({ event, data }) => event === 'next' && results.push(data) })
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      parser.feed(chunk)
      for (const result of results.splice(0)) yield JSON.parse(result) as Result
    }
  }
