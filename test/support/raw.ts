import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'

type Message = { readonly type: string; readonly id?: string; readonly payload?: unknown }

/** A socket that speaks the protocol by hand, and wrongly where a test wants that. */
export type RawSocket = {
  readonly socket: WebSocket
  /** What the server has sent so far. */
  readonly messages: readonly Message[]
  readonly send: (message: object | string) => void
  /** Resolves with the first message that `fits`, rejects when the socket closes before. */
  readonly message: (fits: (message: Message) => boolean) => Promise<Message>
  /** Resolves with how the server closed it. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

type SocketOptions = Omit<ClientOptions, 'protocol'> & { readonly protocol?: string | string[] }

export async function openSocket(
  url: string,
  { protocol = 'graphql-transport-ws', ...options }: SocketOptions = {},
): Promise<RawSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol, options)
  const messages: Message[] = []
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as Message))
  await once(socket, 'open')
  socket.on('error', () => {})
  return {
    socket,
    messages,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    message: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = messages.find((candidate) => fits(candidate))
          if (found) resolve(found)
          return found !== undefined
        }
        if (look()) return
        socket.on('message', look)
        socket.on('close', (code) => reject(new Error(`closed with ${code}, after ${JSON.stringify(messages)}`)))
      }),
  }
}

/** A socket that the server has let in. */
export async function openAcknowledged(url: string, token: string): Promise<RawSocket> {
  const raw = await openSocket(url)
  raw.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } })
  await raw.message(({ type }) => type === 'connection_ack')
  return raw
}

/** How connection_init ends: 'connection_ack', or the close code. */
export async function connectWith(url: string, payload: unknown): Promise<string | number> {
  const { send, message, closed, socket } = await openSocket(url)
  send({ type: 'connection_init', ...(payload === undefined ? {} : { payload }) })
  const ack = message(() => true).then(
    ({ type }) => type,
    () => closed.then(({ code }) => code),
  )
  const outcome = await ack
  socket.close()
  return outcome
}

/** The HTTP status with which an upgrade is refused; 101 for one that is not. */
export function upgradeStatus(url: string, options: ClientOptions = {}): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', options)
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode ?? 0)
    })
    socket.on('open', () => {
      resolve(101)
      socket.close()
    })
  })
}
