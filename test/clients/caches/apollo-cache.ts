import { InMemoryCache } from '@apollo/client'
import type { ApolloCache, FieldMergeFunction, FieldPolicy, Reference, TypePolicies } from '@apollo/client'

/**
 * What Apollo's cache has to know of FleetShare, to copy into a project. Types with an `id` need nothing: it is unique and
 * stays. The others belong to an object, and are kept within it.
 *
 * @param possibleTypes as the plugin fragment-matcher of GraphQL Code Generator makes them from the schema
 */
export const createApolloCache = (possibleTypes: Record<string, string[]>): InMemoryCache =>
  new InMemoryCache({ possibleTypes, typePolicies })

/** Removes a vehicle that is deleted or no longer shared; it leaves its lists, too. */
export function forgetVehicle(cache: ApolloCache, id: string): void {
  cache.evict({ id: `Vehicle:${id}` })
  cache.gc()
}

/** An event with `vehicleId` and `vehicle { ... }`: Apollo has stored what is selected of the vehicle. */
export function applyEvent(cache: ApolloCache, event: { readonly vehicleId: string; readonly vehicle: object | null }) {
  if (event.vehicle === null) forgetVehicle(cache, event.vehicleId)
}

/**
 * A reading, a permission or the like, that two queries read in part. Its fields hold together: as long as those that both queries read
 * are equal it is still the same one, and is completed. When one differs it is another one, and nothing of the old one is kept.
 */
const sameOrNext: FieldMergeFunction<Record<string, unknown> | null> = (existing, incoming) => {
  if (!existing || !incoming) return incoming
  const isSame = Object.keys(incoming).every((name) => !(name in existing) || isAlike(existing[name], incoming[name]))
  return isSame ? { ...existing, ...incoming } : incoming
}

/** Whether two scalars, or two lists of them, are equal. */
const isAlike = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** A connection as it is kept: `nodes` are known from `edges`, too. */
type List = {
  readonly nodes?: readonly Reference[]
  readonly edges?: readonly { readonly node: Reference }[]
  readonly pageInfo?: Readonly<Record<string, unknown>>
}

const POSITION = ['first', 'last', 'after', 'before']

/**
 * All pages of a list, as one that grows: of the same arguments, whatever the position. Two lists on a screen that grow apart
 * need a key each: `vehicles(...) @connection(key: "map")`. A page without a cursor, as in a refetch, begins the list anew.
 */
const pages: FieldPolicy<List> = {
  keyArgs: (args) => [...Object.keys(args ?? {}).filter((name) => !POSITION.includes(name)), '@connection', ['key']],
  merge(existing, page, { args }) {
    const incoming = page.edges && !page.nodes ? { ...page, nodes: page.edges.map(({ node }) => node) } : page
    if (!existing) return incoming
    if (args?.['after'] == null && args?.['before'] == null) {
      if (!isEqual(existing.nodes, incoming.nodes)) return incoming
      return { ...existing, ...incoming, pageInfo: { ...existing.pageInfo, ...incoming.pageInfo } }
    }
    const [first, second] = args['after'] == null ? [incoming, existing] : [existing, incoming]
    return {
      ...existing,
      ...incoming,
      ...(incoming.nodes && { nodes: [...(first.nodes ?? []), ...(second.nodes ?? [])] }),
      ...(incoming.edges && { edges: [...(first.edges ?? []), ...(second.edges ?? [])] }),
      pageInfo: {
        ...second.pageInfo,
        ...pick(first.pageInfo, 'hasPreviousPage', 'startCursor'),
        ...pick(second.pageInfo, 'hasNextPage', 'endCursor'),
      },
    }
  },
  // A vehicle that was forgotten leaves its lists.
  read: (list, { canRead }) =>
    list && {
      ...list,
      ...(list.nodes && { nodes: list.nodes.filter((node) => canRead(node)) }),
      ...(list.edges && { edges: list.edges.filter(({ node }) => canRead(node)) }),
    },
}

const isEqual = (some: List['nodes'] = [], others: List['nodes'] = []): boolean =>
  some.length === others.length && some.every((node, index) => node.__ref === others[index]?.__ref)

const pick = (from: List['pageInfo'] = {}, ...names: string[]) =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))

/** A field that reads an object by its id: from the cache, if a list or an event has brought it. */
const byId = (__typename: string): FieldPolicy<Reference | null> => ({
  read: (existing, { args, toReference, canRead }) => {
    if (existing !== undefined) return existing
    const reference = toReference({ __typename, id: args?.['id'] as string })
    return canRead(reference) ? reference : undefined
  },
})

export const typePolicies: TypePolicies = {
  Query: {
    fields: {
      auditTrail: pages,
      commands: pages,
      fleets: pages,
      partnersOf: pages,
      sharingPartners: pages,
      sharings: pages,
      vehicleEvents: pages,
      vehicles: pages,
      command: byId('Command'),
      sharing: byId('Sharing'),
      vehicle: byId('Vehicle'),
    },
  },
  Vehicle: { fields: { sharings: pages } },
  // There is one.
  Viewer: { keyFields: [] },
  CommandDispatch: { keyFields: ['commandId'] },
  // Groups of readings, of which each has its own time, and of permissions.
  VehicleState: { merge: true },
  VehiclePermissions: { merge: true },
  BooleanReading: { merge: sameOrNext },
  CentralLockReading: { merge: sameOrNext },
  FloatReading: { merge: sameOrNext },
  PositionReading: { merge: sameOrNext },
  Idleness: { merge: sameOrNext },
  Permission: { merge: sameOrNext },
  VehicleUse: { merge: sameOrNext },
}
