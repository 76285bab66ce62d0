import type { IncomingMessage, ServerResponse } from 'node:http'
import { Kind, OperationTypeNode } from 'graphql'
import type { ExecutionResult, OperationDefinitionNode } from 'graphql'
import type { Viewer } from '../../domain/access/viewer.ts'
import { contextOf } from '../../graphql/base/context.ts'
import type { Request, Services } from '../../graphql/base/context.ts'
import { isForInterpreter, withPlaces } from '../engine/compile/compile.ts'
import { commonHeaders } from '../engine/endpoint.ts'
import type { Engine } from '../engine/engine.ts'
import { isForbidden } from '../engine/execute.ts'
import type { Operation } from '../engine/operations.ts'
import type { PresentErrors } from '../engine/present-errors.ts'
import type { TrustedDocuments } from '../engine/trusted-documents.ts'
import type { Admission } from '../limits/admission.ts'
import { addTo, countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { paramsOf } from './params.ts'

/** Answers a request if it can. @returns whether it did; if not, nothing was changed */
export type FastPath = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  caller: Request,
) => boolean | Promise<boolean>

/** The media type of the response by the first that the client accepts. Others are left to Yoga. */
const MEDIA_TYPES = new Map([
  ['*/*', 'application/json; charset=utf-8'],
  ['application/json', 'application/json; charset=utf-8'],
  ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
])

export type FastPathOptions = {
  readonly engine: Engine
  readonly services: Services
  readonly admission: Admission
  readonly trusted: TrustedDocuments | null
  readonly presentErrors: PresentErrors
  readonly counts: Counts
  readonly tracing: Tracing | null
}

/**
 * The short way for queries and mutations whose document came before: compiled, and executed on node:http without Yoga. A
 * test holds the two ways byte-equal. Left to Yoga are:
 * - bodies, media types and viewers out of the ordinary;
 * - documents that are new, invalid, or not compiled: for their directives or their size, or while too much was compiled;
 * - mutations of several fields, of which each has to wait for all that the one before it answers, and those that are not
 *   for the token;
 * - operations that the limits refuse, for Yoga's pipeline says why;
 * - variables that do not fit, which end an operation before anything of it is executed;
 * - queries of which several fields were refused on purpose: graphql-js reports fewer of them, in another order.
 * All other operations are executed once, mutations in any case, and queries also where they fail.
 */
export function createFastPath(options: FastPathOptions): FastPath {
  const { engine, services, admission, trusted, counts, tracing } = options

  return (request, response, body, caller) => {
    const { viewer } = caller
    const type = mediaTypeFor(request.headers.accept)
    if (type === undefined || viewer.kind === 'NOBODY') return false
    const params = paramsOf(body, trusted)
    const operation = params && engine.operations.findKnown(params, caller)
    if (!operation || !isAnswerable(operation.definition, viewer)) return false
    const { cost, definition } = operation
    const { variables } = params
    if (!admission.begin(viewer, cost, variables)) return false
    // Once it was admitted: compiling takes longer than answering.
    const compiled = operation.compiled(viewer.tokenId)
    const values = compiled && compiled.valuesOf(variables)
    if (!compiled || !values) {
      admission.undo(viewer, cost, variables)
      return false
    }
    const started = performance.now()
    const finish = (result: ExecutionResult): boolean => {
      if (definition.operation === OperationTypeNode.QUERY && isForInterpreter(result)) {
        admission.undo(viewer, cost, variables)
        return false
      }
      admission.leave()
      const extension = admission.settle(viewer, cost, variables, request.headers, result)
      admission.setRateLimitHeaders(viewer, response)
      const presented = result.errors ? presentedResult(result, operation, caller, options) : result
      respond(
        response,
        caller.requestId,
        type,
        extension ? { ...presented, extensions: { cost: extension } } : presented,
      )
      addTo(counts.operations.http[definition.operation], started, !result.errors)
      return true
    }
    const fail = (error: unknown): never => {
      admission.leave()
      throw error
    }
    let result: ExecutionResult | Promise<ExecutionResult>
    try {
      const run = () => compiled.execute(undefined, contextOf(services, caller), values)
      result = tracing ? tracing.operation(caller, definition, run) : run()
    } catch (error) {
      return fail(error)
    }
    return result instanceof Promise ? result.then(finish, fail) : finish(result)
  }
}

function isAnswerable({ operation, selectionSet }: OperationDefinitionNode, viewer: Viewer): boolean {
  if (operation !== OperationTypeNode.MUTATION) return operation === OperationTypeNode.QUERY
  const [field, ...others] = selectionSet.selections
  return others.length === 0 && field?.kind === Kind.FIELD && !isForbidden(field, viewer)
}

const mediaTypeFor = (accept = '*/*'): string | undefined =>
  MEDIA_TYPES.get(accept) ?? MEDIA_TYPES.get(/^[^,; ]*/.exec(accept)?.[0] ?? '')

function presentedResult(
  result: ExecutionResult,
  { document }: Operation,
  caller: Request,
  { presentErrors, counts }: FastPathOptions,
): ExecutionResult {
  const { errors = [], data } = withPlaces(result, document)
  const presented = presentErrors(errors, caller)
  countErrors(counts, { errors: presented })
  return { errors: presented, data: data ?? null }
}

function respond(response: ServerResponse, requestId: string, type: string, result: ExecutionResult): void {
  const text = JSON.stringify(result)
  const bytes = Buffer.byteLength(text)
  response.writeHead(200, [...commonHeaders(requestId), 'Content-Type', type, 'Content-Length', bytes])
  // A text of ASCII alone has the same bytes in either encoding, and takes less time in this one.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8')
}
