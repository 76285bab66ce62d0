import { createParser } from 'eventsource-parser'
import type { Answer } from './api.ts'
import { openAcknowledged } from './raw.ts'

export const TRANSPORTS = ['POST', 'POST again', 'GET', 'SSE', 'WebSocket'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** As it is put into a request; what stands beside the usual parts is sent as it is. */
export type Params = { readonly query?: string; readonly variables?: object } & Readonly<Record<string, unknown>>

/** The first that comes back, whatever the transport. */
export type Told = Pick<Answer, 'data' | 'errors'> & {
  readonly extensions: Readonly<Record<string, unknown>> | undefined
  /** Over a WebSocket there are neither. */
  readonly status: number | null
  readonly headers: Headers | null
}

type Body = Pick<Told, 'data' | 'errors' | 'extensions'>
type Send = (url: string, token: string | null, params: Params, headers?: Record<string, string>) => Promise<Told>

const told = (body: Body, response: Response | null): Told => ({
  data: body.data,
  errors: body.errors,
  extensions: body.extensions,
  status: response?.status ?? null,
  headers: response?.headers ?? null,
})

const headersOf = (token: string | null, accept: string, more: Readonly<Record<string, string>>) => ({
  'Content-Type': 'application/json',
  Accept: accept,
  ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
  ...more,
})

/** An answer to what clients send that read the status. */
const JSON_ANSWER = 'application/graphql-response+json'

const post: Send = async (url, token, params, headers = {}) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: headersOf(token, JSON_ANSWER, headers),
    body: JSON.stringify(params),
  })
  return told((await response.json()) as Body, response)
}

const SENDERS: Readonly<Record<Transport, Send>> = {
  POST: post,
  'POST again': async (url, token, params, headers) => {
    for (let time = 0; time < 2; time++) await post(url, token, params, headers)
    return post(url, token, params, headers)
  },
  GET: async (url, token, params, headers = {}) => {
    const target = new URL(`${url}/graphql`)
    for (const [name, value] of Object.entries(params)) {
      target.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value))
    }
    const { 'Content-Type': _none, ...own } = headersOf(token, JSON_ANSWER, headers)
    const response = await fetch(target, { headers: own })
    return told((await response.json()) as Body, response)
  },
  SSE: async (url, token, params, headers = {}) => {
    const abort = new AbortController()
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      signal: abort.signal,
      headers: headersOf(token, 'text/event-stream', headers),
      body: JSON.stringify(params),
    })
    if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
      return told((await response.json()) as Body, response)
    const body = await firstOf(response)
    abort.abort()
    return told(body, response)
  },
  WebSocket: async (url, token, params) => {
    const { send, message, socket } = await openAcknowledged(url, token ?? '')
    send({ id: '1', type: 'subscribe', payload: { query: '', ...params } })
    const { type, payload } = await message(({ id }) => id === '1')
    // Whatever became of it, the socket serves on.
    send({ type: 'ping' })
    await message((candidate) => candidate.type === 'pong')
    socket.close()
    return told(type === 'error' ? ({ errors: payload } as Body) : (payload as Body), null)
  },
}

async function firstOf(response: Response): Promise<Body> {
  const results: Body[] = []
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'next') results.push(JSON.parse(data) as Body)
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (results[0]) return results[0]
  }
  throw new Error('the stream ended without a result')
}

/** Sends an operation. `POST again` sends it three times, so that it has come before, and tells what came last. */
export const sendOver = (transport: Transport): Send => SENDERS[transport]
