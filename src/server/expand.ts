import { Kind } from 'graphql'
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode } from 'graphql'

/** How much is selected once fragments are put in, each as often as it is spread, and how many fields deep. */
type Extent = { readonly fields: number; readonly depth: number }

const NOTHING: Extent = { fields: 0, depth: 0 }

/**
 * What each operation of a document amounts to. A few lines can amount to millions of fields; what they come to is found
 * without writing them out: each fragment is looked at once.
 */
export function expand(document: DocumentNode): (Extent & { readonly operation: OperationDefinitionNode })[] {
  const fragments = fragmentsOf(document)
  const known = new Map<string, Extent>()
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
  const extentOfFragment = (name: string): Extent => {
    const found = known.get(name)
    if (found) return found
    // Fragments that spread each other are refused by validation; here they end.
    known.set(name, NOTHING)
    const fragment = fragments.get(name)
    const extent = fragment ? extentOf(fragment.selectionSet) : NOTHING
    known.set(name, extent)
    return extent
  }
  return document.definitions.flatMap((operation) =>
    operation.kind === Kind.OPERATION_DEFINITION ? [{ operation, ...extentOf(operation.selectionSet) }] : [],
  )
}

export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  return fragments
}
