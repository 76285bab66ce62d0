import { getNamedType, getNullableType, isCompositeType, isListType, Kind, OperationTypeNode } from 'graphql'
import type {
  DocumentNode,
  FieldNode,
  GraphQLCompositeType,
  GraphQLField,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql'
import type { PageSize } from '../../graphql/base/connection.ts'
import { schema } from '../../graphql/schema.ts'
import { fragmentsOf } from './fragments.ts'

export type Variables = Readonly<Record<string, unknown>>

/** The cost of an operation, which depends on the variables that choose the sizes of its pages. */
export type QueryCost = {
  /** The product of its pages: a page in each node of another comes as often as that has nodes. */
  readonly nodes: (variables: Variables) => number
  /** The greatest number for any variables. */
  readonly maxNodes: number
  /** An object costs 1 point each time it can come, a mutation or a subscription 10, a value nothing. */
  readonly points: (variables: Variables) => number
  /** The greatest number for any variables. */
  readonly maxPoints: number
}

/** An object of the answer with all below it that comes as often as itself, and the pages in it. */
type Part = { points: number; readonly pages: Page[] }
type Page = PageSize & { readonly sizes: readonly Size[]; readonly each: Part }
/** The size of a page: a number in the document, or a variable and its default. */
type Size = number | { readonly variable: string; readonly fallback: number | null }

const POINTS = { object: 1, change: 10, least: 1 }

/** @param document within the limits and valid, so that its fragments can be put in where they are spread */
export function queryCostOf(document: DocumentNode, operation: OperationDefinitionNode): QueryCost {
  const fragments = fragmentsOf(document)
  const root = schema.getRootType(operation.operation)
  const isQuery = operation.operation === OperationTypeNode.QUERY

  function add(
    { selections }: SelectionSetNode,
    on: GraphQLCompositeType | null | undefined,
    part: Part,
    each: Part | null,
  ): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) addField(selection, on, part, each)
      else {
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)
        if (inner) add(inner.selectionSet, namedType(inner.typeCondition?.name.value) ?? on, part, each)
      }
    }
  }

  function addField(node: FieldNode, on: GraphQLCompositeType | null | undefined, part: Part, each: Part | null): void {
    const field = on && 'getFields' in on ? on.getFields()[node.name.value] : undefined
    const type = field && getNamedType(field.type)
    if (!field || !node.selectionSet || !isCompositeType(type)) return
    // A page's lists, its nodes and its edges, come once for each node.
    const own = each && isListType(getNullableType(field.type)) ? each : part
    own.points += on === root && !isQuery ? POINTS.change : POINTS.object
    const page = pageOf(node, field, operation)
    if (page) own.pages.push(page)
    add(node.selectionSet, type, own, page && page.each)
  }

  const whole: Part = { points: 0, pages: [] }
  add(operation.selectionSet, root, whole, null)
  const maxNodes = nodesOf(whole, null)
  const isFixed = !usesVariables(whole)
  const points = Math.max(POINTS.least, pointsOf(whole, {}))
  return {
    maxPoints: pointsOf(whole, null),
    maxNodes,
    nodes: isFixed ? () => maxNodes : (variables) => nodesOf(whole, variables),
    points: isFixed ? () => points : (variables) => Math.max(POINTS.least, pointsOf(whole, variables)),
  }
}

function namedType(name: string | undefined): GraphQLCompositeType | null {
  const type = name === undefined ? null : schema.getType(name)
  return isCompositeType(type) ? type : null
}

function pageOf(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Page | null {
  const pageSize = field.args.find(({ name }) => name === 'first')?.extensions['pageSize'] as PageSize | undefined
  if (!pageSize) return null
  const sizes: Size[] = []
  for (const { name, value } of node.arguments ?? []) {
    if (name.value !== 'first' && name.value !== 'last') continue
    if (value.kind === Kind.INT) sizes.push(Number(value.value))
    if (value.kind !== Kind.VARIABLE) continue
    const variable = value.name.value
    const fallback = variableDefinitions.find((one) => one.variable.name.value === variable)?.defaultValue
    sizes.push({ variable, fallback: fallback?.kind === Kind.INT ? Number(fallback.value) : null })
  }
  return { ...pageSize, sizes, each: { points: 0, pages: [] } }
}

const usesVariables = ({ pages }: Part): boolean =>
  pages.some(({ sizes, each }) => sizes.some((size) => typeof size === 'object') || usesVariables(each))

/**
 * An empty page counts as one node: it is asked for all the same.
 * @param variables null for the most that any lead to
 */
function nodesOf({ pages }: Part, variables: Variables | null): number {
  let nodes = 0
  for (const page of pages) nodes += Math.max(1, lengthOf(page, variables)) * Math.max(1, nodesOf(page.each, variables))
  return nodes
}

/** A page counts also if nothing of its nodes is selected: it is read all the same. @param variables as above */
function pointsOf({ points, pages }: Part, variables: Variables | null): number {
  let sum = points
  for (const page of pages) sum += Math.max(1, lengthOf(page, variables)) * Math.max(1, pointsOf(page.each, variables))
  return sum
}

/** The length of a page. A size that is invalid or too large is refused later; here it counts as the largest page at most. */
function lengthOf({ sizes, usual, most }: Page, variables: Variables | null): number {
  let length = -1
  for (const size of sizes) {
    const value = typeof size === 'number' ? size : variables === null ? most : given(size, variables)
    if (typeof value === 'number' && value > length) length = value
  }
  return length < 0 ? usual : Math.min(length, most)
}

const given = ({ variable, fallback }: Exclude<Size, number>, variables: Variables): unknown =>
  Object.hasOwn(variables, variable) ? variables[variable] : fallback
