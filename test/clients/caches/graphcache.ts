import type { Cache, CacheExchangeOpts, Resolver, UpdateResolver } from '@urql/exchange-graphcache'
import { relayPagination } from '@urql/exchange-graphcache/extras'

type Introspection = NonNullable<CacheExchangeOpts['schema']>

/**
 * What urql's graphcache has to know of FleetShare, to copy into a project: `cacheExchange(graphcacheOptions(schema))`.
 *
 * @param schema the answer to an introspection query, as for graphcache's own `schema`
 */
export const graphcacheOptions = (schema: Introspection): CacheExchangeOpts => ({
  schema,
  keys: {
    // Objects without an id belong to the one that they are a field of, and graphcache keeps them, field by field, with it.
    ...Object.fromEntries(typesWithoutId(schema).map((name) => [name, () => null])),
    Viewer: () => 'viewer',
    CommandDispatch: ({ commandId }) => commandId as string,
  },
  resolvers: {
    Query: {
      ...Object.fromEntries(LISTS.map((name) => [name, relayPagination()])),
      command: byId('Command'),
      sharing: byId('Sharing'),
      vehicle: byId('Vehicle'),
    },
    Vehicle: { sharings: relayPagination() },
  },
  updates: {
    Mutation: {
      createVehicle: (_result, _args, cache) => forgetLists(cache, 'vehicles'),
      startSharing: (_result, _args, cache) => forgetLists(cache, 'sharings'),
      deleteVehicle: ifDone('DeleteVehicleSuccess', (cache, { id }) => forgetVehicle(cache, id as string)),
    },
    Subscription: {
      /** Of a document that asks for `vehicleId` and `vehicle { ... }`. */
      vehicleEvents: ({ vehicleEvents: event }, _args, cache) => {
        const { vehicle, vehicleId } = event as unknown as { vehicle?: object | null; vehicleId?: string }
        if (vehicle === null && vehicleId !== undefined) forgetVehicle(cache, vehicleId)
      },
    },
  },
})

const LISTS = [
  'auditTrail',
  'commands',
  'fleets',
  'partnersOf',
  'sharingPartners',
  'sharings',
  'vehicleEvents',
  'vehicles',
]

function typesWithoutId({ __schema }: Introspection): string[] {
  const roots = [__schema.queryType, __schema.mutationType, __schema.subscriptionType].map((type) => type?.name)
  return (__schema.types ?? []).flatMap((type) => {
    const isPart =
      type.kind === 'OBJECT' &&
      !roots.includes(type.name) &&
      !type.fields.some(({ name }: { readonly name: string }) => name === 'id')
    return isPart ? [type.name] : []
  })
}

/** A field that reads an object by its id: from the cache, if a list or an event has brought it. */
const byId =
  (__typename: string): Resolver =>
  (_parent, args, cache, { fieldName }) => {
    const { id } = args as { id: string }
    const known = cache.resolve('Query', fieldName, { id })
    return known === undefined ? { __typename, id } : known
  }

const ifDone =
  (typename: string, update: (cache: Cache, result: Readonly<Record<string, unknown>>) => void): UpdateResolver =>
  (answer, _args, cache, { fieldName }) => {
    const result = answer[fieldName] as Readonly<Record<string, unknown>> | null
    if (result?.['__typename'] === typename) update(cache, result)
  }

/** A vehicle that is deleted or no longer shared. Lists that have it are asked for again. */
const forgetVehicle = (cache: Cache, id: string): void => cache.invalidate({ __typename: 'Vehicle', id })

function forgetLists(cache: Cache, name: string): void {
  for (const { fieldName, arguments: args } of cache.inspectFields('Query')) {
    if (fieldName === name) cache.invalidate('Query', fieldName, args)
  }
}
