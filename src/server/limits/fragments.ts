import { Kind } from 'graphql'
import type { DocumentNode, FragmentDefinitionNode } from 'graphql'

export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  return fragments
}

/**
 * The amount of a fragment, by its name. Each is computed once, however often it is spread: a few lines can amount to millions
 * of fields.
 * @param nothing the amount of a fragment that is missing, or spread in itself: validation refuses both
 */
export function perFragment<T extends object | number>(
  document: DocumentNode,
  nothing: T,
  amountOf: (fragment: FragmentDefinitionNode) => T,
): (name: string) => T {
  const fragments = fragmentsOf(document)
  const known = new Map<string, T>()
  return (name) => {
    const found = known.get(name)
    if (found !== undefined) return found
    known.set(name, nothing)
    const fragment = fragments.get(name)
    const amount = fragment ? amountOf(fragment) : nothing
    known.set(name, amount)
    return amount
  }
}
