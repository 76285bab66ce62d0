import { GraphQLIncludeDirective, GraphQLSkipDirective, Kind } from 'graphql'
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionNode } from 'graphql'
import type { Condition } from './cost-tree.ts'
import { argumentOf } from './page-cost.ts'

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

/** The value of `if` with which each directive leaves a selection out. */
const LEAVES_OUT = new Map([
  [GraphQLSkipDirective.name, true],
  [GraphQLIncludeDirective.name, false],
])

/**
 * Whether a selection is included, as far as its own directives say.
 * @param outer the condition of the fragment that it stands in
 * @returns a boolean where no variable decides. Values that are invalid leave nothing out: the operation is refused for them
 */
export function conditionOf(
  { directives = [] }: SelectionNode,
  operation: OperationDefinitionNode,
  outer: Condition | true,
): Condition | boolean {
  let condition = outer
  for (const { name, arguments: given = [] } of directives) {
    const without = LEAVES_OUT.get(name.value)
    const value = given.find((argument) => argument.name.value === 'if')?.value
    if (without === undefined || value === undefined) continue
    const decides = argumentOf(value, operation)
    if (value.kind === Kind.VARIABLE) condition = both(condition, (variables) => decides(variables) !== without)
    else if (decides(null) === without) return false
  }
  return condition
}

const both = (one: Condition | true, other: Condition): Condition =>
  one === true ? other : (variables) => one(variables) && other(variables)
