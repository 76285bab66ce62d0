import type { IncomingMessage, ServerResponse } from 'node:http'
import { OperationTypeNode } from 'graphql'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { atInstant } from '../../async/timer.ts'
import { createTurnEnd } from '../../async/turn.ts'
import type { AtTurnEnd } from '../../async/turn.ts'
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
const NEXT = Buffer.from('event: next\ndata: ')
const END = Buffer.from('\n\n')
const COMPLETE = Buffer.from('event: complete\ndata:\n\n')

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
  const atTurnEnd = createTurnEnd()
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
    if ('deliver' in opened) deliver(response, opened, caller.viewer.expiresAt, { ...options, atTurnEnd })
    else {
      countErrors(counts, opened)
      response.end(Buffer.concat([NEXT, jsonOf(opened), END, COMPLETE]))
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
  { counts, atTurnEnd, pingMs = PING_MS }: EventStreamOptions & { readonly atTurnEnd: AtTurnEnd },
): void {
  const isOpen = () => !response.writableEnded && !response.destroyed && Date.now() < until
  const { send, offer, end } = framesTo(response, atTurnEnd)
  const delivery = subscription.deliver({ isOpen, send, offer, jsonOf })
  const cancel = atInstant(until, () => {
    delivery.stop()
    end()
  })
  const pings = setInterval(() => response.writableNeedDrain || response.write(PING), pingMs)
  response.on('close', () => {
    cancel()
    clearInterval(pings)
    delivery.stop()
  })
  delivery.ended.then(
    () => end(),
    (error: GraphQLError) => {
      countErrors(counts, { errors: [error] })
      end(jsonOf({ errors: [error] }))
    },
  )
}

/** The frames of a response. Those that are offered in one turn of the event loop go out in one write. */
type Frames = Pick<Sink, 'send' | 'offer'> & {
  /** @param last a last result */
  readonly end: (last?: Buffer) => void
}

function framesTo(response: ServerResponse, atTurnEnd: AtTurnEnd): Frames {
  let gathered: Buffer[] = []
  let size = 0
  const gather = (json: Buffer) => {
    size += json.length
    gathered.push(NEXT, json, END)
  }
  const take = () => {
    const frames = Buffer.concat(gathered)
    gathered = []
    size = 0
    return frames
  }
  const flush = () => {
    if (size > 0 && !response.destroyed && !response.writableEnded) response.write(take())
  }
  return {
    offer: (json) => {
      if (size === 0) atTurnEnd(flush)
      gather(json)
      // Frames that are held back here do not wait for the reader.
      if (size + response.writableLength >= response.writableHighWaterMark) flush()
      return response.writableNeedDrain ? orClosed(response, (done) => response.once('drain', done)) : null
    },
    send: (json) => {
      gather(json)
      return orClosed(response, (done) => response.write(take(), done))
    },
    end: (last) => {
      if (response.writableEnded) return
      if (last) gather(last)
      response.end(Buffer.concat([take(), COMPLETE]))
    },
  }
}

/** Resolves when `done` is called, or the response is closed. */
const orClosed = (response: ServerResponse, wait: (done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    response.once('close', resolve)
    wait(() => {
      response.off('close', resolve)
      resolve()
    })
  })

const jsonOf = ({ errors, ...result }: ExecutionResult): Buffer =>
  Buffer.from(JSON.stringify({ errors: errors?.map(toWire), ...result }))
