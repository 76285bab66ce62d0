import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { createTurnEnd } from '../../../src/async/turn.ts'
import { connectionOf } from '../../../src/server/websocket/connection.ts'

/** Around each size from which on a frame has a longer head. */
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 300_000]
const TEXTS = [...SIZES.map((size) => 'x'.repeat(size)), 'é日本🚗', 'é'.repeat(63), '🚗'.repeat(16_384), '\u0000"\\\n']

/** A socket of ws with what its client reads, byte for byte. */
async function open(sockets: WebSocketServer) {
  const accepted = once(sockets, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const client = connect((sockets.address() as AddressInfo).port)
  onTestFinished(() => void client.destroy())
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  client.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  )
  const [socket, { socket: stream }] = await accepted
  const all = () => Buffer.concat(chunks)
  return {
    socket,
    stream,
    /** What came behind the answer to the upgrade, once it ends like this. */
    upTo: async (end: string) => {
      while (!all().subarray(-200).includes(end)) await once(client, 'data')
      socket.terminate()
      return all().subarray(all().indexOf('\r\n\r\n') + 4)
    },
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

it('messages of any size and script are written to the byte as ws writes them, among pings, up to the close', async () => {
  const sockets = new WebSocketServer({ port: 0, perMessageDeflate: false })
  onTestFinished(() => sockets.close())
  const [ours, theirs] = [await open(sockets), await open(sockets)]
  const connection = connectionOf(ours.socket, ours.stream, createTurnEnd())
  for (const together of [1, 5, TEXTS.length]) {
    for (let from = 0; from < TEXTS.length; from += together) {
      for (const text of TEXTS.slice(from, from + together)) {
        // In pieces, of which the first may be empty.
        const bytes = Buffer.from(text)
        const wait = connection.offer([bytes.subarray(0, 3), bytes.subarray(3)])
        theirs.socket.send(text)
        if (wait) await wait
      }
      await turn()
      ours.socket.ping()
      theirs.socket.ping()
    }
  }
  void connection.offer([Buffer.from('offered')])
  const sent = connection.send([Buffer.from('sent')])
  void connection.offer([Buffer.from('last')])
  connection.close(4400, 'the end')
  await sent
  for (const text of ['offered', 'sent', 'last']) theirs.socket.send(text)
  theirs.socket.close(4400, 'the end')
  const [written, expected] = [await ours.upTo('the end'), await theirs.upTo('the end')]
  expect(written.length).toBe(expected.length)
  expect(written.equals(expected)).toBe(true)
})

it('nothing is written behind a close', async () => {
  const sockets = new WebSocketServer({ port: 0, perMessageDeflate: false })
  onTestFinished(() => sockets.close())
  const { socket, stream, upTo } = await open(sockets)
  const connection = connectionOf(socket, stream, createTurnEnd())
  void connection.offer([Buffer.from('late')])
  socket.close(1000, 'the end')
  await turn()
  expect(await upTo('the end')).toEqual(Buffer.from('\x88\x09\x03\xe8the end', 'latin1'))
})

it('few sockets wait for the end of a turn: one more, and the others are written to', () => {
  const atTurnEnd = createTurnEnd()
  const called: number[] = []
  for (let n = 0; n < 130; n++) atTurnEnd(() => called.push(n))
  expect(called).toEqual(Array.from({ length: 128 }, (_, n) => n))
})
