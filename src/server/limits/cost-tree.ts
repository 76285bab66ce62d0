import type { GraphQLNamedType } from 'graphql'
import type { PageSize } from '../../graphql/base/connection.ts'

export type Variables = Readonly<Record<string, unknown>>

/** An object of the answer with all below it that comes as often as itself. */
export type Part = {
  points: number
  readonly pages: Page[]
  readonly choices: Choice[]
  readonly options: Option[]
}

/** More of an object that `@skip` or `@include` leaves out by a variable. */
export type Option = { readonly isIncluded: Condition; readonly part: Part }

/** Whether a selection is included. Without variables: whether any include it. */
export type Condition = (variables: Variables | null) => boolean

/** More of an object that is of one of several types: what comes with each type. */
export type Choice = {
  readonly parts: Map<string, Part>
  /** Whether the types of nodes that the filter of the page lets through are the only ones. */
  isFiltered: boolean
}

export type Page = PageSize & {
  /** `first` and `last`, as far as they are given. */
  readonly sizes: readonly Argument[]
  /** The most nodes that its filter lets through; null for no bound, and where variables that are not known decide. */
  readonly mostFiltered: (variables: Variables | null) => number | null
  /** The type of its nodes. */
  readonly nodeType: GraphQLNamedType | null
  /** The types of nodes that its filter lets through; null for all. */
  readonly types: (variables: Variables | null) => ReadonlySet<string> | null
  /** The keys in the answer of the lists that show its nodes. */
  readonly lists: Set<string>
  /** The keys in the answer that lead to it. */
  readonly path: readonly string[]
  /** Whether no variable decides how large it is. */
  readonly isFixed: boolean
  readonly each: Part
}

/** A value that a document gives, or a variable of it. Without variables: undefined where it depends on one. */
export type Argument = (variables: Variables | null) => unknown

export const emptyPart = (): Part => ({ points: 0, pages: [], choices: [], options: [] })

/**
 * The number of nodes, which is the product of pages in pages. An empty page counts as one node: it is asked for all the same.
 * @param variables null for the most that any lead to
 * @param types the types that a filtered choice has; null for all
 */
export function nodesOf(part: Part, variables: Variables | null, types: ReadonlySet<string> | null = null): number {
  let nodes = mostOf(part, types, (other) => nodesOf(other, variables))
  for (const option of part.options) if (option.isIncluded(variables)) nodes += nodesOf(option.part, variables, types)
  for (const page of part.pages) {
    nodes += Math.max(1, lengthOf(page, variables)) * Math.max(1, nodesOf(page.each, variables, page.types(variables)))
  }
  return nodes
}

/** The number of points. A page counts also if nothing of its nodes is selected: it is read all the same. Parameters as above. */
export function pointsOf(part: Part, variables: Variables | null, types: ReadonlySet<string> | null = null): number {
  let points = part.points + mostOf(part, types, (other) => pointsOf(other, variables))
  for (const option of part.options) if (option.isIncluded(variables)) points += pointsOf(option.part, variables, types)
  for (const page of part.pages) {
    points +=
      Math.max(1, lengthOf(page, variables)) * Math.max(1, pointsOf(page.each, variables, page.types(variables)))
  }
  return points
}

/** The sum over all choices; each is as much as its largest part, for an object has one type. */
function mostOf({ choices }: Part, types: ReadonlySet<string> | null, amountOf: (part: Part) => number): number {
  let sum = 0
  for (const { parts, isFiltered } of choices) {
    let most = 0
    for (const [type, part] of parts) {
      if (!isFiltered || types === null || types.has(type)) most = Math.max(most, amountOf(part))
    }
    sum += most
  }
  return sum
}

/**
 * The most nodes of a page. A size that is invalid or too large is refused later; here it counts as the largest page at most.
 * @param variables null for the most that any lead to
 */
export function lengthOf({ sizes, usual, most, mostFiltered }: Page, variables: Variables | null): number {
  let length = -1
  for (const size of sizes) {
    const given = size(variables)
    const value = variables === null && given === undefined ? most : given
    if (typeof value === 'number' && value > length) length = value
  }
  return Math.min(length < 0 ? usual : length, most, mostFiltered(variables) ?? most)
}

type Data = Readonly<Record<string, unknown>>

/**
 * The points of what an answer holds: each object counts, and each page that is empty or does not show its nodes, as it does in
 * the cost of the operation.
 * @param pages all pages of the operation
 */
export function pointsIn(data: unknown, pages: readonly Page[], variables: Variables): number {
  // The answer itself is no object of it.
  let points = objectsIn(data) - 1
  for (const page of pages) {
    eachAt(data, page.path, 0, (connection) => (points += unshown(connection, page, variables)))
  }
  return points
}

function objectsIn(value: unknown): number {
  let objects = 0
  if (Array.isArray(value)) for (const item of value) objects += objectsIn(item)
  else if (isData(value)) {
    objects = 1
    for (const key in value) objects += objectsIn(value[key])
  }
  return objects
}

function eachAt(value: unknown, path: readonly string[], depth: number, visit: (found: Data) => void): void {
  if (Array.isArray(value)) for (const item of value) eachAt(item, path, depth, visit)
  else if (isData(value)) {
    const key = path[depth]
    if (key === undefined) visit(value)
    else eachAt(value[key], path, depth + 1, visit)
  }
}

/** The count of a page beside the nodes that it shows: one if there are none, and its whole length if it does not show them. */
function unshown(connection: Data, page: Page, variables: Variables): number {
  let isShown = false
  for (const key of page.lists) {
    const list = connection[key]
    if (!Array.isArray(list)) continue
    if (list.length > 0) return 0
    isShown = true
  }
  return isShown ? 1 : Math.max(1, lengthOf(page, variables))
}

const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null
