import { parentPort, workerData } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

/** Documents that a thread sends, each another one, so many a second, with one token. */
export type Flood = {
  readonly url: string
  readonly token: string
  readonly rate: number
  /** Of each document. */
  readonly fields: number
  readonly seconds: number
}

/** What the thread heard: subscriptions that were sent, results, and errors by their code. */
export type Heard = {
  readonly sent: number
  readonly results: number
  readonly codes: ReadonlyMap<string, number>
}

const { url, token, rate, fields, seconds } = workerData as Flood

/** Operations that one socket may have. */
const PER_SOCKET = 100
const LOT_MS = 10

const FIELDS = ['id', 'cursor', 'occurredAt', 'recordedAt', 'type', 'vehicleId', 'requestId']
/** Aliases are few: further fields are those of the vehicle, again and again in the same selection. */
const VEHICLE = ['id', 'name', 'brand', 'model', 'supportedCommands']

function documentOf(nth: number): string {
  const aliased = FIELDS.map((name, index) => `a${nth}x${index}: ${name}`)
  const more = Array.from(
    { length: Math.max(fields - aliased.length, 0) },
    (_, index) => VEHICLE[index % VEHICLE.length],
  )
  return `subscription S${nth} { vehicleEvents { ${aliased.join(' ')} vehicle { id ${more.join(' ')} } } }`
}

const heard = { sent: 0, results: 0, codes: new Map<string, number>() }
const count = (code: string) => heard.codes.set(code, (heard.codes.get(code) ?? 0) + 1)

function open(): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  socket.on('error', () => {})
  socket.on('close', (code) => count(`closed with ${code}`))
  socket.on('open', () => send(socket, { type: 'connection_init', payload: { Authorization: `Bearer ${token}` } }))
  return new Promise((resolve) => {
    socket.on('message', (text: Buffer) => {
      const { type, payload } = JSON.parse(text.toString()) as { type: string; payload?: unknown }
      if (type === 'connection_ack') resolve(socket)
      else if (type === 'ping') send(socket, { type: 'pong' })
      else if (type === 'next') heard.results++
      else if (type === 'error') {
        const [error] = payload as { readonly extensions?: { readonly code?: string } }[]
        count(error?.extensions?.code ?? 'no code')
      }
    })
  })
}

const send = (socket: WebSocket, message: object) => socket.send(JSON.stringify(message))

let socket: WebSocket | null = null
const started = performance.now()
for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - started) {
  const due = Math.floor((elapsed / 1000) * rate)
  while (heard.sent < due) {
    if (heard.sent % PER_SOCKET === 0 || socket?.readyState !== WebSocket.OPEN) socket = await open()
    const id = String(heard.sent++)
    send(socket, { id, type: 'subscribe', payload: { query: documentOf(heard.sent) } })
  }
  await sleep(LOT_MS)
}
parentPort?.postMessage(heard satisfies Heard, [])
