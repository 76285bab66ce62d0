import { GraphQLError } from 'graphql'
import type { ExecutionResult, ValidationRule } from 'graphql'
import { createYoga } from 'graphql-yoga'
import type { Plugin, YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import { createContext } from '../../graphql/context.ts'
import type { Context, Request, Services } from '../../graphql/context.ts'
import { forbidden, presentable } from '../../graphql/errors.ts'
import { schema } from '../../graphql/schema.ts'
import type { Admission } from '../limits/admission.ts'
import { admitted } from '../limits/limits-plugin.ts'
import { sharedEvents } from './fan-out.ts'
import type { Feeding } from './fan-out.ts'
import { BODY_LIMIT, documentLimits } from '../limits/document-limits.ts'
import type { Show } from './present-errors.ts'
import { onlyTrusted } from './trusted-documents.ts'
import type { TrustedDocuments } from './trusted-documents.ts'

/** What each transport hands over with an operation. */
export type Engine = YogaServerInstance<Request & Feeding, Context>

export type EngineOptions = {
  readonly services: Services
  readonly admission: Admission
  /** null: any document is admitted. */
  readonly trusted: TrustedDocuments | null
  readonly production: boolean
  readonly show: Show
  readonly log: Logger
  /** Plugins that look on, and change nothing. */
  readonly watching: readonly Plugin<Context>[]
}

/** Yoga with this project's schema, context and failures; HTTP, SSE and WebSocket all run operations through it. */
export function createEngine({ services, admission, trusted, production, show, log, watching }: EngineOptions): Engine {
  return createYoga<Request & Feeding, Context>({
    schema,
    plugins: [
      contextPlugin(services),
      sharedEvents(services),
      failurePlugin(show),
      noStore,
      ...(trusted ? [onlyTrusted(trusted)] : []),
      documentLimits(),
      admitted(admission),
      ...(production ? [noIntrospection] : []),
      ...watching,
    ],
    maskedErrors: {
      maskError: (error) => presentable(error, '', (cause) => log.error({ err: cause }, 'outside of an operation')),
    },
    maxRequestBodySize: BODY_LIMIT,
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    healthCheckEndpoint: '/health',
    logging: false,
  })
}

/** Yoga copies what a context function returns, and with it the present value of each getter; so they are defined. */
const contextPlugin = (services: Services): Plugin<Context> => ({
  onContextBuilding({ context }) {
    Object.defineProperties(context, Object.getOwnPropertyDescriptors(createContext(services, context)))
  },
})

/** Refuses those who may do nothing, and shows every error as clients may see it. */
function failurePlugin(show: Show): Plugin<Context> {
  const present = <R extends ExecutionResult>(result: R, context: Context): R =>
    result.errors ? { ...result, errors: show(result.errors, context) } : result
  const refusal = ({ viewer }: Context) => (viewer.kind === 'NOBODY' ? { errors: [forbidden()] } : null)
  return {
    onValidate:
      () =>
      ({ valid, result, context, setResult }) => {
        if (!valid) setResult(show(result, context))
      },
    onExecute({ args: { contextValue }, setResultAndStopExecution }) {
      const refused = refusal(contextValue)
      if (refused) return setResultAndStopExecution(refused)
      return {
        onExecuteDone({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) setResult(present(result, contextValue))
        },
      }
    },
    onSubscribe({ args: { contextValue }, setResultAndStopExecution }) {
      const refused = refusal(contextValue)
      if (refused) return setResultAndStopExecution(refused)
      return {
        onSubscribeResult({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) return setResult(present(result, contextValue))
          setResult(untilExpiry(result, contextValue.viewer.expiresAt))
          return { onNext: (next) => next.setResult(present(next.result as ExecutionResult, contextValue)) }
        },
        onSubscribeError({ error, setError }) {
          const [shown] = show([error], contextValue)
          setError(shown)
        },
      }
    },
  }
}

/** For streams Yoga says no-cache, which allows to keep what they said. */
const noStore: Plugin = { onResponse: ({ response }) => response.headers.set('Cache-Control', 'no-store') }

const Introspection: ValidationRule = (context) => ({
  Field(node) {
    if (node.name.value !== '__schema' && node.name.value !== '__type') return
    context.reportError(new GraphQLError('Introspection is switched off.', { nodes: [node] }))
  },
})

/** Production does not describe itself: its clients know the schema. */
const noIntrospection: Plugin<Context> = { onValidate: ({ addValidationRule }) => addValidationRule(Introspection) }

/** What was found in time may take until after the token's end to be read: then it is not told. */
function untilExpiry<T>(results: AsyncIterable<T>, until: number): AsyncIterableIterator<T> {
  const iterator = results[Symbol.asyncIterator]()
  const end = async () => {
    await iterator.return?.()
    return { done: true, value: undefined } as const
  }
  return {
    next: async () => {
      const next = await iterator.next()
      return next.done !== true && Date.now() >= until ? end() : next
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
