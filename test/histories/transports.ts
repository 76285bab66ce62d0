import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { between } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'
import type { Ending, EventFilter, SeenEvent, Session, Transport } from './history.ts'
import { chance, whole } from './random.ts'
import { errorEnding, overWebSocket } from './web-socket.ts'

const EVENT = `id cursor type vehicleId occurredAt recordedAt requestId
  ... on SharingEvent { endsAt endReason sharing { id } } ... on CommandEvent { status command { id } }
  ... on StateEvent { state { mileageKm { value } } }`

const FOLLOW = `subscription ($after: String, $filter: VehicleEventFilter) {
  vehicleEvents(after: $after, filter: $filter) { ${EVENT} } }`

const HISTORY = `query ($first: Int, $after: String, $filter: VehicleEventFilter) {
  vehicleEvents(first: $first, after: $after, filter: $filter) { nodes { ${EVENT} } pageInfo { hasNextPage endCursor } } }`

export type SessionOrder = {
  readonly url: string
  readonly token: string
  readonly after: string
  readonly filter: EventFilter | null
  readonly random: Random
  readonly signal: AbortSignal
  readonly session: Session
  readonly deliver: (event: SeenEvent) => void
}

/** How events can reach a client. Each resolves with how the session ended; nothing is delivered after the signal. */
export const TRANSPORTS: Readonly<Record<Transport, (order: SessionOrder) => Promise<Ending>>> = {
  WebSocket: followByWebSocket,
  SSE: followBySse,
  pages: followByPages,
}

/** How often a client stops reading after an event, and for how long. Milliseconds. */
const PAUSE_SHARE = 0.01
const pauseOf = (random: Random) => between(random, 50, 500)

async function followByWebSocket({ random, session, deliver, after, filter, ...order }: SessionOrder): Promise<Ending> {
  return overWebSocket({
    ...order,
    query: FOLLOW,
    variables: { after, filter },
    next: (data, socket) => {
      deliver(data['vehicleEvents'] as SeenEvent)
      if (socket.isPaused || !chance(random, PAUSE_SHARE)) return
      const from = Date.now()
      socket.pause()
      setTimeout(() => {
        session.pauses.push({ from, to: Date.now() })
        socket.resume()
      }, pauseOf(random))
    },
  })
}

type Result = { readonly data?: { readonly vehicleEvents: unknown } | null; readonly errors?: { message: string }[] }

const headersOf = (token: string, accept: string) => ({
  'Content-Type': 'application/json',
  Accept: accept,
  Authorization: `Bearer ${token}`,
})

const CLIENT: Ending = { by: 'client', code: null, message: '' }

async function followBySse(order: SessionOrder): Promise<Ending> {
  const { url, token, after, filter, random, signal, session, deliver } = order
  let ending: Ending | null = null
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (ending || signal.aborted) return
      if (event === 'complete') ending = { by: 'complete', code: null, message: '' }
      if (event !== 'next') return
      const result = JSON.parse(data) as Result
      if (result.errors) ending = errorEnding(result.errors)
      else if (result.data) deliver(result.data.vehicleEvents as SeenEvent)
    },
  })
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      signal,
      headers: headersOf(token, 'text/event-stream'),
      body: JSON.stringify({ query: FOLLOW, variables: { after, filter } }),
    })
    if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
      return errorEnding(((await response.json()) as Result).errors ?? [])
    }
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      parser.feed(decoder.decode(chunk, { stream: true }))
      if (ending) return ending
      if (!chance(random, PAUSE_SHARE)) continue
      const from = Date.now()
      await sleep(pauseOf(random))
      session.pauses.push({ from, to: Date.now() })
    }
    return ending ?? { by: 'network', code: null, message: 'the stream ended' }
  } catch (error) {
    return signal.aborted ? CLIENT : { by: 'network', code: null, message: String(error) }
  }
}

type Page = {
  readonly nodes: readonly SeenEvent[]
  readonly pageInfo: { hasNextPage: boolean; endCursor: string | null }
}

/** One page of the history. @throws an Ending */
export async function readPage(
  { url, token, filter, signal }: Pick<SessionOrder, 'url' | 'token' | 'filter' | 'signal'>,
  first: number,
  after: string | null,
): Promise<Page> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    signal,
    headers: headersOf(token, 'application/json'),
    body: JSON.stringify({ query: HISTORY, variables: { first, after, filter } }),
  })
  const { data, errors } = (await response.json()) as Result
  if (errors || !data) throw new PageError(errorEnding(errors ?? []))
  return data.vehicleEvents as Page
}

/** A page that was refused. */
class PageError extends Error {
  readonly ending: Ending

  constructor(ending: Ending) {
    super(ending.message)
    this.ending = ending
  }
}

async function followByPages(order: SessionOrder): Promise<Ending> {
  const { random, signal, deliver } = order
  try {
    for (let after = order.after; !signal.aborted;) {
      const { nodes, pageInfo } = await readPage(order, whole(random, 1, 60), after)
      if (signal.aborted) break
      nodes.forEach(deliver)
      after = pageInfo.endCursor ?? after
      if (!pageInfo.hasNextPage) await sleep(between(random, 10, 200))
    }
    return CLIENT
  } catch (error) {
    if (signal.aborted) return CLIENT
    return error instanceof PageError ? error.ending : { by: 'network', code: null, message: String(error) }
  }
}
