import { getNamedType, isInputObjectType, isObjectType, Kind, valueFromASTUntyped, visit } from 'graphql'
import type { FieldNode, GraphQLField, GraphQLNamedType, OperationDefinitionNode, ValueNode } from 'graphql'
import type { FilterBound, PageSize } from '../../graphql/base/connection.ts'
import { emptyPart } from './cost-tree.ts'
import type { Argument, Page } from './cost-tree.ts'

/** The page that a field is, with the arguments that choose its size; null for a field that is no page. */
export function pageOf(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  operation: OperationDefinitionNode,
  path: readonly string[],
): Page | null {
  const pageSize = field.args.find(({ name }) => name === 'first')?.extensions['pageSize'] as PageSize | undefined
  if (!pageSize) return null
  const given = (name: string) => node.arguments?.find((argument) => argument.name.value === name)?.value
  const sizes = [given('first'), given('last')].filter((value) => value !== undefined)
  const filter = given('filter')
  const bounds = filter ? boundsOf(field) : []
  const filtered = filter ? argumentOf(filter, operation) : null
  const valuesIn = (name: string, variables: Parameters<Argument>[0]): readonly unknown[] | null => {
    const value = filtered?.(variables)
    return isRecord(value) && Object.hasOwn(value, name) ? listOf(value[name]) : null
  }
  return {
    ...pageSize,
    path,
    lists: new Set(),
    each: emptyPart(),
    nodeType: nodeTypeOf(field),
    isFixed: ![...sizes, ...(bounds.length > 0 && filter ? [filter] : [])].some(hasVariables),
    sizes: sizes.map((value) => argumentOf(value, operation)),
    mostFiltered: (variables) => {
      const lengths = bounds.flatMap(([name, bound]) => {
        const values = valuesIn(name, variables)
        return values && (bound === 'NODES' || values.length === 0) ? [values.length] : []
      })
      return lengths.length === 0 ? null : Math.min(...lengths)
    },
    types: (variables) => {
      for (const [name, bound] of bounds) {
        const values = typeof bound === 'string' ? null : valuesIn(name, variables)
        if (values && typeof bound !== 'string') return new Set(values.map((value) => bound(String(value))))
      }
      return null
    },
  }
}

/** The fields of the page's filter that bound it. */
function boundsOf({ args }: GraphQLField<unknown, unknown>): (readonly [name: string, bound: FilterBound])[] {
  const filter = args.find(({ name }) => name === 'filter')
  const type = filter && getNamedType(filter.type)
  if (!isInputObjectType(type)) return []
  return Object.values(type.getFields()).flatMap(({ name, extensions }) => {
    const bound = extensions['bound'] as FilterBound | undefined
    return bound ? [[name, bound] as const] : []
  })
}

function nodeTypeOf({ type }: GraphQLField<unknown, unknown>): GraphQLNamedType | null {
  const connection = getNamedType(type)
  const nodes = isObjectType(connection) ? connection.getFields()['nodes'] : undefined
  return nodes ? getNamedType(nodes.type) : null
}

/** A value that is given in an operation, or the variable of it. */
export function argumentOf(value: ValueNode, { variableDefinitions = [] }: OperationDefinitionNode): Argument {
  if (!hasVariables(value)) {
    const constant: unknown = valueFromASTUntyped(value)
    return () => constant
  }
  const defaults = new Map<string, unknown>()
  for (const { variable, defaultValue } of variableDefinitions) {
    if (defaultValue) defaults.set(variable.name.value, valueFromASTUntyped(defaultValue))
  }
  return (variables) => {
    if (variables === null) return undefined
    const given: Record<string, unknown> = {}
    for (const { variable } of variableDefinitions) {
      const name = variable.name.value
      const own: unknown = Object.hasOwn(variables, name) ? variables[name] : defaults.get(name)
      if (own !== undefined) given[name] = own
    }
    return valueFromASTUntyped(value, given)
  }
}

function hasVariables(value: ValueNode): boolean {
  let has = false
  visit(value, { [Kind.VARIABLE]: () => void (has = true) })
  return has
}

/** A single value stands for a list of one. null is no condition. */
const listOf = (value: unknown): readonly unknown[] | null =>
  value === null || value === undefined ? null : Array.isArray(value) ? (value as unknown[]) : [value]

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
