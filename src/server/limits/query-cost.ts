import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isListType,
  Kind,
  OperationTypeNode,
} from 'graphql'
import type {
  DocumentNode,
  ExecutionResult,
  FieldNode,
  GraphQLCompositeType,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql'
import { schema } from '../../graphql/schema.ts'
import { emptyPart, nodesOf, pointsIn, pointsOf } from './cost-tree.ts'
import type { Choice, Condition, Page, Part, Variables } from './cost-tree.ts'
import { conditionOf, fragmentsOf } from './fragments.ts'
import { pageOf } from './page-cost.ts'

/** The cost of an operation, which depends on the variables that choose its pages. */
export type QueryCost = {
  /** The product of its pages: a page in each node of another comes as often as that has nodes. */
  readonly nodes: (variables: Variables) => number
  /** The greatest number for any variables. */
  readonly maxNodes: number
  /** An object costs 1 point each time it can come, a mutation or a subscription 10, a value nothing. */
  readonly points: (variables: Variables) => number
  /** The greatest number for any variables. */
  readonly maxPoints: number
  /** The points of what the answer holds. An answer with errors does not show what was read for it: it has the full cost. */
  readonly actualPoints: (variables: Variables, answer: ExecutionResult) => number
}

const POINTS = { object: 1, change: 10, least: 1 }

/** A place in the document whose selections are added to a part. */
type Place = {
  readonly on: GraphQLCompositeType | null | undefined
  /** The names of the types that the object may be of. */
  readonly types: readonly string[]
  readonly part: Part
  /** The page that the place is the connection of. */
  readonly page: Page | null
  /** The page whose node the place belongs to. */
  readonly within: Page | null
  readonly path: readonly string[]
  /** Whether the fragment that the place stands in is included. */
  readonly isIncluded: Condition | true
  /** The part that comes with a type only, where the object may be of several. */
  readonly partOf: (type: string) => Part
}

/** @param document within the limits and valid, so that its fragments can be put in where they are spread */
export function queryCostOf(document: DocumentNode, operation: OperationDefinitionNode): QueryCost {
  const fragments = fragmentsOf(document)
  const root = schema.getRootType(operation.operation)
  const isQuery = operation.operation === OperationTypeNode.QUERY
  const pages: Page[] = []
  let hasOptions = false

  function add({ selections }: SelectionSetNode, place: Place): void {
    for (const selection of selections) {
      const isIncluded = conditionOf(selection, operation, place.isIncluded)
      if (isIncluded === false) continue
      const here = isIncluded === place.isIncluded ? place : { ...place, isIncluded }
      if (selection.kind === Kind.FIELD) addField(selection, here)
      else {
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)
        if (inner) addFragment(inner.selectionSet, namedType(inner.typeCondition?.name.value) ?? place.on, here)
      }
    }
  }

  function addFragment(selectionSet: SelectionSetNode, on: Place['on'], place: Place): void {
    const these = typesOf(on)
    const common = place.types.filter((type) => these.includes(type))
    if (common.length === place.types.length) return add(selectionSet, { ...place, on })
    for (const type of common) {
      const part = place.partOf(type)
      add(selectionSet, { ...place, on: namedType(type), types: [type], part, partOf: () => part })
    }
  }

  function optionOf(part: Part, isIncluded: Condition): Part {
    const option = { isIncluded, part: emptyPart() }
    part.options.push(option)
    hasOptions = true
    return option.part
  }

  function addField(node: FieldNode, { on, part, page, within, path, isIncluded }: Place): void {
    const field = on && 'getFields' in on ? on.getFields()[node.name.value] : undefined
    const type = field && getNamedType(field.type)
    if (!field || !node.selectionSet || !isCompositeType(type)) return
    const key = (node.alias ?? node.name).value
    // A page's lists, its nodes and its edges, come once for each node.
    const isList = isListType(getNullableType(field.type))
    const always = page && isList ? page.each : part
    const own = isIncluded === true ? always : optionOf(always, isIncluded)
    if (page && isList) page.lists.add(key)
    own.points += on === root && !isQuery ? POINTS.change : POINTS.object
    const inside = page && isList ? page : within
    const below = pageOf(node, field, operation, [...path, key])
    if (below) {
      own.pages.push(below)
      pages.push(below)
    }
    let choice: Choice | null = null
    const partOf = (name: string): Part => {
      if (!choice) {
        choice = { parts: new Map(), isFiltered: inside !== null && inside.each === always && type === inside.nodeType }
        own.choices.push(choice)
      }
      const known = choice.parts.get(name) ?? emptyPart()
      choice.parts.set(name, known)
      return known
    }
    const [types, keys] = [typesOf(type), [...path, key]]
    const inner = { on: type, types, part: own, page: below, within: inside, path: keys, partOf }
    add(node.selectionSet, { ...inner, isIncluded: true })
  }

  const whole = emptyPart()
  const top: Place = {
    on: root,
    types: typesOf(root),
    part: whole,
    page: null,
    within: null,
    path: [],
    isIncluded: true,
    partOf: () => whole,
  }
  add(operation.selectionSet, top)
  const maxNodes = nodesOf(whole, null)
  const maxPoints = pointsOf(whole, null)
  const isFixed = !hasOptions && pages.every((page) => page.isFixed)
  const fixed = Math.max(POINTS.least, maxPoints)
  const points = (variables: Variables) => (isFixed ? fixed : Math.max(POINTS.least, pointsOf(whole, variables)))
  return {
    maxPoints,
    maxNodes,
    nodes: (variables) => (isFixed ? maxNodes : nodesOf(whole, variables)),
    points,
    actualPoints: (variables, { data, errors }) => {
      const most = points(variables)
      if (errors || !data) return most
      const changes = isQuery ? 0 : Object.values(data).filter((value) => typeof value === 'object').length
      const found = pointsIn(data, pages, variables) + changes * (POINTS.change - POINTS.object)
      return Math.min(most, Math.max(POINTS.least, found))
    },
  }
}

const typesOf = (type: GraphQLCompositeType | null | undefined): readonly string[] =>
  isAbstractType(type) ? schema.getPossibleTypes(type).map(({ name }) => name) : type ? [type.name] : []

function namedType(name: string | undefined): GraphQLCompositeType | null {
  const type = name === undefined ? null : schema.getType(name)
  return isCompositeType(type) ? type : null
}
