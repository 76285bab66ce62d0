import type { InterfaceRef, ObjectRef } from '@pothos/core'
import type { Page } from '../../data/queries/lists.ts'
import { LATEST_INSTANT } from '../../domain/period.ts'
import type { Instant } from '../../domain/period.ts'
import { builder } from './builder.ts'
import type { SchemaTypes } from './builder.ts'
import { badUserInput } from './errors.ts'

/** The usual and the largest number of nodes of a page, in the extensions of the argument `first` of every list. */
export type PageSize = { readonly usual: number; readonly most: number }

/**
 * The bound that a list in a filter sets to the pages that it filters, in the extensions (`bound`) of its input field: as many nodes as
 * the list has entries, at most; no nodes where it is empty; or the type of the nodes that an entry lets through.
 */
export type FilterBound = 'NODES' | 'NONE_OF_NONE' | ((entry: string) => string)

const PAGE_SIZE: PageSize = { usual: 50, most: 100 }

export type Edge<T> = { readonly cursor: string; readonly node: T }

export type Connection<T> = {
  readonly nodes: readonly T[]
  readonly cursorOf: (node: T) => string
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
  /** For lists that can be counted: read when somebody asks for the number. */
  readonly totalCount?: () => Promise<number>
}

const PageInfo = builder.objectRef<Connection<unknown>['pageInfo']>('PageInfo').implement({
  description: 'The position of a page in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether more follows.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether something comes before.' }),
    startCursor: t.exposeString('startCursor', { nullable: true, description: 'To go on backwards: `before`.' }),
    endCursor: t.exposeString('endCursor', { nullable: true, description: 'To go on forwards: `after`.' }),
  }),
})

/** The connection and edge types of a list. */
export function connectionOf<T>(name: string, node: ObjectRef<SchemaTypes, T> | InterfaceRef<SchemaTypes, T>) {
  const EdgeType = builder.objectRef<Edge<T>>(`${name}Edge`).implement({
    description: `One ${name} and its position in the list.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'The position: for `after` or `before`.' }),
      node: t.expose('node', { type: node, description: 'The node.' }),
    }),
  })
  return builder.objectRef<Connection<T>>(`${name}Connection`).implement({
    description: `A page of a list of ${name}.`,
    fields: (t) => ({
      edges: t.field({
        type: [EdgeType],
        description: 'The page with a cursor for each.',
        resolve: ({ nodes, cursorOf }) => nodes.map((found) => ({ cursor: cursorOf(found), node: found })),
      }),
      nodes: t.expose('nodes', { type: [node], description: 'The page.' } as never),
      pageInfo: t.expose('pageInfo', { type: PageInfo, description: 'The position of the page.' }),
    }),
  })
}

/** The arguments of every list. */
export const pageArgs = (pageSize: PageSize = PAGE_SIZE) =>
  builder.args((arg) => ({
    first: arg.int({
      description: `At most this many, from the start or from \`after\`: 0 to ${pageSize.most}, ${pageSize.usual} if absent.`,
      extensions: { pageSize },
    }),
    after: arg.string({ description: 'A cursor: only nodes after it.' }),
    last: arg.int({ description: `At most this many, from the end or from \`before\`: 0 to ${pageSize.most}.` }),
    before: arg.string({ description: 'A cursor: only nodes before it.' }),
  }))

type Args = {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

/** The form of the cursors of a list: its name and a key, as JSON in base64url. */
export type Cursors<T, Key> = {
  readonly list: string
  readonly keyOf: (node: T) => Key
  /** The key in a value; null for a value that is no key of this list. */
  readonly parse: (json: unknown) => Key | null
}

/** Whether a value is a text that PostgreSQL can compare with. */
export const isText = (json: unknown): json is string =>
  typeof json === 'string' && !json.includes('\0') && json.isWellFormed()

/** Lists whose key is one text. */
export const byText = <T>(list: string, keyOf: (node: T) => string): Cursors<T, string> => ({
  list,
  keyOf,
  parse: (json) => (isText(json) ? json : null),
})

/** Lists in the order of an instant, then of an id. */
export const byInstant = <T>(
  list: string,
  keyOf: (node: T) => readonly [at: Instant, id: string],
): Cursors<T, readonly [at: Instant, id: string]> => ({
  list,
  keyOf,
  parse: (json) => {
    if (!Array.isArray(json) || json.length !== 2) return null
    const [at, id]: unknown[] = json
    const isInstant = Number.isInteger(at) && Number(at) >= 0 && Number(at) <= LATEST_INSTANT
    return isInstant && isText(id) ? [Number(at), id] : null
  },
})

const cursorOf = (list: string, key: unknown) => Buffer.from(JSON.stringify([list, key])).toString('base64url')

/** @throws BAD_USER_INPUT that names the argument */
export function pageOf<T, Key>(args: Args, cursors: Cursors<T, Key>): Page<Key> & { readonly size: number } {
  const { size, backwards } = lengthOf(args)
  const key = (name: 'after' | 'before') => {
    const text = args[name]
    return typeof text === 'string' ? parseCursor(name, text, cursors) : null
  }
  // One more than the size shows whether there are more.
  return { after: key('after'), before: key('before'), limit: size + 1, backwards, size }
}

/** How many nodes, and from which end. @throws BAD_USER_INPUT that names the argument */
export function lengthOf(
  { first, last }: Args,
  { most, usual }: PageSize = PAGE_SIZE,
): { readonly size: number; readonly backwards: boolean } {
  if (typeof first === 'number' && typeof last === 'number')
    throw badUserInput('first and last cannot be given together.')
  const size = sizeOf('first', first, most) ?? sizeOf('last', last, most) ?? usual
  return { size, backwards: typeof last === 'number' }
}

function sizeOf(name: string, size: number | null | undefined, most: number): number | null {
  if (typeof size !== 'number') return null
  if (size < 0 || size > most) throw badUserInput(`${name} takes 0 to ${most}, not ${size}.`)
  return size
}

function parseCursor<T, Key>(name: string, text: string, { list, parse }: Cursors<T, Key>): Key {
  let key: Key | null = null
  try {
    const [, json]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    key = parse(json)
  } catch {
    // A text without JSON, or with no array, is no cursor of this server.
  }
  // A key has one cursor: a text that its key does not give again is of another list, or made up.
  if (key === null || cursorOf(list, key) !== text) throw badUserInput(`${name} is not a cursor of this list.`)
  return key
}

/** @param found up to `page.limit` nodes, from the end of the range if the page goes backwards */
export function toConnection<T, Key>(
  found: readonly T[],
  page: Page<Key> & { readonly size: number },
  { list, keyOf }: Cursors<T, Key>,
): Connection<T> {
  const more = found.length > page.size
  const nodes = found.slice(0, page.size)
  if (page.backwards) nodes.reverse()
  const own = (node: T) => cursorOf(list, keyOf(node))
  const [first, last] = [nodes[0], nodes.at(-1)]
  return {
    nodes,
    cursorOf: own,
    pageInfo: {
      // On the side that the page came from lies at least the node of its cursor.
      hasNextPage: page.backwards ? page.before !== null : more,
      hasPreviousPage: page.backwards ? more : page.after !== null,
      startCursor: first === undefined ? null : own(first),
      endCursor: last === undefined ? null : own(last),
    },
  }
}
