import type { IncomingMessage, ServerResponse } from 'node:http'
import { getOperationAST, Kind, OperationTypeNode } from 'graphql'
import type { DocumentNode, ExecutionResult, OperationDefinitionNode } from 'graphql'
import { LRUCache } from 'lru-cache'
import { contextOf } from '../../graphql/context.ts'
import type { Request, Services } from '../../graphql/context.ts'
import { schema } from '../../graphql/schema.ts'
import type { Admission } from '../limits/admission.ts'
import { compile, located } from '../engine/compile.ts'
import { addTo, countErrors } from '../telemetry/counts.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { Engine } from '../engine/engine.ts'
import { commonHeaders } from './responses.ts'
import { LIMITS } from '../limits/document-limits.ts'
import type { Show } from '../engine/present-errors.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { TrustedDocuments } from '../engine/trusted-documents.ts'
import { weigh } from '../limits/query-cost.ts'
import type { Weight } from '../limits/query-cost.ts'

/** Answers what it can, and says whether it did; what it does not answer has not been executed. */
export type FastPath = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  asker: Request,
) => boolean | Promise<boolean>

/** Documents that are known, compiled or not, and how much text they may have together. Compiled each may take half a MB. */
const DOCUMENTS = { max: 500, maxSize: 5_000_000 }
/** So many are compiled each second, and so many at once after a rest; the others go Yoga's way until it is their turn. */
const COMPILED_PER_SECOND = 10
const COMPILED_AT_ONCE = 100

type Outcome = ExecutionResult | Promise<ExecutionResult>
type Run = (asker: Request, variables: Readonly<Record<string, unknown>>) => Outcome
type Plan = {
  readonly build: () => Run | null
  /** null as long as it is not compiled. */
  run: Run | null
  readonly kind: 'query' | 'mutation'
  readonly weight: Weight
}

/** What was looked at and is left to Yoga, so that it is not looked at again. */
const NOT_FOR_US = 'not for us'

/** The media type of the answer by the one that a client names first. Anything else is Yoga's to weigh. */
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
  readonly show: Show
  readonly counts: Counts
  readonly tracing: Tracing | null
}

/**
 * The short way for documents that came before: parsed and checked once by Yoga's own pipeline, compiled, and executed on
 * node:http without Yoga. Whatever is unusual, and every query that fails, goes Yoga's way, which says what is right: a
 * test holds the two byte-equal.
 */
export function createFastPath(options: FastPathOptions): FastPath {
  const { engine, services, admission, trusted, show, counts, tracing } = options
  const keeping = { ...DOCUMENTS, sizeCalculation: (_: unknown, text: string) => text.length + 1 }
  const plans = new LRUCache<string, Plan | typeof NOT_FOR_US>(keeping)
  // On their own: texts that come once and never again do not push out what is compiled.
  const seen = new LRUCache<string, true>(keeping)
  let allowance = COMPILED_AT_ONCE
  let since = performance.now()

  function mayCompile(): boolean {
    const now = performance.now()
    allowance = Math.min(COMPILED_AT_ONCE, allowance + ((now - since) / 1_000) * COMPILED_PER_SECOND)
    since = now
    if (allowance < 1) return false
    allowance--
    return true
  }

  /** From the second time on; null for what is not to be answered here. */
  function planOf(key: string, { query: text, operationName }: Params, asker: Request): Plan | null {
    let plan = plans.get(key)
    if (plan === undefined) {
      if (!seen.has(key)) {
        seen.set(key, true)
        return null
      }
      plan = makePlan(text, operationName, asker) ?? NOT_FOR_US
      plans.set(key, plan)
    }
    return plan === NOT_FOR_US ? null : plan
  }

  function makePlan(text: string, operationName: string | null, asker: Request): Plan | null {
    const { parse, validate } = engine.getEnveloped(asker)
    let document: DocumentNode
    try {
      document = parse(text)
    } catch {
      return null
    }
    const operation = getOperationAST(document, operationName)
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return null
    if (validate(schema, document).length > 0) return null
    const isQuery = operation.operation === OperationTypeNode.QUERY
    // Of several mutations each has to wait for all that the one before it answers.
    if (!isQuery && !isOneField(operation)) return null
    const build = () => {
      const compiled = compile(document, operation)
      if (!compiled) return null
      const execute: Run = (by, variables) => compiled(undefined, contextOf(services, by), variables)
      const tell = isQuery ? execute : telling(execute, document)
      const run: Run = (by, given) =>
        tracing ? tracing.operation(by, operation, () => tell(by, given)) : tell(by, given)
      return run
    }
    return { kind: isQuery ? 'query' : 'mutation', weight: weigh(document, operation), build, run: null }
  }

  /** Once, when it was let in; compiling takes longer than answering. null while too much was compiled, or if it cannot be. */
  function runOf(plan: Plan, key: string): Run | null {
    if (plan.run) return plan.run
    if (!mayCompile()) return null
    plan.run = plan.build()
    if (!plan.run) plans.set(key, NOT_FOR_US)
    return plan.run
  }

  /** What failed of a mutation cannot be done again, so that Yoga would tell it. */
  function telling(execute: Run, document: DocumentNode): Run {
    return async (by, variables) => {
      const result = await execute(by, variables)
      const { errors, data } = result
      if (!errors || data === undefined) return result
      return {
        errors: show(
          errors.slice(0, LIMITS.errors).map((error) => located(error, document)),
          by,
        ),
        data,
      }
    }
  }

  return (request, response, body, asker) => {
    const type = mediaTypeFor(request.headers.accept)
    if (type === undefined || asker.viewer.kind === 'NOBODY') return false
    const params = paramsOf(body, trusted)
    if (!params) return false
    const key = keyOf(params)
    const plan = planOf(key, params, asker)
    if (!plan) return false
    const { weight, kind } = plan
    const { variables } = params
    const { viewer } = asker
    // Why not is said by Yoga's pipeline, which asks again.
    if (!admission.begin(viewer, weight, variables)) return false
    const run = runOf(plan, key)
    if (!run) {
      admission.undo(viewer, weight, variables)
      return false
    }
    const started = performance.now()
    const finish = (result: ExecutionResult): boolean => {
      if (isForYoga(result, kind)) {
        admission.undo(viewer, weight, variables)
        return false
      }
      admission.leave()
      admission.tellBudget(viewer, response)
      const cost = admission.costOf(viewer, weight, variables, request.headers)
      answer(response, asker.requestId, type, cost ? { ...result, extensions: { cost } } : result)
      addTo(counts.operations.http[kind], started, !result.errors)
      if (result.errors) countErrors(counts, result)
      return true
    }
    const fail = (error: unknown): never => {
      admission.leave()
      throw error
    }
    let result: Outcome
    try {
      result = run(asker, variables)
    } catch (error) {
      return fail(error)
    }
    return result instanceof Promise ? result.then(finish, fail) : finish(result)
  }
}

