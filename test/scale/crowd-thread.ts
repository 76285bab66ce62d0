import { workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { createCursors } from '../../src/data/log/cursor.ts'
import { fold } from './columns.ts'
import type { Plan } from './crowd.ts'
import { CLASSES } from './figures.ts'

const { urls, tokens, clients, after, cursorKey, within, thread, threads, columns } = workerData as Plan

const QUERY = 'subscription ($after: String) { vehicleEvents(after: $after) { cursor recordedAt type vehicleId } }'

const random = (from: number, to: number) => from + Math.random() * (to - from)
/** How long a connection lasts where clients are cut, and how long its client is away then. Milliseconds. */
const lifetime = () => random(5_000, 25_000)
const ABSENCE_MS = 2_000
/** Before the next try where a connection broke or was refused. */
const backoff = () => random(100, 2_000)

type Message = {
  readonly type: string
  readonly payload?: {
    readonly data?: { readonly vehicleEvents: { readonly cursor: string; readonly recordedAt: string } }
  }
}

const add = (column: Uint32Array, index: number) => (column[index] = (column[index] ?? 0) + 1)

/** One client for all of its time: over and over it comes back behind its last event. */
function follow(client: number): void {
  const token = tokens[client % tokens.length] ?? ''
  let place = after

  function connect(instance: number): void {
    const socket = new WebSocket(urls[instance] ?? '', 'graphql-transport-ws', { perMessageDeflate: false })
    let cut: NodeJS.Timeout | undefined
    let wasCut = false
    let subscribedAt = Infinity
    const send = (message: object) => socket.send(JSON.stringify(message))

    socket.on('open', () => send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } }))
    socket.on('message', (text: Buffer) => {
      const { type, payload } = JSON.parse(text.toString()) as Message
      if (type === 'next' && payload?.data) receive(payload.data.vehicleEvents, subscribedAt)
      else if (type === 'connection_ack') {
        send({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { after: place } } })
        subscribedAt = Date.now()
        add(columns.connections, client)
        columns.instance[client] = instance
        cut = setTimeout(() => {
          if (columns.cutting[0] !== 1) return cut?.refresh()
          wasCut = true
          return socket.terminate()
        }, lifetime())
      } else if (type === 'ping') send({ type: 'pong' })
      else {
        add(columns.refusals, client)
        socket.terminate()
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(cut)
      columns.instance[client] = -1
      if (wasCut) setTimeout(connect, ABSENCE_MS, Math.floor(random(0, urls.length)))
      else setTimeout(connect, backoff(), (instance + 1) % urls.length)
    })
  }

  function receive({ cursor, recordedAt }: { cursor: string; recordedAt: string }, subscribedAt: number): void {
    const now = Date.now()
    const recorded = Date.parse(recordedAt)
    const position = createCursors(cursorKey).openEvent(cursor)?.position ?? NaN
    place = cursor
    // NaN, which stands for no cursor at all, is not behind anything either.
    if (!(position > (columns.position[client] ?? 0))) add(columns.faults, client)
    columns.position[client] = position
    columns.hash[client] = fold(columns.hash[client] ?? 0, position)
    add(columns.count, client)
    const delay = Math.min(Math.max(now - recorded, 0), CLASSES - 1)
    Atomics.add(recorded >= subscribedAt ? columns.live : columns.missed, delay, 1)
    const mark = columns.mark[0] ?? 0
    if (mark > 0 && recorded > mark && columns.backAt[client] === 0) columns.backAt[client] = now
  }

  setTimeout(connect, random(0, within), client % urls.length)
}

for (let client = thread; client < clients; client += threads) follow(client)
