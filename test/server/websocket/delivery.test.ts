import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionResult } from 'graphql'
import { expect, it, onTestFinished, vi } from 'vitest'
import { pino } from 'pino'
import { WebSocket, WebSocketServer } from 'ws'
import { createTurnEnd } from '../../../src/async/turn.ts'
import type { LoggedEvent } from '../../../src/domain/log/event.ts'
import type { Take } from '../../../src/live/catch-up.ts'
import type { EventStream } from '../../../src/live/stream.ts'
import type { Evaluation } from '../../../src/server/engine/event-groups.ts'
import { createPresentErrors } from '../../../src/server/engine/present-errors.ts'
import { eventResults } from '../../../src/server/engine/subscription.ts'
import { createCounts } from '../../../src/server/telemetry/counts.ts'
import { connectionOf } from '../../../src/server/websocket/connection.ts'
import { socketSink } from '../../../src/server/websocket/socket-operations.ts'

/** More than the systems at both ends hold for a connection, in a few answers. */
const LARGE = 1024 * 1024
const MANY = 24

/** The evaluation of an event that is known at once, or once it is settled. */
function evaluation(n: number, atOnce: boolean, size = 0) {
  const result: ExecutionResult = { data: { n, filling: 'x'.repeat(size) } }
  const { promise, resolve, reject } = Promise.withResolvers<ExecutionResult>()
  const settled = promise.then((known) => (made.result = known))
  const made: Evaluation = { result: atOnce ? result : null, ready: atOnce ? null : settled, json: null }
  return { made, settle: () => resolve(result), fail: reject }
}

/** A subscription whose events the test evaluates, over a socket of the server's and its client. */
async function open() {
  const sockets = new WebSocketServer({ port: 0 })
  const accepted = once(sockets, 'connection')
  const reader = new WebSocket(`ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`)
  const [socket, { socket: duplex }] = (await accepted) as [WebSocket, IncomingMessage]
  await once(reader, 'open')
  onTestFinished(() => {
    reader.terminate()
    sockets.close()
  })
  const seen: number[] = []
  reader.on('message', (data: Buffer) => seen.push(JSON.parse(data.toString()).payload.data.n as number))
  const { promise: ended, resolve: stop, reject } = Promise.withResolvers<void>()
  let take: Take = () => null
  const evaluations = new Map<LoggedEvent, Evaluation>()
  const stream: EventStream = {
    deliver: (to) => {
      take = to
      return { ended, stop }
    },
    [Symbol.asyncIterator]: () => {
      throw new Error('nobody pulls')
    },
  }
  const evaluate = (event: LoggedEvent) => evaluations.get(event) ?? evaluation(NaN, true).made
  const reading = {
    requestId: 'a request',
    transport: 'websocket' as const,
    until: Infinity,
    presentErrors: createPresentErrors(pino({ level: 'silent' }), false),
    counts: createCounts(),
  }
  const session = { connection: connectionOf(socket, duplex, createTurnEnd()) }
  const delivery = eventResults(stream, evaluate, reading).deliver(socketSink(session, '1'))
  const deliver = (made: Evaluation) => {
    const event = {} as LoggedEvent
    evaluations.set(event, made)
    return take(event)
  }
  return { reader, seen, socket, duplex, delivery, deliver, reject }
}

const rest = () => new Promise<void>((resolve) => setImmediate(resolve))

it.each([
  ['known at once', () => true],
  ['waited for', () => false],
  ['the one or the other', (n: number) => n % 3 === 0],
])('answers that are %s wait for a reader that is slow, and come once, in order', async (_what, isAtOnce) => {
  const { reader, seen, socket, deliver } = await open()
  reader.pause()
  let most = 0
  const feed = async () => {
    for (let n = 0; n < MANY; n++) {
      const { made, settle } = evaluation(n, isAtOnce(n), LARGE)
      const wait = deliver(made)
      settle()
      // Time enough for all that is not told to wait.
      await rest()
      await rest()
      most = Math.max(most, socket.bufferedAmount)
      if (wait) await wait
    }
  }
  const fed = feed()
  // Until nothing moves any more, if ever.
  for (let last = -1, same = 0; same < 20; last = socket.bufferedAmount) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    same = socket.bufferedAmount === last ? same + 1 : 0
  }
  reader.resume()
  await fed
  await expect.poll(() => seen).toEqual(Array.from({ length: MANY }, (_, n) => n))
  // What is on its way when it is told to wait, and what is written to find out.
  expect(most).toBeLessThan(3 * LARGE)
})

it('an answer that is still waited for when the reader comes back is sent once, and none is left out', async () => {
  const { reader, seen, socket, deliver } = await open()
  reader.pause()
  for (let n = 0; n < 7; n++) {
    const { made, settle } = evaluation(n, false, LARGE)
    void deliver(made)
    settle()
    await rest()
  }
  expect(socket.bufferedAmount).toBeGreaterThan(0)
  const [late, last] = [evaluation(7, false), evaluation(8, false)]
  reader.resume()
  void deliver(late.made)
  void deliver(last.made)
  await expect.poll(() => seen.length).toBe(7)
  late.settle()
  last.settle()
  await expect.poll(() => seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

it('ends once its socket does not take anything any more, whether or not it is closed yet', async () => {
  const { socket, seen, deliver, delivery } = await open()
  void deliver(evaluation(0, true).made)
  await expect.poll(() => seen).toEqual([0])
  socket.close()
  void deliver(evaluation(1, true).made)
  await delivery.ended
  expect(seen).toEqual([0])
})

it('fails as clients may see it, and is silent to a reader that has left', async () => {
  const failing = await open()
  failing.reject(new Error('a secret'))
  await expect(failing.delivery.ended).rejects.toMatchObject({ extensions: { code: 'INTERNAL_SERVER_ERROR' } })
  const left = await open()
  left.delivery.stop()
  left.reject(new Error('a secret'))
  await left.delivery.ended
})

it('what is sent in one turn goes out in one write at its end', async () => {
  const { reader, seen, duplex, deliver } = await open()
  const write = vi.spyOn(duplex, 'write')
  for (let n = 0; n < 5; n++) expect(deliver(evaluation(n, true).made)).toBeNull()
  expect(write).not.toHaveBeenCalled()
  await new Promise<void>((resolve) => process.nextTick(resolve))
  expect(write).toHaveBeenCalledTimes(1)
  expect([duplex.writableCorked, duplex.writableLength]).toEqual([0, 0])
  void deliver(evaluation(5, true).made)
  await expect.poll(() => seen).toEqual([0, 1, 2, 3, 4, 5])
  expect(write).toHaveBeenCalledTimes(2)
  expect(reader.readyState).toBe(reader.OPEN)
})

it('what is held back until the end of a turn is no reason to wait for the reader', async () => {
  const { seen, deliver } = await open()
  for (let n = 0; n < 10; n++) expect(deliver(evaluation(n, true, 32 * 1024).made)).toBeNull()
  await expect.poll(() => seen).toEqual(Array.from({ length: 10 }, (_, n) => n))
})
