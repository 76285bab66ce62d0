import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendNodeResponse } from '@whatwg-node/server'
import { getNamedType, GraphQLError, GraphQLFloat, Kind } from 'graphql'
import type { DocumentNode, ExecutionArgs, FloatValueNode, IntValueNode, ValidationRule } from 'graphql'
import { createYoga } from 'graphql-yoga'
import type { Plugin, YogaServerInstance } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import { createContext } from '../../graphql/base/context.ts'
import type { Context, Request, Services } from '../../graphql/base/context.ts'
import { forbiddenToNobody, maskError, streamNotAccepted } from '../../graphql/base/errors.ts'
import { schema } from '../../graphql/schema.ts'
import type { Admission } from '../limits/admission.ts'
import { BODY_LIMIT, documentLimits } from '../limits/document-limits.ts'
import { limitsPlugin } from '../limits/limits-plugin.ts'
import type { BeginStream, Served } from '../limits/limits-plugin.ts'
import type { Counts } from '../telemetry/counts.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { sizeOfDocument, sizeOfText } from './bounds/document-size.ts'
import { executeOperation } from './execute.ts'
import { createOperations, isOperation } from './operations.ts'
import type { Operations } from './operations.ts'
import { isIntrospection, NoIntrospection } from './introspection.ts'
import type { PresentErrors } from './present-errors.ts'
import { variablesByName } from './reported-instants.ts'
import { createSubscribe } from './subscribe.ts'
import type { Subscribe } from './subscribe.ts'
import { nonePersisted, onlyTrusted } from './trusted-documents.ts'
import type { TrustedDocuments } from './trusted-documents.ts'

export type Yoga = YogaServerInstance<Request, Context>

/** Runs the operations of all transports. */
export type Engine = {
  /** The pipeline for requests that the fast path leaves, and the parsing and validation of all documents. */
  readonly yoga: Yoga
  readonly operations: Operations
  readonly subscribe: Subscribe
  /** Answers a request over HTTP by the pipeline. Rejects for failures outside of an operation; then nothing was sent. */
  readonly respond: (
    request: IncomingMessage,
    response: ServerResponse,
    caller: Request,
    beginStream?: BeginStream,
  ) => Promise<void>
}

export type EngineOptions = {
  readonly services: Services
  readonly admission: Admission
  /** null: any document is admitted. */
  readonly trusted: TrustedDocuments | null
  readonly production: boolean
  readonly presentErrors: PresentErrors
  readonly counts: Counts
  readonly tracing: Tracing | null
  readonly log: Logger
  /** Plugins that observe, and change nothing. */
  readonly observers: readonly Plugin<Context>[]
}

/** Of documents that only Yoga has; by default it would keep a thousand, each of up to 400 kB. */
const PARSED = { max: 200, maxSize: 1_000_000 }

const parsedCaches = () => ({
  documentCache: new LRUCache<string, DocumentNode>({ ...PARSED, sizeCalculation: sizeOfDocument }),
  errorCache: new LRUCache<string, Error>({ ...PARSED, sizeCalculation: (_error, text) => sizeOfText(text) }),
})

/** Yoga with this project's schema, context and errors; operations and subscriptions beside it. */
export function createEngine(options: EngineOptions): Engine {
  const { services, admission, trusted, production, presentErrors, log, observers } = options
  // Where Yoga masks an error there is no context.
  const requestIds = new AsyncLocalStorage<string>()
  const yoga = createYoga<Request, Context>({
    schema,
    plugins: [
      contextPlugin(services),
      errorsPlugin(presentErrors),
      noStore,
      trusted ? onlyTrusted(trusted) : nonePersisted,
      documentLimits(),
      variablesByName,
      onlyFinite,
      caughtValidation,
      graphqlJsExecution,
      limitsPlugin(admission),
      subscriptionPlugin(admission, () => engine),
      ...(production ? [noIntrospection] : []),
      ...observers,
    ],
    maskedErrors: {
      maskError: (error) => {
        const requestId = requestIds.getStore() ?? ''
        return maskError(error, requestId, (err) => log.error({ err, requestId }, 'outside of an operation'))
      },
    },
    maxRequestBodySize: BODY_LIMIT,
    parserAndValidationCache: parsedCaches(),
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    healthCheckEndpoint: '/health',
    logging: false,
  })
  const operations = createOperations({ parsingFor: (caller) => yoga.getEnveloped(caller), presentErrors })
  // Yoga's own way would answer a failure outside of its pipeline with a stack.
  const respond: Engine['respond'] = (request, response, caller, beginStream) =>
    requestIds.run(caller.requestId, async () => {
      const served = { ...caller, req: request, res: response, beginStream }
      const answer = await yoga.handleNodeRequestAndResponse(request, response, served)
      await sendNodeResponse(answer, response, request, true)
    })
  const engine: Engine = { yoga, operations, subscribe: createSubscribe({ ...options, operations }), respond }
  return engine
}

