import type { IncomingMessage, ServerResponse } from 'node:http'
import { getOperationAST } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../../graphql/base/context.ts'
import { overloaded } from '../../graphql/base/errors.ts'
import type { Admission } from './admission.ts'
import { queryCostOf } from './query-cost.ts'
import type { Variables } from './cost-tree.ts'
import type { QueryCost } from './query-cost.ts'

/**
 * Makes a stream of a response that is not known to become one: a client that accepts anything has its subscriptions answered with
 * server-sent events, too. @returns why it may not be one; null if it is
 */
export type BeginStream = () => Promise<GraphQLError | null>

/** The context of an operation, with its request and response over HTTP; a WebSocket has neither. */
export type Served = Context & {
  readonly req?: IncomingMessage
  readonly res?: ServerResponse
  readonly beginStream?: BeginStream | undefined
}

/** Holds the queries and mutations that go through Yoga to the limits. */
export function limitsPlugin(admission: Admission): Plugin<Context> {
  const costs = new WeakMap<DocumentNode, Map<string, QueryCost>>()
  const costOf = ({ document, operationName }: ExecutionArgs): QueryCost | null => {
    const known = costs.get(document) ?? new Map<string, QueryCost>()
    costs.set(document, known)
    const found = known.get(operationName ?? '')
    const operation = found ? null : getOperationAST(document, operationName)
    if (!operation) return found ?? null
    const cost = queryCostOf(document, operation)
    known.set(operationName ?? '', cost)
    return cost
  }

  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => {
        const cost = costOf(args)
        // A document without that operation is not executed, and the result says so.
        if (!cost) return executeFn(args) as unknown
        if (!admission.enter()) {
          await admission.delayRefusal()
          return { errors: [overloaded()] }
        }
        try {
          const { viewer, req, res } = args.contextValue as Served
          const variables: Variables = args.variableValues ?? {}
          const refused = admission.refusal(viewer, cost, variables, req?.headers)
          if (refused) {
            admission.setRateLimitHeaders(viewer, res)
            return refused
          }
          const result = (await executeFn(args)) as ExecutionResult
          const extension = admission.settle(viewer, cost, variables, req?.headers, result)
          admission.setRateLimitHeaders(viewer, res)
          return extension ? { ...result, extensions: { ...result.extensions, cost: extension } } : result
        } finally {
          admission.leave()
        }
      })
    },
  }
}
