import type { IncomingHttpHeaders } from 'node:http'
import { createSourceEventStream, subscribe } from 'graphql'
import type { ExecutionArgs, ExecutionResult } from 'graphql'
import type { EventStream } from '../../live/stream.ts'
import { contextOf } from '../../graphql/base/context.ts'
import type { Request, Services } from '../../graphql/base/context.ts'
import { badUserInput, forbiddenToNobody } from '../../graphql/base/errors.ts'
import { schema } from '../../graphql/schema.ts'
import type { Admission } from '../limits/admission.ts'
import type { Variables } from '../limits/cost-tree.ts'
import { addTo } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { TOO_MANY } from './bounds/open-documents.ts'
import { createEventGroups, followsEvents } from './event-groups.ts'
import { INTERPRETED } from './execute.ts'
import type { Operation, Operations } from './operations.ts'
import type { PresentErrors } from './present-errors.ts'
import { rootFieldsOf } from './root-fields.ts'
import { eventResults, generatedResults, untilEnd } from './subscription.ts'
import type { Reader, Subscription } from './subscription.ts'

/** Opens a subscription. @returns it, or the refusal with errors as clients may see them */
export type Subscribe = (
  operation: Operation,
  caller: Request,
  variables: Variables,
  headers?: IncomingHttpHeaders,
) => Promise<Subscription | ExecutionResult>

export type SubscribeOptions = {
  readonly services: Services
  readonly operations: Operations
  readonly admission: Admission
  readonly presentErrors: PresentErrors
  readonly counts: Counts
  readonly tracing: Tracing | null
}

/** The one way to a subscription, for all transports. Nothing of it runs before it is pulled or delivered. */
export function createSubscribe(options: SubscribeOptions): Subscribe {
  const { services, operations, admission, presentErrors, counts, tracing } = options
  const groupOf = createEventGroups(services)

  async function open(
    operation: Operation,
    caller: Request,
    variables: Variables,
  ): Promise<Subscription | ExecutionResult> {
    const { document, definition } = operation
    const args: ExecutionArgs = {
      schema,
      document,
      operationName: definition.name?.value ?? null,
      variableValues: variables,
      contextValue: contextOf(services, caller),
      options: INTERPRETED,
    }
    if (rootFieldsOf(document, definition, variables)?.length === 0) {
      return {
        errors: [badUserInput('A subscription needs a field, and every field of this one is skipped.', definition)],
      }
    }
    const { requestId, transport, viewer } = caller
    const reader: Reader = { requestId, transport, until: viewer.expiresAt, presentErrors, counts }
    const close = operations.open(operation, viewer.tokenId)
    if (!close) return { errors: [badUserInput(TOO_MANY, definition)] }
    try {
      const opened = await openResults(operation, args, reader, close)
      if ('errors' in opened) close()
      return opened
    } catch (error) {
      close()
      throw error
    }
  }

  /** @param close is called when the subscription has ended; not for a refusal */
  async function openResults(
    operation: Operation,
    args: ExecutionArgs,
    reader: Reader,
    close: () => void,
  ): Promise<Subscription | ExecutionResult> {
    if (!followsEvents(operation)) {
      const results = await subscribe(args)
      return Symbol.asyncIterator in results ? untilEnd(generatedResults(results, reader), close) : results
    }
    const stream = await createSourceEventStream(args)
    if (!(Symbol.asyncIterator in stream)) return stream
    const { evaluate, leave } = groupOf(operation, args)
    return untilEnd(eventResults(stream as EventStream, evaluate, reader), () => {
      leave()
      close()
    })
  }

  return async (operation, caller, variables, headers) => {
    if (caller.viewer.kind === 'NOBODY') return { errors: presentErrors([forbiddenToNobody(caller.viewer)], caller) }
    const started = performance.now()
    const { viewer } = caller
    const run = async () =>
      admission.refusal(viewer, operation.cost, variables, headers) ?? open(operation, caller, variables)
    const opened = await (tracing ? tracing.operation(caller, operation.definition, run) : run())
    const isRefused = 'errors' in opened
    addTo(counts.operations[caller.transport].subscription, started, !isRefused)
    return isRefused ? { ...opened, errors: presentErrors(opened.errors ?? [], caller) } : opened
  }
}