/** Properties of the context are defined: Yoga would copy an object that is returned, with the present value of each getter. */
const contextPlugin = (services: Services): Plugin<Context> => ({
  onContextBuilding({ context }) {
    Object.defineProperties(context, Object.getOwnPropertyDescriptors(createContext(services, context)))
  },
})

/** Refuses viewers of kind NOBODY all but the schema, and presents every error as clients may see it. */
const errorsPlugin = (presentErrors: PresentErrors): Plugin<Context> => ({
  onValidate:
    () =>
    ({ valid, result, context, setResult }) => {
      if (!valid) setResult(presentErrors(result, context))
    },
  onExecute({ args: { contextValue, document }, setResultAndStopExecution }) {
    const { viewer } = contextValue
    // Where introspection is switched off, validation refused it.
    if (viewer.kind === 'NOBODY' && !isIntrospection(document)) {
      return setResultAndStopExecution({ errors: presentErrors([forbiddenToNobody(viewer)], contextValue) })
    }
    return {
      onExecuteDone({ result, setResult }) {
        if (Symbol.asyncIterator in result || !result.errors) return
        setResult({ ...result, errors: presentErrors(result.errors, contextValue) })
      },
    }
  },
})

/** Errors of validation in place of throws: graphql-js throws for a directive with a variable at a subscription's field. */
const caughtValidation: Plugin<Context> = {
  onValidate: ({ validateFn, setValidationFn }) =>
    setValidationFn((...args: Parameters<typeof validateFn>) => {
      try {
        return validateFn(...args)
      } catch (error) {
        if (!(error instanceof GraphQLError)) throw error
        const isVariable = error.nodes?.some(({ kind }) => kind === Kind.VARIABLE)
        return [isVariable ? new GraphQLError(NO_VARIABLE, { nodes: error.nodes ?? null }) : error]
      }
    }),
}

const NO_VARIABLE = 'Whether the field of a subscription is skipped cannot depend on a variable.'

/** Execution by graphql-js itself: Yoga's own executor coerces variables a little differently. */
const graphqlJsExecution: Plugin<Context> = { onExecute: ({ setExecuteFn }) => setExecuteFn(executeOperation) }

/** Opens subscriptions of requests that only Yoga reads, such as GET. */
const subscriptionPlugin = (admission: Admission, engine: () => Engine): Plugin<Context> => ({
  onSubscribe({ setSubscribeFn }) {
    setSubscribeFn(async ({ document, operationName, variableValues, contextValue }: ExecutionArgs) => {
      const { req, res, viewer, requestId, traceparent, beginStream } = contextValue as Served
      const refused = await beginStream?.()
      if (refused) return { errors: [refused] }
      const caller = { viewer, requestId, transport: 'sse', traceparent, gone: () => res?.destroyed ?? false } as const
      const { operations, subscribe } = engine()
      const named = { query: document.loc?.source.body ?? '', operationName: operationName ?? null }
      const operation = operations.prepare(named, caller)
      if (!isOperation(operation)) return { errors: operation }
      const opened = await subscribe(operation, caller, variableValues ?? {}, req?.headers)
      admission.setRateLimitHeaders(viewer, res)
      // A refusal is sent in any form. A stream that the client does not accept would be refused by Yoga without a word.
      const isAccepted = 'errors' in opened || acceptsStream(req?.headers.accept)
      return isAccepted ? opened : { errors: [streamNotAccepted()] }
    })
  },
})

const acceptsStream = (accept = '*/*'): boolean => /(^|,)\s*(\*\/\*|text\/(\*|event-stream))/i.test(accept)

/** Responses must not be stored: Yoga sends no-cache for streams, which would allow it. */
const noStore: Plugin = { onResponse: ({ response }) => response.headers.set('Cache-Control', 'no-store') }

/** Numbers in a document that are too large: graphql-js would read them as infinite, which it refuses in variables. */
const Finite: ValidationRule = (context) => {
  const check = (node: FloatValueNode | IntValueNode) => {
    const type = context.getInputType()
    if (!type || getNamedType(type) !== GraphQLFloat || Number.isFinite(Number(node.value))) return
    context.reportError(new GraphQLError(`Float cannot represent non numeric value: ${node.value}`, { nodes: [node] }))
  }
  return { FloatValue: check, IntValue: check }
}

const onlyFinite: Plugin<Context> = { onValidate: ({ addValidationRule }) => addValidationRule(Finite) }

/** Introspection is refused in production: its clients know the schema. */
const noIntrospection: Plugin<Context> = { onValidate: ({ addValidationRule }) => addValidationRule(NoIntrospection) }
