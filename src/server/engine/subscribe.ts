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
import { createEventGroups, followsEvents } from './event-groups.ts'
import { INTERPRETED } from './execute.ts'
import type { Operation } from './operations.ts'
import type { PresentErrors } from './present-errors.ts'
import { rootFieldsOf } from './root-fields.ts'
import { eventResults, generatedResults } from './subscription.ts'
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
  readonly admission: Admission
  readonly presentErrors: PresentErrors
  readonly counts: Counts
  readonly tracing: Tracing | null
}

/** The one way to a subscription, for all transports. Nothing of it runs before it is pulled or delivered. */
export function createSubscribe({ services, admission, presentErrors, counts, tracing }: SubscribeOptions): Subscribe {
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
    if (!followsEvents(operation)) {
      const results = await subscribe(args)
      return Symbol.asyncIterator in results ? generatedResults(results, reader) : results
    }
    const stream = await createSourceEventStream(args)
    return Symbol.asyncIterator in stream
      ? eventResults(stream as EventStream, groupOf(operation, args), reader)
      : stream
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
