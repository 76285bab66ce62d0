import { GraphQLError, Kind, OperationTypeNode, parse } from 'graphql'
import type { DocumentNode, FragmentDefinitionNode, SelectionSetNode, ValidationRule } from 'graphql'
import { LIMITS } from '../limits/document-limits.ts'

const OF_SCHEMA = ['__schema', '__type']

/** Refuses introspection. */
export const NoIntrospection: ValidationRule = (context) => ({
  Field(node) {
    if (!OF_SCHEMA.includes(node.name.value)) return
    context.reportError(new GraphQLError('Introspection is switched off.', { nodes: [node] }))
  },
})

/** Whether a text is a document of queries for the schema and nothing else; false for one that cannot be parsed. */
export function isIntrospectionText(text: unknown): boolean {
  if (typeof text !== 'string' || text.length > LIMITS.bytes) return false
  try {
    return isIntrospection(parse(text, { noLocation: true, maxTokens: LIMITS.tokens }))
  } catch {
    return false
  }
}

/** Whether each operation of a document is a query for the schema and nothing else, be it by its fragments. */
export function isIntrospection({ definitions }: DocumentNode): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const one of definitions) if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one)
  const operations = definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION)
  return (
    operations.length > 0 &&
    operations.every(({ operation, selectionSet }) => {
      const names = fieldsOf(selectionSet, fragments, new Set())
      const isQuery = operation === OperationTypeNode.QUERY
      return isQuery && names.some(isOfSchema) && names.every((name) => isOfSchema(name) || name === '__typename')
    })
  )
}

const isOfSchema = (name: string): boolean => OF_SCHEMA.includes(name)

/** The names of the fields of a selection; each fragment is entered once, so that circles of them end. */
function fieldsOf(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  entered: Set<string>,
): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection.name.value]
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(selection.selectionSet, fragments, entered)
    const name = selection.name.value
    const fragment = entered.has(name) ? undefined : fragments.get(name)
    entered.add(name)
    return fragment ? fieldsOf(fragment.selectionSet, fragments, entered) : []
  })
}
