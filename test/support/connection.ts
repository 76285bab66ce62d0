import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** An HTTP/1.1 connection on which a test decides about every byte, and about when it is sent. */
export type RawConnection = {
  readonly socket: Socket
  /** Resolves with the first answers as soon as there are `count`, rejects when the server closes before. */
  readonly answers: (count: number) => Promise<readonly RawAnswer[]>
  /** Resolves with all answers when the server has closed it. */
  readonly closed: Promise<readonly RawAnswer[]>
}

export type RawAnswer = { readonly status: number; readonly head: string; readonly body: string }

export async function openConnection(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setNoDelay(true)
  const received: Buffer[] = []
  const closed = new Promise<readonly RawAnswer[]>((resolve) =>
    socket.on('close', () => resolve(answersIn(Buffer.concat(received)))),
  )
  socket.on('data', (chunk) => received.push(chunk))
  await once(socket, 'connect')
  // That it was cut off is told by `closed`.
  socket.on('error', () => {})
  return {
    socket,
    closed,
    async answers(count) {
      for (;;) {
        const all = answersIn(Buffer.concat(received))
        if (all.length >= count) return all.slice(0, count)
        if (socket.destroyed) throw new Error(`closed after ${Buffer.concat(received).toString()}`)
        await Promise.race([once(socket, 'data'), closed])
      }
    },
  }
}

/** Those that are there as a whole. */
function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let at = 0; ;) {
    const headEnd = bytes.indexOf('\r\n\r\n', at)
    if (headEnd === -1) return answers
    const head = bytes.toString('latin1', at, headEnd)
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const bodyEnd = headEnd + 4 + length
    if (bytes.length < bodyEnd) return answers
    answers.push({ status, head, body: bytes.toString('utf8', headEnd + 4, bodyEnd) })
    at = bodyEnd
  }
}
