import { Client, fetchExchange } from '@urql/core'
import type { TadaDocumentNode } from 'gql.tada'
import { VEHICLE_EVENT_TYPES } from '../../domain/log/event.ts'
import { EventHistoryQuery, VehiclesQuery } from './documents.ts'
import type { Event, Vehicle } from './documents.ts'

/**
 * The types of past events that are loaded. Readings are left out: they are too many, and vehicles have the latest
 * ones.
 */
const HISTORY_TYPES = VEHICLE_EVENT_TYPES.filter((type) => type !== 'STATE_RECORDED')
/** A limit for one load. Pages have up to 100 vehicles or 500 events. */
const MAX_PAGES = 10

/** `hasMore` tells that the fleet sees more vehicles than these first ones. */
export type VehicleList = { readonly vehicles: readonly Vehicle[]; readonly hasMore: boolean }

/** A client without a cache: events tell when data has to be loaded again. */
export const createApi = (token: string): Client =>
  new Client({
    url: '/graphql',
    exchanges: [fetchExchange],
    preferGetMethod: false,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
  })

/** @throws an Error whose message can be shown to users */
export async function query<Result, Variables extends object>(
  api: Client,
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const { data, error } = await api.query<Result, object>(document, variables).toPromise()
  if (error) throw new Error(error.graphQLErrors[0]?.message ?? 'The server cannot be reached.')
  if (data === undefined) throw new Error('The server did not answer.')
  return data
}

/** A mutation of this page: each has one field, with the alias `result`. */
export type Mutation<Input> = TadaDocumentNode<{ readonly result: object | null }, { input: Input }>

/** @returns null on success, else the message to show, whether the failure was expected or not */
export async function mutate<Input>(api: Client, document: Mutation<Input>, input: Input): Promise<string | null> {
  const { data, error } = await api.mutation(document, { input }).toPromise()
  if (!data?.result) return error?.graphQLErrors[0]?.message ?? 'The server cannot be reached.'
  return isUserError(data.result) ? `${data.result.message} (${data.result.code})` : null
}

const isUserError = (result: object): result is { readonly code: string; readonly message: string } => 'code' in result

/** The vehicles that the fleet sees, up to MAX_PAGES pages of them. */
export async function fetchVehicles(api: Client): Promise<VehicleList> {
  const found: Vehicle[] = []
  let after: string | null = null
  for (let page = 0; page < MAX_PAGES; page++) {
    const { vehicles }: { vehicles: VehiclePage } = await query(api, VehiclesQuery, { after })
    found.push(...vehicles.nodes)
    if (!vehicles.pageInfo.hasNextPage) return { vehicles: found, hasMore: false }
    after = vehicles.pageInfo.endCursor
  }
  return { vehicles: found, hasMore: true }
}

type PageInfo = { readonly hasNextPage: boolean; readonly endCursor: string | null }
type VehiclePage = { readonly nodes: readonly Vehicle[]; readonly pageInfo: PageInfo }
type EventPage = { readonly nodes: readonly Event[]; readonly pageInfo: PageInfo }

/** The fleet's past events, oldest first, and the cursor of the last event read, from which a subscription goes on. */
export async function fetchHistory(api: Client): Promise<{ readonly events: Event[]; readonly cursor: string | null }> {
  let events: Event[] = []
  let cursor: string | null = null
  for (let page = 0; page < MAX_PAGES; page++) {
    const variables: { after: string | null; types: typeof HISTORY_TYPES } = { after: cursor, types: HISTORY_TYPES }
    const { vehicleEvents }: { vehicleEvents: EventPage } = await query(api, EventHistoryQuery, variables)
    events = [...events, ...vehicleEvents.nodes]
    cursor = vehicleEvents.pageInfo.endCursor
    if (!vehicleEvents.pageInfo.hasNextPage) break
  }
  return { events, cursor }
}
