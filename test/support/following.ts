import { ask, run } from './api.ts'
import { HISTORY } from './sockets.ts'

/**
 * A place in the log with one event of the token's fleet behind it, the creation of `vehicleId`: who follows from there
 * gets that event, and knows by it that the stream is open.
 */
export async function placeBefore(url: string, token: string): Promise<{ after: string; vehicleId: string }> {
  const create = async () => (await run(url, token, 'createVehicle', {})).vehicle.id as string
  const earlier = await create()
  const { vehicleEvents } = await ask(url, token, HISTORY, { filter: { vehicleIds: [earlier] } })
  return { after: vehicleEvents.pageInfo.endCursor, vehicleId: await create() }
}
