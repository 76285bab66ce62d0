import { Client, fetchExchange } from '@urql/core'
import type { TadaDocumentNode } from 'gql.tada'
import { VEHICLE_EVENT_TYPES } from '../../domain/log/event.ts'
import { History, Vehicles } from './documents.ts'
import type { Event, Vehicle } from './documents.ts'

/** Of the history that is read at the start: what changes control. Readings are too many, and the vehicles have the last. */
const TOLD = VEHICLE_EVENT_TYPES.filter((type) => type !== 'STATE_RECORDED')
/** Pages of 100 vehicles and of 500 events, at most. */
const MOST_PAGES = 10

/** `hasMore`: these are the first of them. */
export type VehiclesSeen = { readonly vehicles: readonly Vehicle[]; readonly hasMore: boolean }

/** Without a cache: the events say when to ask again. */
export const createApi = (token: string): Client =>
  new Client({
    url: '/graphql',
    exchanges: [fetchExchange],
    preferGetMethod: false,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
  })

/** @throws an error that can be shown */
export async function ask<Result, Variables extends object>(
  api: Client,
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const { data, error } = await api.query<Result, object>(document, variables).toPromise()
  if (error) throw new Error(error.graphQLErrors[0]?.message ?? 'The server cannot be reached.')
  if (data === undefined) throw new Error('The server did not answer.')
  return data
}

/** Every mutation here calls its union `result`. */
export type Mutation<Input> = TadaDocumentNode<{ readonly result: object }, { input: Input }>

/** @returns null when it was done, else why not: expected or not */
export async function act<Input>(api: Client, document: Mutation<Input>, input: Input): Promise<string | null> {
  const { data, error } = await api.mutation(document, { input }).toPromise()
  if (!data) return error?.graphQLErrors[0]?.message ?? 'The server cannot be reached.'
  return isRefusal(data.result) ? `${data.result.message} (${data.result.code})` : null
}

const isRefusal = (result: object): result is { readonly code: string; readonly message: string } => 'code' in result

export async function allVehicles(api: Client): Promise<VehiclesSeen> {
  const found: Vehicle[] = []
  let after: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const { vehicles }: { vehicles: VehiclePage } = await ask(api, Vehicles, { after })
    found.push(...vehicles.nodes)
    if (!vehicles.pageInfo.hasNextPage) return { vehicles: found, hasMore: false }
    after = vehicles.pageInfo.endCursor
  }
  return { vehicles: found, hasMore: true }
}

type PageInfo = { readonly hasNextPage: boolean; readonly endCursor: string | null }
type VehiclePage = { readonly nodes: readonly Vehicle[]; readonly pageInfo: PageInfo }
type EventPage = { readonly nodes: readonly Event[]; readonly pageInfo: PageInfo }

/** What was told so far, oldest first, and the place in the log behind it. */
export async function historyOf(api: Client): Promise<{ readonly events: Event[]; readonly cursor: string | null }> {
  let events: Event[] = []
  let cursor: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const { vehicleEvents }: { vehicleEvents: EventPage } = await ask(api, History, { after: cursor, types: TOLD })
    events = [...events, ...vehicleEvents.nodes]
    cursor = vehicleEvents.pageInfo.endCursor
    if (!vehicleEvents.pageInfo.hasNextPage) break
  }
  return { events, cursor }
}
