import { once } from 'node:events'
import { connect } from 'node:net'

/** One HTTP/1.1 connection that is kept alive, with one request at a time on it. */
export type Connection = {
  /** @throws for any status but 200, and when the connection breaks */
  readonly post: (token: string, body: string) => Promise<Buffer>
  readonly close: () => void
}

const HEAD_END = '\r\n\r\n'
const NOTHING: Buffer = Buffer.alloc(0)

/** Bare sockets, because a general client would cost more than some of the servers that are measured. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  let received = NOTHING
  let waiting: PromiseWithResolvers<Buffer> | null = null
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    try {
      const answer = answerIn(received)
      if (answer === null) return
      received = NOTHING
      waiting?.resolve(answer)
    } catch (error) {
      fail(error as Error)
    }
  })
  return {
    post: (token, body) => {
      waiting = Promise.withResolvers<Buffer>()
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n` +
          'Accept: application/json\r\nContent-Type: application/json\r\n' +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
      return waiting.promise
    },
    close: () => socket.destroy(),
  }
}

/** The body of an answer, null as long as it is not there as a whole. */
function answerIn(received: Buffer): Buffer | null {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd === -1) return null
  const head = received.toString('latin1', 0, headEnd)
  const body = received.subarray(headEnd + HEAD_END.length)
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  const whole = length === undefined ? unchunked(body) : body.length < Number(length) ? null : body
  if (whole !== null && !head.startsWith('HTTP/1.1 200')) throw new Error(`${head}\n${whole.toString().slice(0, 500)}`)
  return whole
}

function unchunked(body: Buffer): Buffer | null {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    const from = lineEnd + 2
    if (body.length < from + size + 2) return null
    if (size === 0) return Buffer.concat(parts)
    parts.push(body.subarray(from, from + size))
    at = from + size + 2
  }
}
