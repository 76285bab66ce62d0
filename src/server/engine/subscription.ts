import type { ExecutionResult } from 'graphql'
import { DONE, stopOnReturn } from '../../async/iterators.ts'
import type { LoggedEvent } from '../../domain/log/event.ts'
import type { EventStream } from '../../live/stream.ts'
import type { Request } from '../../graphql/base/context.ts'
import { countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { EvaluateEvent, Evaluation } from './event-groups.ts'
import type { PresentErrors } from './present-errors.ts'

/** The results of a subscription: pulled one by one, or delivered to a transport as they come. To be used once. */
export type Subscription = AsyncIterable<ExecutionResult> & { readonly deliver: (sink: Sink) => Delivery }

/** A transport's end of a subscription. */
export type Sink = {
  /** Whether a result can still be sent. */
  readonly isOpen: () => boolean
  /** Sends JSON in UTF-8. @returns a promise to wait for before more is offered; null for none */
  readonly offer: (json: Buffer) => Promise<void> | null
  /** Sends JSON in UTF-8. Resolves once the reader, or its system, has taken it. */
  readonly send: (json: Buffer) => Promise<void>
  /** The JSON of a result with errors, which are as clients may see them, in UTF-8. */
  readonly jsonOf: (result: ExecutionResult) => Buffer
}

export type Delivery = {
  /** Resolves once it was stopped, or the results have ended; rejects with a failure as clients may see it. */
  readonly ended: Promise<void>
  /** To be called when the reader has left: nothing more is sent. */
  readonly stop: () => void
}

/** The reader of a subscription's results. */
export type Reader = Pick<Request, 'requestId' | 'transport'> & {
  /** The end of the reader's token. */
  readonly until: number
  readonly presentErrors: PresentErrors
  readonly counts: Counts
}

/** Results that are evaluations of events, each shared with a group of subscribers. */
export const eventResults = (stream: EventStream, evaluate: EvaluateEvent, reader: Reader): Subscription => ({
  deliver: (sink) => deliverEvents(stream, evaluate, reader, sink),
  [Symbol.asyncIterator]: () => pull(resultsOf(stream, evaluate), reader),
})

/** Results of a generator, which is asked for the next one when its reader has taken the one before. */
export const generatedResults = (results: AsyncIterable<ExecutionResult>, reader: Reader): Subscription => ({
  deliver: (sink) => deliverGenerated(results, reader, sink),
  [Symbol.asyncIterator]: () => pull(results, reader),
})

/** A subscription that was opened is taken at once, unless its reader has left meanwhile. Milliseconds. */
const TAKEN_WITHIN_MS = 10_000

/** @param onEnd is called once: when the subscription has ended, or nobody has taken it */
export function untilEnd(subscription: Subscription, onEnd: () => void): Subscription {
  let isOver = false
  const end = () => {
    if (!isOver) onEnd()
    isOver = true
  }
  const waiting = setTimeout(end, TAKEN_WITHIN_MS).unref()
  return {
    deliver: (sink) => {
      clearTimeout(waiting)
      const delivery = subscription.deliver(sink)
      delivery.ended.then(end, end)
      return delivery
    },
    [Symbol.asyncIterator]: () => {
      clearTimeout(waiting)
      const iterator = subscription[Symbol.asyncIterator]()
      return stopOnReturn({
        next: async () => {
          try {
            const result = await iterator.next()
            if (!result.done) return { done: false, value: result.value }
          } catch (error) {
            end()
            throw error
          }
          end()
          return DONE
        },
        stop: async () => {
          end()
          return iterator.return?.()
        },
      })
    },
  }
}

const bytesOf = (result: ExecutionResult): Buffer => Buffer.from(JSON.stringify(result))

/** The most evaluations of one subscription under way; further events wait for them. */
const MOST_WAITING = 20

/** Delivers in order, each result once it is known. */
function deliverEvents(stream: EventStream, evaluate: EvaluateEvent, reader: Reader, sink: Sink): Delivery {
  const waiting: Evaluation[] = []
  let sending: Promise<void> = Promise.resolve()
  let room: PromiseWithResolvers<void> | null = null
  let isOver = false
  let hasLeft = false
  let failure: unknown = null

  function send(evaluation: Evaluation, result: ExecutionResult): Promise<void> | null {
    if (!isOver && !sink.isOpen()) end()
    if (isOver) return null
    const shown = recorded(result, reader)
    return sink.offer(shown.errors ? sink.jsonOf(shown) : (evaluation.json ??= bytesOf(result)))
  }

  async function sendWaiting(): Promise<void> {
    for (let evaluation = waiting[0]; evaluation; evaluation = waiting[0]) {
      const result = evaluation.result ?? (await evaluation.ready)
      const wait = result && send(evaluation, result)
      if (wait) await wait
      // Removed after it was sent: while it is in the list, later results queue behind it.
      waiting.shift()
    }
    room?.resolve()
    room = null
  }

  function take(event: LoggedEvent): Promise<void> | null {
    const evaluation = evaluate(event)
    if (evaluation.result && waiting.length === 0) return send(evaluation, evaluation.result)
    waiting.push(evaluation)
    if (waiting.length === 1) sending = sendWaiting().catch(fail)
    if (waiting.length < MOST_WAITING) return null
    return (room ??= Promise.withResolvers<void>()).promise
  }

  function end(): void {
    isOver = true
    events.stop()
  }

  function fail(error: unknown): void {
    failure ??= error
    waiting.length = 0
    room?.resolve()
    end()
  }

  const events = stream.deliver(take)
  const settle = async () => {
    await events.ended.catch((error: unknown) => (failure ??= error))
    await sending
    if (failure !== null && !hasLeft) throw presented(failure, reader)
  }
  return {
    ended: settle(),
    stop: () => {
      hasLeft = true
      end()
    },
  }
}

function deliverGenerated(results: AsyncIterable<ExecutionResult>, reader: Reader, sink: Sink): Delivery {
  const iterator = results[Symbol.asyncIterator]()
  let hasLeft = false

  async function run(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await iterator.next()
        if (done || hasLeft || !sink.isOpen()) break
        const shown = recorded(value, reader)
        await sink.send(shown.errors ? sink.jsonOf(shown) : bytesOf(shown))
      }
      await iterator.return?.()
    } catch (error) {
      if (!hasLeft) throw presented(error, reader)
    }
  }

  return {
    ended: run(),
    stop: () => {
      hasLeft = true
      // Ends an iterator that waits for its next result; the end is awaited above.
      iterator.return?.().catch(() => {})
    },
  }
}

