import { hash } from 'node:crypto'
import { execute, Kind, visit } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult, FieldNode } from 'graphql'
import type { LoggedEvent } from '../../domain/log/event.ts'
import { contextOf } from '../../graphql/base/context.ts'
import type { Context, Services } from '../../graphql/base/context.ts'
import { isForInterpreter, withPlaces } from './compile/compile.ts'
import type { Values } from './compile/compile.ts'
import type { Operation } from './operations.ts'

/** The result of an event, the same for all subscribers of a group. */
export type Evaluation = {
  /** The result; null until it is known. */
  result: ExecutionResult | null
  /** Resolves with the result; null if the result was known at once. */
  readonly ready: Promise<ExecutionResult> | null
  /** The result as JSON in UTF-8, once a subscriber needed it. */
  json: Buffer | null
}

/** Evaluates an event once in a round of the event loop, for all subscribers of a group. */
export type EvaluateEvent = (event: LoggedEvent) => Evaluation

/** A group, for one of its subscribers. */
export type Membership = {
  readonly evaluate: EvaluateEvent
  /** To be called once, when the subscriber leaves: a group lives as long as it has one. */
  readonly leave: () => void
}

/**
 * One event is evaluated and serialized once for all subscribers of an instance that select the same of it with the same
 * rights. They are woken in one round of the event loop, and share the results of that round: nothing is kept until later,
 * when the vehicle or the rights may be others.
 * @returns the group of a subscription, by operation, rights and variables
 */
export function createEventGroups(services: Services): (operation: Operation, args: ExecutionArgs) => Membership {
  const variablesOf = new WeakMap<DocumentNode, readonly string[]>()
  const groups = new Map<string, { readonly evaluate: EvaluateEvent; members: number }>()

  return (operation, args) => {
    const { document } = operation
    const used = variablesOf.get(document) ?? usedBelow(operation)
    variablesOf.set(document, used)
    const key = keyOf(operation.number, used, args)
    const group = groups.get(key) ?? { evaluate: createGroup(services, operation, args), members: 0 }
    groups.set(key, group)
    group.members++
    return {
      evaluate: group.evaluate,
      leave: () => {
        if (--group.members === 0) groups.delete(key)
      },
    }
  }
}

/** Whether an operation selects the field vehicleEvents alone; fragments are not looked into. */
export function followsEvents({ definition }: Operation): boolean {
  const [field, ...others] = definition.selectionSet.selections
  return others.length === 0 && field?.kind === Kind.FIELD && field.name.value === 'vehicleEvents'
}

function createGroup(services: Services, operation: Operation, args: ExecutionArgs): EvaluateEvent {
  const evaluations = new Map<LoggedEvent, Evaluation>()
  const { schema, document, operationName, variableValues } = args
  const { viewer, requestId, transport } = args.contextValue as Context
  /** The evaluated arguments, once the operation is compiled; the same for all events. */
  let values: Values | null | undefined

  function run(event: LoggedEvent): ExecutionResult | Promise<ExecutionResult> {
    const contextValue = contextOf(services, { viewer, requestId, transport })
    const interpret = () => execute({ schema, document, operationName, variableValues, rootValue: event, contextValue })
    const compiled = operation.compiled(viewer.tokenId)
    if (compiled && values === undefined) values = compiled.valuesOf(variableValues ?? {})
    if (!compiled || !values) return interpret()
    const checked = (result: ExecutionResult) => {
      if (!result.errors) return result
      return isForInterpreter(result) ? interpret() : withPlaces(result, document)
    }
    const result = compiled.execute(event, contextValue, values)
    return result instanceof Promise ? result.then(checked) : checked(result)
  }

  return (event) => {
    const shared = evaluations.get(event)
    if (shared) return shared
    const evaluation = evaluationOf(() => run(event))
    evaluations.set(event, evaluation)
    setImmediate(() => evaluations.delete(event))
    return evaluation
  }
}

function evaluationOf(run: () => ExecutionResult | Promise<ExecutionResult>): Evaluation {
  let outcome: ExecutionResult | Promise<ExecutionResult>
  try {
    outcome = run()
  } catch (error) {
    outcome = Promise.reject(error)
  }
  if (!(outcome instanceof Promise)) return { result: outcome, ready: null, json: null }
  const ready = outcome.then((result) => (evaluation.result = result))
  const evaluation: Evaluation = { result: null, ready, json: null }
  // Subscribers that wait for the result get the failure; if all have left, it must not end the process.
  ready.catch(() => {})
  return evaluation
}

function keyOf(number: number, used: readonly string[], { contextValue, variableValues }: ExecutionArgs): string {
  const { viewer } = contextValue as Context
  const rights = viewer.kind === 'FLEET' ? [viewer.member.fleetId, viewer.member.role] : []
  const values = variableValues ?? {}
  // A variable that is absent may have a default, which null has not.
  const given = used
    .filter((variable) => Object.hasOwn(values, variable))
    .map((variable) => [variable, values[variable]])
  // The hash keeps the key short, however long the values are.
  return hash('sha256', JSON.stringify([number, rights, given]))
}

/** The variables in the selection of the root field, and in all fragments. Those that only choose events are left out. */
function usedBelow({ document, definition }: Operation): string[] {
  const [field] = definition.selectionSet.selections as readonly FieldNode[]
  const used = new Set<string>()
  const collect = { Variable: ({ name }: { readonly name: { readonly value: string } }) => void used.add(name.value) }
  if (field?.selectionSet) visit(field.selectionSet, collect)
  for (const other of document.definitions) {
    if (other.kind === Kind.FRAGMENT_DEFINITION) visit(other, collect)
  }
  return [...used].toSorted()
}
