import type { ExecutionResult, FormattedExecutionResult } from 'graphql'
import { countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { Answer, OpenFeed } from '../engine/fan-out.ts'
import { isLive } from './session.ts'
import type { Session } from './session.ts'
import { plain } from '../engine/present-errors.ts'
import type { Show } from '../engine/present-errors.ts'

/** So many answers of a subscription may be on their way; the next are waited for. */
const MOST_WAITING = 20

export type PushOrder = {
  /** What the client calls the subscription. */
  readonly id: string
  readonly session: Session
  readonly requestId: string
  readonly show: Show
  readonly counts: Counts
}

/**
 * Sends the answers to a subscription's events as they come, in order, past graphql-ws, which would write each of them
 * anew for each subscriber and hold ten times as much for one that waits.
 * @returns for graphql-ws, which sees to the rest: yields nothing, and ends or fails when the subscription does
 */
export function pushAnswers(
  open: OpenFeed,
  { id, session, requestId, show, counts }: PushOrder,
): AsyncGenerator<ExecutionResult, void> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`
  const waiting: Answer[] = []
  let sending: Promise<void> = Promise.resolve()
  let room: PromiseWithResolvers<void> | null = null
  let stopped = false
  let left = false
  let failure: unknown = null

  function send(answer: Answer, result: ExecutionResult): Promise<void> | null {
    if (!stopped && !isLive(session)) stop()
    if (stopped) return null
    counts.delivered.websocket++
    if (!result.errors) return session.connection.offer(`${head}${(answer.text ??= JSON.stringify(result))}}`)
    const { errors, ...others } = result
    const shown = show(errors, { requestId })
    countErrors(counts, { errors: shown })
    const payload: FormattedExecutionResult = { ...others, errors: shown.map(plain) }
    return session.connection.offer(`${head}${JSON.stringify(payload)}}`)
  }

  /** One after the other, each once it is known. */
  async function sendWaiting(): Promise<void> {
    for (let answer = waiting[0]; answer; answer = waiting[0]) {
      const result = answer.result ?? (await answer.ready)
      const wait = result && send(answer, result)
      if (wait) await wait
      // Not before: while it is there the next ones take their place behind it.
      waiting.shift()
    }
    room?.resolve()
    room = null
  }

  const feed = open((answer) => {
    if (answer.result && waiting.length === 0) return send(answer, answer.result)
    waiting.push(answer)
    if (waiting.length === 1) sending = sendWaiting().catch(fail)
    if (waiting.length < MOST_WAITING) return null
    return (room ??= Promise.withResolvers<void>()).promise
  })
  const stop = () => {
    stopped = true
    feed.stop()
  }
  const fail = (error: unknown) => {
    failure ??= error
    waiting.length = 0
    room?.resolve()
    stop()
  }
  const ended = async () => {
    await feed.ended.catch((error: unknown) => (failure ??= error))
    await sending
    // Who has left is not told; and what graphql-ws makes of a failure to leave is to close the socket, or to end the process.
    if (failure === null || left) return { done: true, value: undefined } as const
    throw show([failure], { requestId })[0]
  }
  const leave = () => {
    left = true
    stop()
    return ended()
  }
  return {
    next: ended,
    return: leave,
    throw: leave,
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await leave()),
  }
}
