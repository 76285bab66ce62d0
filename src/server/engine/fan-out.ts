import { hash } from 'node:crypto'
import { createSourceEventStream, execute, getOperationAST, Kind, subscribe, visit } from 'graphql'
import type { DocumentNode, ExecutionArgs, ExecutionResult, FieldNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { CompiledQuery } from 'graphql-jit'
import { LRUCache } from 'lru-cache'
import { contextOf } from '../../graphql/context.ts'
import type { LoggedEvent } from '../../domain/event.ts'
import type { Context, Services } from '../../graphql/context.ts'
import { compile } from './compile.ts'

/** What is answered for an event to all who share it. */
export type Answer = {
  /** null until it is known. */
  result: ExecutionResult | null
  /** Once it is; null if it was so at once. */
  readonly ready: Promise<ExecutionResult> | null
  /** As JSON, from the first time on that it was asked for. */
  text: string | null
}

/** What is open until it is stopped, or ends by itself, or fails. */
export type Feed = { readonly ended: Promise<void>; readonly stop: () => void }

/** Takes an event. @returns what to wait for before the next one; null for nothing */
type Take = (event: LoggedEvent) => Promise<void> | null

/** Events that can be read, or handed over as they come. */
type EventStream = AsyncIterable<LoggedEvent> & { readonly feed: (take: Take) => Feed }

/** Takes an answer. @returns what to wait for before the next one; null for nothing */
export type Deliver = (answer: Answer) => Promise<void> | null

/** Has the answers to a subscription's events handed over, in order. */
export type OpenFeed = (deliver: Deliver) => Feed

/** A transport that can be handed answers is told how to get them; the results are then not to be read. */
export type Feeding = { readonly onFeed?: (open: OpenFeed) => void }

/** A document that follows events, compiled. */
type Plan = {
  readonly query: CompiledQuery['query']
  /** The variables that what is selected of an event depends on; those that choose the events are not among them. */
  readonly used: readonly string[]
  /** Tells it from every other. */
  readonly number: number
}

/** Answers for all who share it, evaluated once in a round of the event loop. */
type Group = (event: LoggedEvent) => Answer

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
    const answerTo = groups.get(key) ?? createGroup(services, plan, args)
    groups.set(key, answerTo)
    const stream = source as EventStream
    const { onFeed } = args.contextValue as Feeding
    onFeed?.((deliver) => stream.feed(handing(answerTo, deliver)))
    return map(stream, (event) => {
      const { result, ready } = answerTo(event)
      return result ?? (ready as Promise<ExecutionResult>)
    })
  }

  return {
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(follow as typeof subscribe),
  }
}

/** Outside of what opens the stream, so that it holds nothing of that for as long as it is fed. */
const handing =
  (answerTo: Group, deliver: Deliver): Take =>
  (event) =>
    deliver(answerTo(event))

function createGroup(services: Services, plan: Plan, args: ExecutionArgs): Group {
  const answers = new Map<LoggedEvent, Answer>()
  const { schema, document, operationName, variableValues } = args
  const { viewer, requestId, transport } = args.contextValue as Context
  const evaluate = (event: LoggedEvent): ExecutionResult | Promise<ExecutionResult> => {
    const contextValue = contextOf(services, { viewer, requestId, transport })
    // Said as graphql-js says it; nothing was changed by asking.
    const checked = (result: ExecutionResult) =>
      result.errors
        ? execute({ schema, document, operationName, variableValues, rootValue: event, contextValue })
        : result
    const result = plan.query(event, contextValue, variableValues)
    return result instanceof Promise ? result.then(checked) : checked(result)
  }
  return (event) => {
    const shared = answers.get(event)
    if (shared) return shared
    const answer = answerOf(() => evaluate(event))
    answers.set(event, answer)
    setImmediate(() => answers.delete(event))
    return answer
  }
}

function answerOf(evaluate: () => ExecutionResult | Promise<ExecutionResult>): Answer {
  let outcome: ExecutionResult | Promise<ExecutionResult>
  try {
    outcome = evaluate()
  } catch (error) {
    outcome = Promise.reject(error)
  }
  if (!(outcome instanceof Promise)) return { result: outcome, ready: null, text: null }
  const ready = outcome.then((result) => (answer.result = result))
  const answer: Answer = { result: null, ready, text: null }
  // Whoever waits for it is told; if nobody does any more, that is no failure of the process.
  ready.catch(() => {})
  return answer
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

function map<T, R>(source: AsyncIterable<T>, then: (value: T) => R | Promise<R>): AsyncGenerator<R, void> {
  let begun: AsyncIterator<T> | undefined
  // Not before it is read, if ever.
  const values = () => (begun ??= source[Symbol.asyncIterator]())
  const end = async (): Promise<IteratorResult<R, void>> => {
    await values().return?.()
    return { done: true, value: undefined }
  }
  return {
    next: async () => {
      const { done, value } = await values().next()
      return done ? { done, value: undefined } : { done: false, value: await then(value) }
    },
    return: end,
    throw: end,
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await end()),
  }
}
