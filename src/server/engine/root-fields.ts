import { getDirectiveValues, GraphQLIncludeDirective, GraphQLSkipDirective, Kind } from 'graphql'
import type { DocumentNode, FieldNode, OperationDefinitionNode, SelectionNode, SelectionSetNode } from 'graphql'
import { fragmentsOf } from '../limits/fragments.ts'
import type { Variables } from '../limits/cost-tree.ts'
import { coercedVariables } from './compile/coerce-variables.ts'

/**
 * The fields that an operation selects of its root type, in the order in which they run, without those that are skipped.
 * One that is selected several times under one key is there once.
 * @param given variables as they came
 * @returns null if a directive is refused: then graphql-js runs nothing of the operation, and says why
 */
export function rootFieldsOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  given: Variables,
): readonly FieldNode[] | null {
  const fragments = fragmentsOf(document)
  const fields = new Map<string, FieldNode>()
  let coerced: Variables | null | undefined
  const isIncluded = (node: SelectionNode): boolean => {
    if (!node.directives?.length) return true
    coerced ??= coercedVariables(operation.variableDefinitions ?? [], given)
    return (
      getDirectiveValues(GraphQLSkipDirective, node, coerced)?.['if'] !== true &&
      getDirectiveValues(GraphQLIncludeDirective, node, coerced)?.['if'] !== false
    )
  }
  const spread = new Set<string>()
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (!isIncluded(selection)) continue
      if (selection.kind === Kind.FIELD) {
        const key = keyOf(selection)
        if (!fields.has(key)) fields.set(key, selection)
      } else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet)
      else {
        const { value: name } = selection.name
        const fragment = spread.has(name) ? undefined : fragments.get(name)
        spread.add(name)
        if (fragment) add(fragment.selectionSet)
      }
    }
  }
  try {
    add(operation.selectionSet)
  } catch {
    return null
  }
  return [...fields.values()]
}

/** The key of a field in the data. */
export const keyOf = ({ alias, name }: FieldNode): string => (alias ?? name).value
