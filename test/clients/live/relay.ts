import relay from 'relay-runtime'
import type { GraphQLResponse } from 'relay-runtime'
import endOfLog from '../generated/relay/relayOperationsEndQuery.graphql.ts'
import type { relayOperationsEndQuery } from '../generated/relay/relayOperationsEndQuery.graphql.ts'
import events from '../generated/relay/relayOperationsEventsSubscription.graphql.ts'
import type { relayOperationsEventsSubscription } from '../generated/relay/relayOperationsEventsSubscription.graphql.ts'
import vehicles from '../generated/relay/relayOperationsVehiclesQuery.graphql.ts'
import type { relayOperationsVehiclesQuery } from '../generated/relay/relayOperationsVehiclesQuery.graphql.ts'
import type { Token } from '../token.ts'
import { lineOf } from './operations.ts'
import type { Show } from './operations.ts'
import { createResumingClient } from './resuming.ts'

const { createOperationDescriptor, Environment, fetchQuery, getRequest, Network, Observable, RecordSource, Store } =
  relay

/** Shows a list of vehicles that stays right. @returns a function that ends it */
export async function relayList(url: string, token: Token, show: Show): Promise<() => void> {
  const socket = createResumingClient(url, token)
  const environment = new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(
      async ({ text }, variables) => {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${await token()}` },
          body: JSON.stringify({ query: text, variables }),
        })
        return (await response.json()) as GraphQLResponse
      },
      ({ text }, variables) =>
        Observable.create((sink) =>
          socket.subscribe(
            { query: text ?? '', variables },
            { ...sink, next: (result) => sink.next(result as GraphQLResponse) },
          ),
        ),
    ),
  })
  const load = () => fetchQuery<relayOperationsVehiclesQuery>(environment, vehicles, {}).toPromise()

  const log = await fetchQuery<relayOperationsEndQuery>(environment, endOfLog, {}).toPromise()
  await load()
  const known = new Set<string>()
  const tell = (data: unknown) => {
    // A vehicle that was deleted from the store leaves a gap.
    const list = (data as relayOperationsVehiclesQuery['response']).vehicles.nodes.filter((vehicle) => vehicle !== null)
    list.forEach(({ id }) => known.add(id))
    show(list.map((vehicle) => lineOf({ ...vehicle, name: vehicle.name ?? null, sharing: vehicle.sharing ?? null })))
  }
  const operation = createOperationDescriptor(getRequest(vehicles), {})
  const retained = environment.retain(operation)
  const snapshot = environment.lookup(operation.fragment)
  tell(snapshot.data)
  const watched = environment.subscribe(snapshot, ({ data }) => tell(data))
  const following = relay.requestSubscription<relayOperationsEventsSubscription>(environment, {
    subscription: events,
    variables: { after: log?.vehicleEvents.pageInfo.endCursor ?? null },
    updater: (store, data) => {
      if (data?.vehicleEvents.vehicle === null) store.delete(data.vehicleEvents.vehicleId)
    },
    onNext: (data) => {
      const { vehicle, vehicleId } = data?.vehicleEvents ?? {}
      if (vehicle && vehicleId !== undefined && !known.has(vehicleId)) void load()
    },
    onError: (error) => console.error('the list is no longer live:', error),
  })
  return () => {
    following.dispose()
    watched.dispose()
    retained.dispose()
    void socket.dispose()
  }
}
