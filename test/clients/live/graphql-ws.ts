import { print } from 'graphql'
import type { ResultOf } from 'gql.tada'
import type { Token } from '../token.ts'
import { EndOfLog, Events, lineOf, Vehicles } from './operations.ts'
import type { Show } from './operations.ts'
import { createResumingClient } from './resuming.ts'

/** Shows a list of vehicles that stays right, over one WebSocket and without a cache. @returns a function that ends it */
export async function plainList(url: string, token: Token, show: Show): Promise<() => void> {
  const client = createResumingClient(url, token)
  async function ask<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    for await (const { data, errors } of client.iterate<Data>({ query, variables })) {
      if (data) return data
      throw new Error(JSON.stringify(errors))
    }
    throw new Error('there is no answer')
  }

  const { vehicleEvents } = await ask<ResultOf<typeof EndOfLog>>(print(EndOfLog))
  const vehicles = new Map<string, Parameters<typeof lineOf>[0]>()
  let after: string | null = null
  do {
    const page: ResultOf<typeof Vehicles> = await ask(print(Vehicles), { after })
    for (const vehicle of page.vehicles.nodes) vehicles.set(vehicle.id, vehicle)
    after = page.vehicles.pageInfo.hasNextPage ? page.vehicles.pageInfo.endCursor : null
  } while (after !== null)
  const tell = () => show(Array.from(vehicles.values(), lineOf))
  tell()
  const variables = { after: vehicleEvents.pageInfo.endCursor }
  client.subscribe<ResultOf<typeof Events>>(
    { query: print(Events), variables },
    {
      next: ({ data }) => {
        if (!data) return
        const { vehicle, vehicleId } = data.vehicleEvents
        if (vehicle) vehicles.set(vehicleId, vehicle)
        else vehicles.delete(vehicleId)
        tell()
      },
      error: (error) => console.error('the list is no longer live:', error),
      complete: () => {},
    },
  )
  return () => void client.dispose()
}
