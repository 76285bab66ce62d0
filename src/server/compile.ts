import { BREAK, GraphQLError, visit } from 'graphql'
import type { DocumentNode, OperationDefinitionNode } from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import type { CompiledQuery } from 'graphql-jit'
import { schema } from '../graphql/schema.ts'

/**
 * An operation of a document that was found valid and within the limits, as a function: every field is written out, however
 * little there is to answer. null for one that is left to graphql-js for its directives: where fields come and go the
 * compiled answer may have its keys in another order than the specification says.
 */
export function compile(document: DocumentNode, operation: OperationDefinitionNode): CompiledQuery['query'] | null {
  if (hasDirectives(document)) return null
  const compiled = compileQuery(schema, document, operation.name?.value)
  return isCompiledQuery(compiled) ? compiled.query : null
}

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

/** An error of a compiled operation with the place in the document as graphql-js has it, which all that look at it rely on. */
export function located(error: GraphQLError, { loc }: DocumentNode): GraphQLError {
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
