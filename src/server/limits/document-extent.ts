import { Kind, visit } from 'graphql'
import type { DocumentNode, OperationDefinitionNode, SelectionSetNode } from 'graphql'
import { perFragment } from './fragments.ts'

/** The number of fields once fragments are put in, each as often as it is spread, and their depth. */
type Extent = { readonly fields: number; readonly depth: number }

const NOTHING: Extent = { fields: 0, depth: 0 }

/** The extent of each operation of a document, without writing it out. */
export function extentsOf(document: DocumentNode): (Extent & { readonly operation: OperationDefinitionNode })[] {
  const extentOf = ({ selections }: SelectionSetNode): Extent => {
    let [fields, depth] = [0, 0]
    for (const selection of selections) {
      const isField = selection.kind === Kind.FIELD
      const below =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? extentOfFragment(selection.name.value)
          : selection.selectionSet
            ? extentOf(selection.selectionSet)
            : NOTHING
      fields += below.fields + (isField ? 1 : 0)
      // The query by which tools read the schema is deep, and a rule of graphql-js bounds how often it can go round.
      const isIntrospection = isField && selection.name.value.startsWith('__')
      depth = Math.max(depth, isIntrospection ? 1 : below.depth + (isField ? 1 : 0))
    }
    return { fields, depth }
  }
  const extentOfFragment = perFragment(document, NOTHING, ({ selectionSet }) => extentOf(selectionSet))
  return document.definitions.flatMap((operation) =>
    operation.kind === Kind.OPERATION_DEFINITION ? [{ operation, ...extentOf(operation.selectionSet) }] : [],
  )
}

/** Numbers of things in a document, fragments counted once. */
export type Occurrences = {
  readonly operations: number
  /** Aliases, and fields that a selection names again: either selects the same once more. */
  readonly aliases: number
  readonly directives: number
}

export function countOccurrences(document: DocumentNode): Occurrences {
  const counted = { operations: 0, aliases: 0, directives: 0 }
  visit(document, {
    OperationDefinition: () => void counted.operations++,
    Directive: () => void counted.directives++,
    SelectionSet: (selection) => void (counted.aliases += aliasesIn(selection)),
  })
  return counted
}

function aliasesIn({ selections }: SelectionSetNode): number {
  let aliases = 0
  const named = new Set<string>()
  for (const selection of selections) {
    if (selection.kind !== Kind.FIELD) continue
    const { value } = selection.name
    if (selection.alias || named.has(value)) aliases++
    else named.add(value)
  }
  return aliases
}