const isOneField = ({ selectionSet: { selections } }: OperationDefinitionNode): boolean =>
  selections.length === 1 && selections[0]?.kind === Kind.FIELD

const mediaTypeFor = (accept = '*/*'): string | undefined =>
  MEDIA_TYPES.get(accept) ?? MEDIA_TYPES.get(/^[^,; ]*/.exec(accept)?.[0] ?? '')

type Params = {
  readonly query: string
  readonly operationName: string | null
  readonly variables: Readonly<Record<string, unknown>>
}

/** A name may be anything that a client sends, so its length says where it ends. */
const keyOf = ({ query, operationName }: Params): string =>
  operationName === null ? `:${query}` : `${operationName.length}:${operationName}${query}`

const isObject = (value: unknown): value is object => typeof value === 'object' && !Array.isArray(value)

/** null unless it is exactly what every client sends. */
function paramsOf(body: Buffer, trusted: TrustedDocuments | null): Params | null {
  try {
    const sent = JSON.parse(body.toString()) as Record<string, unknown>
    for (const name in sent) if (!isExpected(name, sent, trusted)) return null
    const { operationName = null, variables } = sent
    const query = trusted ? trusted.textOf(sent) : sent['query']
    if (typeof query !== 'string' || (operationName !== null && typeof operationName !== 'string')) return null
    if (variables != null && !isObject(variables)) return null
    return { query, operationName, variables: (variables ?? {}) as Params['variables'] }
  } catch {
    return null
  }
}

function isExpected(name: string, sent: Record<string, unknown>, trusted: TrustedDocuments | null): boolean {
  switch (name) {
    case 'query':
    case 'operationName':
    case 'variables':
      return true
    case 'extensions':
      return sent[name] == null || (trusted !== null && isObject(sent[name]))
    default:
      return trusted !== null && name === 'documentId'
  }
}

/** A query that failed changed nothing, and a mutation without data was not begun: either is done again by Yoga. */
const isForYoga = (result: ExecutionResult, kind: Plan['kind']): boolean =>
  result.errors !== undefined && (kind === 'query' || !('data' in result))

function answer(response: ServerResponse, requestId: string, type: string, result: ExecutionResult): void {
  const text = JSON.stringify(result)
  const bytes = Buffer.byteLength(text)
  response.writeHead(200, [...commonHeaders(requestId), 'Content-Type', type, 'Content-Length', bytes])
  // A text of ASCII alone is the same in either, and takes less time this way.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8')
}
