import { GraphQLError } from 'graphql'
import type { ExecutionResult, ValidationRule } from 'graphql'
import { createYoga } from 'graphql-yoga'
import type { Plugin, YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import { createContext } from '../graphql/context.ts'
import type { Context, Request, Services } from '../graphql/context.ts'
import { forbidden, presentable } from '../graphql/errors.ts'
import { schema } from '../graphql/schema.ts'

/** What each transport hands over with an operation. */
export type Engine = YogaServerInstance<Request, Context>

const BODY_LIMIT = 1024 * 1024

/** Yoga with this project's schema, context and failures; HTTP, SSE and WebSocket all run operations through it. */
export function createEngine(services: Services, production: boolean, log: Logger): Engine {
  return createYoga<Request, Context>({
    schema,
    plugins: [contextPlugin(services), failurePlugin(log), ...(production ? [noIntrospection] : [])],
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
function failurePlugin(log: Logger): Plugin<Context> {
  const present = <R extends ExecutionResult>(result: R, { requestId }: Context): R => {
    if (!result.errors) return result
    const report = (err: unknown) => log.error({ err, requestId }, 'an operation failed')
    return { ...result, errors: result.errors.map((error) => presentable(error, requestId, report)) }
  }
  const refusal = ({ viewer }: Context) => (viewer.kind === 'NOBODY' ? { errors: [forbidden()] } : null)
  return {
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
          return { onNext: (next) => next.setResult(present(next.result as ExecutionResult, contextValue)) }
        },
        onSubscribeError({ error, setError }) {
          setError(presentable(error, contextValue.requestId, (err) => log.error({ err }, 'a subscription failed')))
        },
      }
    },
  }
}

const Introspection: ValidationRule = (context) => ({
  Field(node) {
    if (node.name.value !== '__schema' && node.name.value !== '__type') return
    context.reportError(new GraphQLError('Introspection is switched off.', { nodes: [node] }))
  },
})

/** Production neither describes itself nor suggests names: its clients know the schema. */
const noIntrospection: Plugin<Context> = {
  onValidate({ addValidationRule }) {
    addValidationRule(Introspection)
    return ({ valid, result, setResult }) => {
      if (valid) return
      const plain = (error: GraphQLError) =>
        new GraphQLError(error.message.replace(/ ?Did you mean .*$/s, ''), { nodes: error.nodes ?? null })
      setResult((result as readonly GraphQLError[]).map(plain))
    }
  },
}
