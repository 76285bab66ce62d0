import { BREAK, Kind, visit } from 'graphql'
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode } from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import type { CompiledQuery } from 'graphql-jit'
import { schema } from '../graphql/schema.ts'

/** Compiling writes out every field, however little there is to answer. */
const MOST_FIELDS = 500

/**
 * An operation of a document that was found valid, as a function. null for one that is left to graphql-js: that amounts to
 * very much, or has directives, for where fields come and go the compiled answer may have its keys in another order than the
 * specification says.
 */
export function compile(document: DocumentNode, operation: OperationDefinitionNode): CompiledQuery['query'] | null {
  if (hasDirectives(document) || expandedFields(document, operation) > MOST_FIELDS) return null
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

/**
 * How many fields an operation selects once its fragments are put in, each as often as it is spread. A few lines can amount
 * to millions; what they come to is found without writing them out.
 */
function expandedFields(document: DocumentNode, operation: OperationDefinitionNode): number {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  const counted = new Map<string, number>()
  const count = ({ selections }: SelectionSetNode): number => {
    let fields = 0
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) fields += ofFragment(selection.name.value)
      else {
        if (selection.kind === Kind.FIELD) fields++
        if (selection.selectionSet) fields += count(selection.selectionSet)
      }
    }
    return fields
  }
  const ofFragment = (name: string): number => {
    const known = counted.get(name)
    if (known !== undefined) return known
    // Fragments that spread each other are refused elsewhere; here they end.
    counted.set(name, 0)
    const fragment = fragments.get(name)
    const fields = fragment ? count(fragment.selectionSet) : 0
    counted.set(name, fields)
    return fields
  }
  return count(operation.selectionSet)
}
