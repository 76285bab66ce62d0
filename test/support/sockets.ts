import { createParser } from 'eventsource-parser'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { Answer, Variables } from './api.ts'

/** What a subscription delivered, in order, and how it ended. */
export type Subscription = {
  readonly results: Answer['data'][]
  /** Resolves with all results as soon as there are `count`, rejects when it ends before. */
  readonly received: (count: number) => Promise<Answer['data'][]>
  /** Resolves when it has ended: with the close event of its socket, an error message's errors, or null. */
  readonly ended: Promise<unknown>
  readonly stop: () => void
}

type Collector = Subscription & { readonly add: (result: unknown) => void; readonly end: (how: unknown) => void }

function collect(stop: () => void): Collector {
  const results: unknown[] = []
  const waiting = new Set<() => void>()
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  let over = false
  const look = () => waiting.forEach((check) => check())
  return {
    results,
    ended,
    stop,
    add: (result) => {
      results.push(result)
      look()
    },
    end: (how) => {
      over = true
      resolve(how)
      look()
    },
    received: (count) =>
      new Promise((done, fail) => {
        const check = () => {
          if (results.length >= count) done(results)
          else if (over) fail(new Error(`it ended after ${results.length} of ${count} results`))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      }),
  }
}

/** Over graphql-ws, on a socket of its own that does not reconnect. Resolves once the operation is on its way. */
export async function subscribe(
  url: string,
  token: string,
  query: string,
  variables: Variables = {},
): Promise<Subscription> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  const connected = new Promise<void>((resolve) => {
    client.on('connected', () => resolve())
    client.on('closed', () => resolve())
  })
  const collector = collect(() => void client.dispose())
  client.subscribe(
    { query, variables: { ...variables } },
    { next: (result) => collector.add(result), error: collector.end, complete: () => collector.end(null) },
  )
  await connected
  return collector
}

/** Over server-sent events. Resolves once the answer has begun. */
export async function subscribeSse(
  url: string,
  token: string,
  query: string,
  variables: Variables = {},
): Promise<Subscription> {
  const abort = new AbortController()
  const collector = collect(() => abort.abort())
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    signal: abort.signal,
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  })
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'next') collector.add(JSON.parse(data))
      if (event === 'complete') collector.end(null)
    },
  })
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }))
  }
  read().then(
    () => collector.end('closed'),
    (error: unknown) => collector.end(error),
  )
  return collector
}

export const EVENT = `id cursor type vehicleId occurredAt recordedAt requestId vehicle { id }
  ... on SharingEvent { endsAt endReason sharing { id phase status } }`

export const FOLLOW = `subscription ($after: String, $filter: VehicleEventFilter) {
  vehicleEvents(after: $after, filter: $filter) { ${EVENT} } }`

export const HISTORY = `query ($first: Int, $after: String, $filter: VehicleEventFilter) {
  vehicleEvents(first: $first, after: $after, filter: $filter) {
    edges { cursor } nodes { ${EVENT} } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
