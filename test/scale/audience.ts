import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** Subscribers that a thread opens, all with the same document. */
export type Audience = { readonly port: number; readonly token: string; readonly sockets: number }

/** What the thread answers to each number of events: when each socket had them all, as Date.now() with fractions. */
export type Arrivals = { readonly at: readonly number[] }

const { port, token, sockets } = workerData as Audience

const QUERY =
  'subscription { vehicleEvents { cursor recordedAt type vehicleId ... on StateEvent { state { speedKmh { value observedAt } } } } }'

/** A message as clients send it: masked, with a mask of zeros, and of less than 64 kB. */
function frameOf(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message))
  const head = text.length < 126 ? [0x81, 0x80 | text.length] : [0x81, 0xfe, text.length >> 8, text.length & 255]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), text])
}

/** Bare sockets, which count messages: a general client would take more time than the server. */
async function follow(onMessage: () => void): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  )
  await once(socket, 'data')
  socket.write(frameOf({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } }))
  await once(socket, 'data')
  socket.write(frameOf({ id: '1', type: 'subscribe', payload: { query: QUERY } }))
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (;;) {
      const [first = 0, second = 0] = rest
      const head = second === 126 ? 4 : 2
      if (rest.length < head) return
      const length = second === 126 ? rest.readUInt16BE(2) : second
      if (rest.length < head + length) return
      rest = rest.subarray(head + length)
      // Else it is a ping, whose answer has no payload here either.
      if ((first & 15) === 1) onMessage()
      else socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
    }
  })
}

const counts = Array.from({ length: sockets }, () => 0)
let awaited = 0
let at: number[] = []
for (let nth = 0; nth < sockets; nth++) {
  await follow(() => {
    counts[nth] = (counts[nth] ?? 0) + 1
    if (counts[nth] !== awaited) return
    at.push(performance.timeOrigin + performance.now())
    if (at.length < sockets) return
    counts.fill(0)
    parentPort?.postMessage({ at } satisfies Arrivals, [])
  })
}
parentPort?.on('message', (events: number) => {
  awaited = events
  at = []
  parentPort?.postMessage('ready', [])
})
parentPort?.postMessage('ready', [])
