import { once } from 'node:events'
import { WebSocket } from 'ws'
import { DOCUMENTS } from './documents.ts'

/** An event as it is delivered. */
export type Delivered = { readonly cursor: string; readonly vehicleId: string; readonly occurredAt: string }

/** One subscription on a socket of its own. */
export type Follower = { readonly close: () => void }

const INIT_ACK = '{"type":"connection_ack"'

/**
 * Follows a fleet's events over graphql-transport-ws, and is told when each came. Resolves once it has been asked for.
 * @param after a cursor; null for from now on
 */
export async function follow(
  port: number,
  token: string,
  onMessage: (data: Buffer) => void,
  after: string | null = null,
): Promise<Follower> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } }))
  const [ack] = (await once(socket, 'message')) as [Buffer]
  if (!ack.toString().startsWith(INIT_ACK)) throw new Error(`the socket was refused: ${ack.toString()}`)
  socket.on('message', (data: Buffer) => {
    const text = data.toString('latin1', 0, 80)
    if (text.includes('"ping"')) socket.send('{"type":"pong"}')
    else onMessage(data)
  })
  const payload = after === null ? { query: DOCUMENTS.Follow } : { query: DOCUMENTS.Resume, variables: { after } }
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }))
  return { close: () => socket.terminate() }
}

/** @throws for what is no event, such as an error */
export function eventIn(data: Buffer): Delivered {
  const text = data.toString()
  const message = JSON.parse(text) as { payload?: { data?: { vehicleEvents?: Delivered } } }
  const event = message.payload?.data?.vehicleEvents
  if (event === undefined) throw new Error(`no event: ${text}`)
  return event
}