const resultsOf = (stream: EventStream, evaluate: EvaluateEvent): AsyncIterable<ExecutionResult> => ({
  [Symbol.asyncIterator]() {
    const events = stream[Symbol.asyncIterator]()
    return stopOnReturn({
      next: async () => {
        const { done, value } = await events.next()
        if (done) return DONE
        const { result, ready } = evaluate(value)
        return { done: false, value: result ?? (await (ready as Promise<ExecutionResult>)) }
      },
      stop: async () => events.return?.(),
    })
  },
})

function pull(results: AsyncIterable<ExecutionResult>, reader: Reader): AsyncGenerator<ExecutionResult, void> {
  const iterator = results[Symbol.asyncIterator]()
  const stop = async () => iterator.return?.()
  return stopOnReturn({
    next: async () => {
      try {
        const { done, value } = await iterator.next()
        if (done) return DONE
        // A result found in time may have taken until after the end of the token.
        if (Date.now() < reader.until) return { done: false, value: recorded(value, reader) }
        await stop()
        return DONE
      } catch (error) {
        throw presented(error, reader)
      }
    },
    stop,
  })
}

/** A result as clients may see it, counted as delivered. */
function recorded(result: ExecutionResult, { counts, transport, presentErrors, requestId }: Reader): ExecutionResult {
  counts.delivered[transport]++
  if (!result.errors) return result
  const errors = presentErrors(result.errors, { requestId })
  countErrors(counts, { errors })
  return { ...result, errors }
}

const presented = (error: unknown, { presentErrors, requestId }: Reader): unknown =>
  presentErrors([error], { requestId })[0]
