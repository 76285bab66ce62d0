import { hash } from 'node:crypto'
import { createSourceEventStream, execute, getOperationAST, Kind, subscribe, visit } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult, FieldNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { CompiledQuery } from 'graphql-jit'
import { LRUCache } from 'lru-cache'
import { createContext } from '../graphql/context.ts'
import type { Context, Services } from '../graphql/context.ts'
import { compile } from './compile.ts'

type Outcome = ExecutionResult | Promise<ExecutionResult>

/** A document that follows events, compiled. */
type Plan = {
  readonly query: CompiledQuery['query']
  /** The variables that what is selected of an event depends on; those that choose the events are not among them. */
  readonly used: readonly string[]
  /** Tells it from every other. */
  readonly number: number
}

/** The answers of the present round of the event loop, by event. */
type Group = Map<object, Outcome>

const GROUPS = 10_000

/**
 * One event is evaluated once for all subscribers of an instance that select the same of it with the same rights. They are
 * woken in one round of the event loop, and share what is evaluated in it: nothing is kept until later, when the vehicle
 * or the rights may be others.
 */
export function sharedEvents(services: Services): Plugin<Context> {
  const plans = new WeakMap<DocumentNode, Map<string, Plan | null>>()
  /** Who shares the evaluation of events, by plan, rights and variables. */
  const groups = new LRUCache<string, Group>({ max: GROUPS })
  let made = 0

  function planOf(document: DocumentNode, operationName: string | null | undefined): Plan | null {
    const known = plans.get(document) ?? new Map<string, Plan | null>()
    plans.set(document, known)
    const name = operationName ?? ''
    const found = known.get(name)
    if (found !== undefined) return found
    const plan = makePlan(document, operationName, made++)
    known.set(name, plan)
    return plan
  }

  async function follow(args: ExecutionArgs): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> {
    const plan = planOf(args.document, args.operationName)
    if (!plan) return subscribe(args)
    const source = await createSourceEventStream(args)
    if (!(Symbol.asyncIterator in source)) return source
    const key = keyOf(plan, args)
    const group = groups.get(key) ?? new Map<object, Outcome>()
    groups.set(key, group)
    const { viewer, requestId, transport } = args.contextValue as Context
    const evaluate = async (event: object): Promise<ExecutionResult> => {
      const context = createContext(services, { viewer, requestId, transport })
      const result = (await plan.query(event, context, args.variableValues)) as ExecutionResult
      // Said as graphql-js says it; nothing was changed by asking.
      return result.errors ? execute({ ...args, rootValue: event, contextValue: context }) : result
    }
    return map(source as AsyncGenerator<object, void>, (event) => {
      const shared = group.get(event)
      if (shared) return shared
      const outcome = evaluate(event)
      group.set(event, outcome)
      setImmediate(() => group.delete(event))
      return outcome
    })
  }

  return {
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(follow as typeof subscribe),
  }
}

function makePlan(document: DocumentNode, operationName: string | null | undefined, number: number): Plan | null {
  const operation = getOperationAST(document, operationName)
  const [field, ...others] = operation?.selectionSet.selections ?? []
  // Behind a fragment it may be anything.
  if (!operation || field?.kind !== Kind.FIELD || others.length > 0 || field.name.value !== 'vehicleEvents') return null
  const query = compile(document, operation)
  return query && { query, used: usedBelow(document, field), number }
}

function keyOf({ used, number }: Plan, { contextValue, variableValues }: ExecutionArgs): string {
  const { viewer } = contextValue as Context
  const rights = viewer.kind === 'FLEET' ? [viewer.member.fleetId, viewer.member.role] : []
  const values = variableValues ?? {}
  // One that is absent may have a default, which null has not.
  const given = used
    .filter((variable) => Object.hasOwn(values, variable))
    .map((variable) => [variable, values[variable]])
  // However long the values are, what is kept of them is short.
  return hash('sha256', JSON.stringify([number, rights, given]))
}

/** The variables in what a field selects, and in all fragments. */
function usedBelow(document: DocumentNode, { selectionSet }: FieldNode): string[] {
  const used = new Set<string>()
  const collect = { Variable: ({ name }: { readonly name: { readonly value: string } }) => void used.add(name.value) }
  if (selectionSet) visit(selectionSet, collect)
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, collect)
  }
  return [...used].toSorted()
}

function map<T, R>(source: AsyncGenerator<T, void>, then: (value: T) => R | Promise<R>): AsyncGenerator<R, void> {
  const step = async (taken: Promise<IteratorResult<T, void>>): Promise<IteratorResult<R, void>> => {
    const result = await taken
    if (result.done) return { done: true, value: undefined }
    return { done: false, value: await then(result.value) }
  }
  return {
    next: () => step(source.next()),
    return: () => step(source.return()),
    throw: (error) => step(source.throw(error)),
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await source.return()),
  }
}
