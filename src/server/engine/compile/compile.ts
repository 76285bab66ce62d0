import { BREAK, getNamedType, GraphQLError, isAbstractType, Kind, separateOperations, visit } from 'graphql'
import type {
  DocumentNode,
  ExecutionResult,
  GraphQLNamedType,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import type { Context } from '../../../graphql/base/context.ts'
import { schema } from '../../../graphql/schema.ts'
import { LIMITS } from '../../limits/document-limits.ts'
import { perFragment } from '../../limits/fragments.ts'
import type { Variables } from '../../limits/cost-tree.ts'
import { argumentsAsVariables, schemaWithPassed } from './argument-values.ts'
import { variableCoercion } from './coerce-variables.ts'

/** An operation as a function. */
export type Compiled = {
  /** The arguments, evaluated with some variables; null where graphql-js refuses a variable or an argument. */
  readonly valuesOf: (variables: Variables) => Values | null
  /** @param values of valuesOf(), any number of times */
  readonly execute: (root: unknown, context: Context, values: Values) => ExecutionResult | Promise<ExecutionResult>
}

/** Arguments, evaluated. */
export type Values = Variables & { readonly [evaluated]: true }
declare const evaluated: unique symbol

/** The most fields of a compiled operation: each takes a tenth of a millisecond and 2 kB; usual operations have some dozens. */
const MOST_WRITTEN = 300

/**
 * An operation of a document that is valid and within the limits, as a function: code for every field, whether or not the data
 * has it. Variables and arguments are evaluated beforehand, as graphql-js does it. null for an operation that is left to
 * graphql-js: for its size, for its names, or for its directives: where fields come and go, the keys of a compiled result
 * may be in another order than the specification says.
 */
export function compile(document: DocumentNode, operation: OperationDefinitionNode): Compiled | null {
  if (fieldsToCompile(document, operation) === null) return null
  const own = separateOperations(document)[operation.name?.value ?? '']
  if (!own) return null
  const coerce = variableCoercion(operation.variableDefinitions ?? [])
  const { document: rewritten, evaluate } = argumentsAsVariables(own)
  const compiled = compileQuery(schemaWithPassed, rewritten)
  if (!isCompiledQuery(compiled)) return null
  return {
    valuesOf: (variables) => {
      const coerced = coerce(variables)
      return coerced && (evaluate(coerced) as Values | null)
    },
    execute: compiled.query as Compiled['execute'],
  }
}

/** @returns the number of fields that are compiled; null for an operation whose size or whose names leave it to graphql-js */
export function fieldsToCompile(document: DocumentNode, operation: OperationDefinitionNode): number | null {
  const fields = isPlain(document) ? writtenOut(document, operation) : Infinity
  return fields > MOST_WRITTEN ? null : fields
}

/** The number of fields of the compiled operation: with fragments put in, and once for each type that an abstract one can be. */
function writtenOut(document: DocumentNode, operation: OperationDefinitionNode): number {
  const count = ({ selections }: SelectionSetNode, on: GraphQLNamedType | null | undefined): number => {
    let fields = 0
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) fields += ofFragment(selection.name.value)
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        fields += count(selection.selectionSet, typeOf(selection.typeCondition?.name.value) ?? on)
      } else {
        const field = on && 'getFields' in on ? on.getFields()[selection.name.value] : undefined
        const type = field ? getNamedType(field.type) : null
        const times = isAbstractType(type) ? schema.getPossibleTypes(type).length : 1
        fields += 1 + (selection.selectionSet ? times * count(selection.selectionSet, type) : 0)
      }
    }
    return fields
  }
  const ofFragment = perFragment(document, 0, ({ selectionSet, typeCondition }) =>
    count(selectionSet, typeOf(typeCondition.name.value)),
  )
  return count(operation.selectionSet, schema.getRootType(operation.operation))
}

const typeOf = (name: string | undefined): GraphQLNamedType | undefined =>
  name === undefined ? undefined : schema.getType(name)

/** Whether a document has no directives, no introspection, and no name that is a property of every object. */
function isPlain(document: DocumentNode): boolean {
  let isOrdinary = true
  const leave = () => {
    isOrdinary = false
    return BREAK
  }
  visit(document, {
    Directive: leave,
    Name: ({ value }) =>
      value in Object.prototype || value === '__schema' || value === '__type' ? leave() : undefined,
  })
  return isOrdinary
}

/**
 * Whether a result of a compiled operation that changed nothing is to be graphql-js's instead: one whose errors are several
 * refusals, of which graphql-js reports fewer, in another order. A failure is none: an operation that failed is not executed
 * again.
 */
export const isForInterpreter = ({ errors = [] }: ExecutionResult): boolean =>
  errors.length > 1 && errors.every(isRefusal)

/** Whether an error is one that a resolver threw on purpose. */
const isRefusal = ({ originalError }: GraphQLError): boolean => originalError instanceof GraphQLError

/**
 * The result of a compiled operation, its errors with the places in the document that graphql-js gives them: as many errors as
 * are presented, and one for each branch of the data that is null for it.
 */
export function withPlaces({ errors = [], data }: ExecutionResult, document: DocumentNode): ExecutionResult {
  const lost = new Set<string>()
  const first = errors.filter(({ path = [] }) => {
    const branch = nullOn(path, data)
    if (branch.length === path.length) return true
    const key = JSON.stringify(branch)
    return !lost.has(key) && lost.add(key)
  })
  return { errors: first.slice(0, LIMITS.errors).map((error) => located(error, document)), data: data ?? null }
}

/** The part of a path at whose end the data is null: all of it, or less if the null went up to where a null may be. */
function nullOn(path: readonly (string | number)[], data: unknown): readonly (string | number)[] {
  let value = data
  for (const [depth, key] of path.entries()) {
    if (value == null) return path.slice(0, depth)
    value = (value as Readonly<Record<string | number, unknown>>)[key]
  }
  return path
}

function located(error: GraphQLError, { loc }: DocumentNode): GraphQLError {
  const { message, locations, path, originalError, extensions } = error
  const source = loc?.source ?? null
  const ends = [...(source?.body ?? '').matchAll(/\r\n|[\n\r]/g)]
  const lines = [0, ...ends.map(({ index, 0: end }) => index + end.length)]
  const positions = (locations ?? []).map(({ line, column }) => (lines[line - 1] ?? 0) + column - 1)
  return new GraphQLError(message, {
    source,
    positions,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions,
  })
}
