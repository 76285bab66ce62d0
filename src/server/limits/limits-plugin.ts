import type { IncomingMessage, ServerResponse } from 'node:http'
import { getOperationAST } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../../graphql/context.ts'
import { overloaded } from '../../graphql/errors.ts'
import type { Admission } from './admission.ts'
import { weigh } from './query-cost.ts'
import type { Variables, Weight } from './query-cost.ts'

/** HTTP has both, a WebSocket neither. */
type Served = Context & { readonly req?: IncomingMessage; readonly res?: ServerResponse }

/** Asks for every operation that is about to be executed, whatever it came by. */
export function admitted(admission: Admission): Plugin<Context> {
  const weights = new WeakMap<DocumentNode, Map<string, Weight>>()
  const weightOf = ({ document, operationName }: ExecutionArgs): Weight | null => {
    const known = weights.get(document) ?? new Map<string, Weight>()
    weights.set(document, known)
    const found = known.get(operationName ?? '')
    const operation = found ? null : getOperationAST(document, operationName)
    if (!operation) return found ?? null
    const weight = weigh(document, operation)
    known.set(operationName ?? '', weight)
    return weight
  }

  const refusal = (args: ExecutionArgs, weight: Weight): ExecutionResult | null => {
    const { viewer, req, res } = args.contextValue as Served
    const variables: Variables = args.variableValues ?? {}
    const refused = admission.admit(viewer, weight, variables)
    admission.tellBudget(viewer, res)
    if (!refused) return null
    const cost = admission.costOf(viewer, weight, variables, req?.headers)
    return { errors: [refused], ...(cost ? { extensions: { cost: { ...cost, actualQueryCost: null } } } : {}) }
  }

  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args: ExecutionArgs) => {
        const weight = weightOf(args)
        // Nothing is going to be executed, and that is told.
        if (!weight) return executeFn(args) as unknown
        if (!admission.enter()) {
          await admission.pace()
          return { errors: [overloaded()] }
        }
        try {
          const refused = refusal(args, weight)
          if (refused) return refused
          const result = (await executeFn(args)) as ExecutionResult
          const { viewer, req } = args.contextValue as Served
          const cost = admission.costOf(viewer, weight, args.variableValues ?? {}, req?.headers)
          return cost ? { ...result, extensions: { ...result.extensions, cost } } : result
        } finally {
          admission.leave()
        }
      })
    },
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => {
        const weight = weightOf(args)
        return (weight && refusal(args, weight)) ?? (subscribeFn(args) as unknown)
      })
    },
  }
}
