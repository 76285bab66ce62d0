import { randomUUID } from 'node:crypto'
import { OperationTypeNode } from 'graphql'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { CloseCode, MessageType } from 'graphql-ws'
import type { SubscribeMessage, SubscribePayload } from 'graphql-ws'
import type { Request } from '../../graphql/base/context.ts'
import { badUserInput, stopping } from '../../graphql/base/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { isOperation } from '../engine/operations.ts'
import type { Operation } from '../engine/operations.ts'
import { toWire } from '../engine/present-errors.ts'
import type { PresentErrors } from '../engine/present-errors.ts'
import type { Delivery, Sink } from '../engine/subscription.ts'
import { checkNotPersisted } from '../engine/trusted-documents.ts'
import type { TrustedDocuments } from '../engine/trusted-documents.ts'
import { countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import { isLive, sendLive } from './connection.ts'
import type { Session } from './connection.ts'

export type SocketOperationsOptions = {
  readonly engine: Engine
  /** null: any document is admitted. */
  readonly trusted: TrustedDocuments | null
  readonly presentErrors: PresentErrors
  readonly counts: Counts
  /** Called for a failure of the server, which ends the socket. */
  readonly onFailure: (session: Session, error: unknown) => void
}

/** The operations of one socket, by the ids that its client gives them. */
export type SocketOperations = {
  /** Resolves once a query is answered, or a subscription open. */
  readonly start: (message: SubscribeMessage) => Promise<void>
  readonly stop: (id: string) => void
  readonly stopAll: () => void
  /** Starts nothing more, and calls `then` once all queries and mutations are answered: at once if none is under way. */
  readonly drain: (then: () => void) => void
}

const MOST_OPERATIONS = 100

/** An operation under way. Once it was stopped, nothing more is sent of it: its id may be that of another operation. */
type Running = { isStopped: boolean; stop: () => void }

export function createSocketOperations(session: Session, options: SocketOperationsOptions): SocketOperations {
  const { engine, trusted, presentErrors, counts, onFailure } = options
  const { connection } = session
  const running = new Map<string, Running>()
  const gone = () => !connection.isOpen()
  let toAnswer = 0
  /** Set once the socket drains: to be called when the last query or mutation is answered. */
  let drained: (() => void) | null = null

  /** The last message of an operation: its id is free when the client reads it. */
  async function end(id: string, own: Running, message: object): Promise<void> {
    if (own.isStopped) return
    running.delete(id)
    await sendLive(session, message)
  }

  const complete = (id: string, own: Running) => end(id, own, { id, type: MessageType.Complete })

  async function fail(id: string, own: Running, errors: readonly GraphQLError[]): Promise<void> {
    if (own.isStopped) return
    countErrors(counts, { errors })
    await end(id, own, { id, type: MessageType.Error, payload: errors.map(toWire) })
  }

  async function start({ id, payload }: SubscribeMessage): Promise<void> {
    if (running.has(id)) {
      return connection.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
    }
    const own: Running = { isStopped: false, stop: () => {} }
    running.set(id, own)
    const requestId = randomUUID()
    try {
      if (drained) throw stopping()
      const delivery = await open(id, own, payload, requestId)
      if (delivery) follow(id, own, delivery.ended)
    } catch (error) {
      // A throw would close the socket, and with it all that runs on it, for the fault of one operation.
      await fail(id, own, presentErrors([error], { requestId }))
    }
  }

  /** @returns the delivery of a subscription; null for an operation that is complete */
  async function open(
    id: string,
    own: Running,
    payload: SubscribePayload,
    requestId: string,
  ): Promise<Delivery | null> {
    const { viewer } = session
    if (viewer === undefined) throw new Error('an operation came before its socket was let in')
    if (running.size > MOST_OPERATIONS) {
      throw badUserInput(`On one socket at most ${MOST_OPERATIONS} operations run at a time.`)
    }
    const caller: Request = { viewer, requestId, transport: 'websocket', traceparent: traceparentIn(payload), gone }
    if (!trusted) checkNotPersisted(payload)
    const query = trusted ? String(trusted.textOf(payload)) : payload.query
    const variables = payload.variables ?? {}
    const operation = engine.operations.prepare({ query, operationName: payload.operationName ?? null }, caller)
    if (!isOperation(operation)) {
      await fail(id, own, operation)
      return null
    }
    if (operation.definition.operation !== OperationTypeNode.SUBSCRIPTION) {
      toAnswer++
      try {
        await answer(id, own, await execute(operation, caller, variables))
      } finally {
        if (--toAnswer === 0) drained?.()
      }
      return null
    }
    const opened = await engine.subscribe(operation, caller, variables)
    if (!('deliver' in opened)) {
      await fail(id, own, opened.errors ?? [])
      return null
    }
    if (own.isStopped) return null
    const delivery = opened.deliver(socketSink(session, id))
    own.stop = delivery.stop
    return delivery
  }

  async function answer(id: string, own: Running, result: ExecutionResult): Promise<void> {
    if (own.isStopped) return
    if (result.errors) countErrors(counts, result)
    await sendLive(session, { id, type: MessageType.Next, payload: payloadOf(result) })
    await complete(id, own)
  }

  async function execute(
    { document, definition }: Operation,
    caller: Request,
    variableValues: Readonly<Record<string, unknown>>,
  ): Promise<ExecutionResult> {
    const { schema, contextFactory, execute: run } = engine.yoga.getEnveloped(caller)
    const contextValue = await contextFactory()
    const operationName = definition.name?.value ?? null
    return (await run({ schema, document, operationName, variableValues, contextValue })) as ExecutionResult
  }

  /** Not awaited where the subscription was opened: as long as it is open, that would hold all of it, ten times as much. */
  function follow(id: string, own: Running, ended: Promise<void>): void {
    ended
      .then(
        () => complete(id, own),
        (error: GraphQLError) => fail(id, own, [error]),
      )
      .catch((error: unknown) => onFailure(session, error))
  }

  function stopOne(own: Running): void {
    own.isStopped = true
    own.stop()
  }

  return {
    start,
    stop(id) {
      const own = running.get(id)
      running.delete(id)
      if (own) stopOne(own)
    },
    stopAll() {
      for (const own of running.values()) stopOne(own)
      running.clear()
    },
    drain(then) {
      drained = then
      if (toAnswer === 0) then()
    },
  }
}

/** Sends results as `next` messages of an operation. */
export function socketSink(session: Session, id: string): Sink {
  const head = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
  const { connection } = session
  return {
    isOpen: () => isLive(session),
    offer: (json) => connection.offer([head, json, END]),
    send: (json) => connection.send([head, json, END]),
    jsonOf: (result) => Buffer.from(JSON.stringify(payloadOf(result))),
  }
}

const END = Buffer.from('}')

const payloadOf = ({ errors, ...result }: ExecutionResult): object =>
  errors ? { ...result, errors: errors.map(toWire) } : result

/** A socket has no headers of its own for each operation. */
function traceparentIn({ extensions }: SubscribePayload): string | undefined {
  const value = extensions?.['traceparent']
  return typeof value === 'string' ? value : undefined
}
