import { BREAK, getNamedType, GraphQLError, isAbstractType, Kind, visit } from 'graphql'
import type {
  DocumentNode,
  ExecutionResult,
  GraphQLNamedType,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import type { CompiledQuery } from 'graphql-jit'
import { schema } from '../../graphql/schema.ts'
import { LIMITS } from '../limits/document-limits.ts'
import { perFragment } from '../limits/fragments.ts'
import { mixesScalars } from './reported-instants.ts'

export type Compiled = CompiledQuery['query']

/** Each takes a tenth of a millisecond and 2 kB; an operation that somebody has written has some dozens. */
const MOST_WRITTEN = 300

/**
 * An operation of a document that is valid and within the limits, as a function: code for every field, whether or not the data
 * has it. null for an operation that is left to graphql-js, for its size, or for its directives: where fields come and go, the
 * keys of a compiled result may be in another order than the specification says.
 */
export function compile(document: DocumentNode, operation: OperationDefinitionNode): Compiled | null {
  if (hasDirectives(document) || mixesScalars(schema, operation)) return null
  if (writtenOut(document, operation) > MOST_WRITTEN) return null
  const compiled = compileQuery(schema, document, operation.name?.value)
  return isCompiledQuery(compiled) ? compiled.query : null
}

/** How many fields the compiled operation has: with fragments put in, and once for each type that an abstract one can be. */
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

function hasDirectives(document: DocumentNode): boolean {
  let found = false
  visit(document, {
    Directive: () => {
      found = true
      return BREAK
    },
  })
  return found
}

/**
 * Whether a result of a compiled operation that changed nothing is to be graphql-js's instead: one without data, for then
 * nothing was executed, and one whose errors are several refusals, of which graphql-js reports fewer, in another order. A
 * failure is neither: an operation that failed is not executed again.
 */
export const isForInterpreter = (result: ExecutionResult): boolean => {
  const { errors = [] } = result
  return !('data' in result) || (errors.length > 1 && errors.every(isRefusal))
}

/** Whether a resolver threw it on purpose. */
const isRefusal = ({ originalError }: GraphQLError): boolean => originalError instanceof GraphQLError

/**
 * The result of a compiled operation, its errors with the places in the document that graphql-js gives them: as many errors as
 * are presented.
 */
export function withPlaces({ errors = [], data }: ExecutionResult, document: DocumentNode): ExecutionResult {
  return { errors: errors.slice(0, LIMITS.errors).map((error) => located(error, document)), data: data ?? null }
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
