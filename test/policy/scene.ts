import { ask, run } from '../support/api.ts'
import { endSharing, report, reportAt, sendCommand } from '../support/gateway.ts'
import type { TestServer } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { iso, makeWorld } from '../support/world.ts'
import type { Relation } from './table.ts'

const DAY = 24 * 3_600_000
/** Before what is planned in the scene, and after all of that. */
export const SOON = iso(Date.now() + DAY / 24)
export const LATER = iso(Date.now() + 30 * DAY)
const UNKNOWN = 'c0ffee00-0000-4000-8000-000000000000'

/** A fleet and the vehicle that it asks about, with what there is of that vehicle. */
export type Standing = {
  readonly fleet: string
  readonly vehicle: string
  readonly sharing: string
  /** As it is already, so that it may be moved there. */
  readonly endsAt: string
  readonly command: string
  /** A vehicle of that fleet's own that nothing happens to any more. */
  readonly bystander: string
}

export type Scene = {
  readonly standings: Readonly<Record<Relation, Standing>>
  /** The partner that a vehicle would be lent to. */
  readonly partner: string
  /** A place in the log before all of this. */
  readonly start: string
  /** Another of the owner's, to be spent: with a command that waits, and on wish lent to the partner from tomorrow on. */
  readonly spare: (planned: boolean) => Promise<Pick<Standing, 'vehicle' | 'sharing'>>
}

/** One vehicle for each relation, over the API. Each event that is expected of them is written here, by name in the table. */
export async function makeScene(server: TestServer): Promise<Scene> {
  const { url } = server
  const { owner, partner, stranger, as, newVehicle } = await makeWorld(server)
  const earlier = (await run(url, as.admin, 'createFleet', { name: 'Earlier' })).fleet.id as string
  await run(url, as.admin, 'registerPartnership', { fleetIds: [owner, earlier] })
  const asEarlier = await server.token(earlier, 'manager')
  const gateway = await server.token(null, 'gateway')
  await newVehicle()
  const { vehicleEvents } = await ask(url, as.owner, HISTORY, { first: 1 })

  const lend = async (vehicleId: string, fleetId: string, more: object = {}) =>
    (await run(url, as.owner, 'startSharing', { vehicleId, fleetId, ...more })).sharing.id as string
  const order = async (token: string, vehicleId: string) =>
    (await sendCommand(url, token, { vehicleId, type: 'LOCK_CENTRAL_LOCK', timeoutSeconds: 300 })).command.id as string
  const [tomorrow, later] = [iso(Date.now() + DAY), iso(Date.now() + 2 * DAY)]

  const own = await newVehicle()
  const ownCommand = await order(as.owner, own)

  const lent = await newVehicle()
  await lend(lent, earlier)
  await run(url, as.owner, 'endSharing', { vehicleId: lent })
  const allowedCommands = ['LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK']
  const lentSharing = await lend(lent, partner, { endsAt: later, allowedCommands })
  await report(url, gateway, [reportAt(lent, 'moves', Date.now(), { speedKmh: 30 })])
  const lentCommand = await order(as.partner, lent)
  await endSharing(url, as.owner, { vehicleId: lent, when: 'WHEN_IDLE' })

  const planned = await newVehicle()
  const plan = { startsAt: tomorrow, endsAt: later }
  const plannedSharing = await lend(planned, partner, plan)
  const plannedCommand = await order(as.owner, planned)

  const ended = await newVehicle()
  const endedSharing = await lend(ended, partner)
  const endedCommand = await order(as.partner, ended)
  await run(url, as.partner, 'endSharing', { vehicleId: ended })

  const bystanders = new Map<string, string>()
  const tokens = { [owner]: as.owner, [partner]: as.partner, [stranger]: as.stranger, [earlier]: asEarlier }
  for (const [fleet, token] of Object.entries(tokens))
    bystanders.set(fleet, (await run(url, token, 'createVehicle', {})).vehicle.id as string)
  const standing = (fleet: string, vehicle: string, sharing: string, command: string): Standing => ({
    fleet,
    vehicle,
    sharing,
    command,
    endsAt: later,
    bystander: bystanders.get(fleet) ?? '',
  })
  return {
    partner,
    start: vehicleEvents.pageInfo.endCursor,
    standings: {
      own: standing(owner, own, UNKNOWN, ownCommand),
      lent: standing(owner, lent, lentSharing, lentCommand),
      planned: standing(owner, planned, plannedSharing, plannedCommand),
      partner: standing(partner, lent, lentSharing, lentCommand),
      ahead: standing(partner, planned, plannedSharing, plannedCommand),
      former: standing(partner, ended, endedSharing, endedCommand),
      passed: standing(earlier, lent, lentSharing, lentCommand),
      stranger: standing(stranger, lent, lentSharing, lentCommand),
    },
    spare: async (isPlanned) => {
      const vehicle = await newVehicle()
      await order(as.owner, vehicle)
      return { vehicle, sharing: isPlanned ? await lend(vehicle, partner, plan) : UNKNOWN }
    },
  }
}
