import { Kind, visit } from 'graphql'
import type { DocumentNode, SelectionSetNode } from 'graphql'

/** What stands in a document, wherever it stands. */
export type Occurrences = {
  readonly operations: number
  /** Aliases, and fields that a selection names again: either asks for the same once more. */
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
