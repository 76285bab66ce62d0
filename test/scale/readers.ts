import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { readFile } from 'node:fs/promises'
import { createParser } from 'eventsource-parser'
import { WebSocket } from 'ws'
import { createCursors } from '../../src/data/log/cursor.ts'
import { READINGS } from '../support/gateway.ts'

/** A subscriber that can stop to read from its connection, as a client does whose machine hangs. */
export type Reader = {
  /** Where the events stand that have come, in the order in which they came. */
  readonly positions: number[]
  readonly place: () => string
  readonly stall: () => void
  readonly resume: () => void
  readonly close: () => void
  /** How it ended, as the client got to know. */
  readonly ended: Promise<string>
  /** Of its end of the connection. */
  readonly port: number
}

export type ReaderOptions = {
  readonly url: string
  readonly token: string
  readonly after: string
  readonly cursorKey: Uint8Array
  /** How often each event says the same: a copy is about 600 bytes. */
  readonly copies?: number
  readonly onEvent?: (recordedAt: number) => void
}

type Next = { readonly data: { readonly vehicleEvents: { readonly cursor: string; readonly recordedAt: string } } }

const queryOf = ({ copies = 1 }: ReaderOptions) => {
  const states = Array.from({ length: copies }, (_, copy) => `copy${copy}: state { ${READINGS} }`)
  return `subscription ($after: String) { vehicleEvents(after: $after) { cursor recordedAt type vehicleId
    ... on StateEvent { ${states.join(' ')} } } }`
}

function collect({ after, cursorKey, onEvent }: ReaderOptions) {
  let place = after
  const positions: number[] = []
  return {
    positions,
    place: () => place,
    take: ({ data: { vehicleEvents } }: Next) => {
      place = vehicleEvents.cursor
      positions.push(createCursors(cursorKey).openEvent(place)?.position ?? NaN)
      onEvent?.(Date.parse(vehicleEvents.recordedAt))
    },
  }
}

export async function readWebSocket(options: ReaderOptions): Promise<Reader> {
  const { url, token, after } = options
  const { take, ...collected } = collect(options)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const send = (message: object) => socket.send(JSON.stringify(message))
  const port = new Promise<number>((resolve) =>
    socket.once('upgrade', ({ socket: { localPort } }: IncomingMessage) => resolve(localPort ?? 0)),
  )
  socket.on('open', () => send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } }))
  socket.on('message', (text: Buffer) => {
    const { type, payload } = JSON.parse(text.toString()) as { type: string; payload: Next }
    if (type === 'connection_ack')
      send({ id: '1', type: 'subscribe', payload: { query: queryOf(options), variables: { after } } })
    if (type === 'next') take(payload)
  })
  socket.on('error', () => {})
  const ended = new Promise<string>((resolve) =>
    socket.once('close', (code, reason) => resolve(`close code ${code} ${reason.toString()}`.trim())),
  )
  return {
    ...collected,
    stall: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.terminate(),
    ended,
    port: await port,
  }
}

export async function readServerSentEvents(options: ReaderOptions): Promise<Reader> {
  const { url, token, after } = options
  const { take, ...collected } = collect(options)
  const outgoing = request(`${url}/graphql`, {
    method: 'POST',
    agent: false,
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', Authorization: `Bearer ${token}` },
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  outgoing.end(JSON.stringify({ query: queryOf(options), variables: { after } }))
  const response = await answered
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'next') take(JSON.parse(data) as Next)
    },
  })
  response.setEncoding('utf8')
  response.on('data', (text: string) => parser.feed(text))
  const ended = new Promise<string>((resolve) => {
    response.once('end', () => resolve('the end of the answer'))
    response.once('error', (error: NodeJS.ErrnoException) => resolve(`the connection cut (${error.code})`))
  })
  return {
    ...collected,
    // The answer's own buffer fills up, and then nothing more is read from the connection.
    stall: () => response.pause(),
    resume: () => response.resume(),
    close: () => outgoing.destroy(),
    ended,
    port: response.socket.localPort ?? 0,
  }
}

export type Connection = {
  /** Whether the server still holds it open. */
  readonly open: boolean
  /** Bytes that the kernel keeps for a client that does not read them, on both sides. */
  readonly queued: number
}

const ESTABLISHED = '01'

/** What the kernel knows of a connection on this machine: a client that does not read is not told of its end. */
export async function connectionBetween(serverUrl: string, clientPort: number): Promise<Connection> {
  const serverPort = Number(new URL(serverUrl).port)
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/))
  const hex = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const find = (from: number, to: number) =>
    rows.find(([, local = '', remote = '']) => local.endsWith(hex(from)) && remote.endsWith(hex(to)))
  const [server, client] = [find(serverPort, clientPort), find(clientPort, serverPort)]
  const [sending = '0'] = server?.[4]?.split(':') ?? []
  const [, receiving = '0'] = client?.[4]?.split(':') ?? []
  return { open: server?.[3] === ESTABLISHED, queued: parseInt(sending, 16) + parseInt(receiving, 16) }
}
