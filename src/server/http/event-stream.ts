import type { IncomingMessage, ServerResponse } from 'node:http'
import { OperationTypeNode } from 'graphql'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { atInstant } from '../../async/timer.ts'
import type { Request } from '../../graphql/base/context.ts'
import type { Engine } from '../engine/engine.ts'
import { isOperation } from '../engine/operations.ts'
import { toWire } from '../engine/present-errors.ts'
import type { Sink, Subscription } from '../engine/subscription.ts'
import type { TrustedDocuments } from '../engine/trusted-documents.ts'
import type { Admission } from '../limits/admission.ts'
import { countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import { paramsOf } from './params.ts'

/** Answers a subscription with server-sent events. @returns whether it did; if not, nothing was executed */
export type AnswerSubscription = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  caller: Request,
) => Promise<boolean>

/** The interval of comments that show that the connection lives. Milliseconds. */
const PING_MS = 12_000
const PING = ':\n\n'
const COMPLETE = 'event: complete\ndata:\n\n'

export type EventStreamOptions = {
  readonly engine: Engine
  readonly admission: Admission
  readonly trusted: TrustedDocuments | null
  readonly counts: Counts
  /** For tests. */
  readonly pingMs?: number | undefined
}

/**
 * GraphQL over server-sent events in distinct connections mode, as Yoga has it to the byte, which a test holds: but each
 * result is evaluated and serialized once for all that share it. Left to Yoga are requests by GET, queries, and bodies,
 * media types and documents out of the ordinary.
 */
export function createEventStreams(options: EventStreamOptions): AnswerSubscription {
  const { engine, admission, trusted, counts } = options
  return async (request, response, body, caller) => {
    if (!isEventStream(request.headers.accept)) return false
    const params = paramsOf(body, trusted)
    const operation = params && engine.operations.prepare(params, caller)
    if (!operation || !isOperation(operation)) return false
    if (operation.definition.operation !== OperationTypeNode.SUBSCRIPTION) return false
    const opened = await engine.subscribe(operation, caller, params.variables, request.headers)
    if (response.destroyed) return true
    admission.setRateLimitHeaders(caller.viewer, response)
    begin(response, opened)
    if ('deliver' in opened) deliver(response, opened, caller.viewer.expiresAt, options)
    else {
      countErrors(counts, opened)
      response.end(`${frameOf(jsonOf(opened))}${COMPLETE}`)
    }
    return true
  }
}

/** Whether it accepts streams alone: a refusal is not sent as an ordinary response. */
const isEventStream = (accept = ''): boolean =>
  accept.split(',').every((type) => /^\s*(text\/event-stream|multipart\/mixed)\s*(;|$)/i.test(type))

/** The head, with the status and headers that errors ask for. */
function begin(response: ServerResponse, opened: Subscription | ExecutionResult): void {
  let status = 200
  const errors = 'errors' in opened ? (opened.errors ?? []) : []
  for (const { extensions } of errors) {
    const { http } = extensions
    for (const [name, value] of Object.entries(http?.headers ?? {})) response.setHeader(name, value)
    if (!http?.spec) status = Math.max(status, http?.status ?? 0)
  }
  response.setHeader('Content-Type', 'text/event-stream')
  response.setHeader('Connection', 'keep-alive')
  response.setHeader('Content-Encoding', 'none')
  response.writeHead(status)
  // Some browsers hold the head of a response back until a part of the body follows.
  response.write(PING)
}

function deliver(
  response: ServerResponse,
  subscription: Subscription,
  until: number,
  { counts, pingMs = PING_MS }: EventStreamOptions,
): void {
  const delivery = subscription.deliver(sinkOf(response, until))
  const end = (text: string) => {
    if (!response.writableEnded) response.end(text)
  }
  const cancel = atInstant(until, () => {
    delivery.stop()
    end(COMPLETE)
  })
  const pings = setInterval(() => response.writableNeedDrain || response.write(PING), pingMs)
  response.on('close', () => {
    cancel()
    clearInterval(pings)
    delivery.stop()
  })
  delivery.ended.then(
    () => end(COMPLETE),
    (error: GraphQLError) => {
      countErrors(counts, { errors: [error] })
      end(`${frameOf(jsonOf({ errors: [error] }))}${COMPLETE}`)
    },
  )
}

const sinkOf = (response: ServerResponse, until: number): Sink => ({
  isOpen: () => !response.writableEnded && !response.destroyed && Date.now() < until,
  offer: (json) => (response.write(frameOf(json)) ? null : orClosed(response, (done) => response.once('drain', done))),
  send: (json) => orClosed(response, (done) => response.write(frameOf(json), done)),
  jsonOf,
})

/** Resolves when `done` is called, or the response is closed. */
const orClosed = (response: ServerResponse, wait: (done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    response.once('close', resolve)
    wait(() => {
      response.off('close', resolve)
      resolve()
    })
  })

const frameOf = (json: string): string => `event: next\ndata: ${json}\n\n`

const jsonOf = ({ errors, ...result }: ExecutionResult): string =>
  JSON.stringify({ errors: errors?.map(toWire), ...result })
