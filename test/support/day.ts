import { expect } from 'vitest'
import { fleetId, ownerOf, partnerOf, vehicleId } from '../bench/data.ts'
import { ask, run } from './api.ts'
import { commandDispatches, endSharing, outcome, readCommand, report, reportAt, sendCommand } from './gateway.ts'
import type { TestServer } from './server.ts'
import { FOLLOW, subscribe } from './sockets.ts'
import { HOUR, iso } from './world.ts'

const SHARING = 'id partner { name } vehicle { id } handover { speedKmh { value } } returned { speedKmh { value } }'
const VEHICLE = `id fleet { name } state { ignition { value } } viewerCan { delete { code } }
  sharing { ${SHARING} } sharings(first: 2) { nodes { id } pageInfo { endCursor startCursor } }`
const IN_EITHER_DIRECTION = ['first', 'last']
const RELATIONS = ['OWNED', 'SHARED_OUT', 'SHARED_IN']
const LISTS = [
  ...IN_EITHER_DIRECTION.flatMap((from) => [
    `{ vehicles(${from}: 3) { nodes { ${VEHICLE} } pageInfo { endCursor } } }`,
    ...RELATIONS.map((relation) => `{ vehicles(${from}: 3, filter: { relation: ${relation} }) { nodes { id } } }`),
    `{ vehicles(${from}: 3, filter: { ids: ["V", "W"] }) { nodes { id } } }`,
    `{ sharings(${from}: 3) { nodes { ${SHARING} } } }`,
    `{ sharings(${from}: 3, filter: { phase: ACTIVE, status: SHARED_OWN_VEHICLE }) { nodes { id } } }`,
    `{ sharings(${from}: 3, filter: { vehicleId: "V" }) { nodes { id } } }`,
    `{ sharingPartners(${from}: 3) { nodes { id } } viewer { fleet { name } } }`,
    `{ auditTrail(${from}: 3) { nodes { action } } }`,
    `{ auditTrail(${from}: 3, filter: { vehicleId: "V" }) { nodes { action } } }`,
  ]),
  '{ vehicleEvents(first: 3) { nodes { cursor vehicle { id } } pageInfo { endCursor } } }',
]
const EVENT_FILTERS = [
  {},
  { types: ['SHARING_STARTED', 'SHARING_ENDED'] },
  { types: ['STATE_RECORDED'] },
  { vehicleIds: ['V'] },
  { vehicleIds: Array.from({ length: 200 }, (_, number) => vehicleId(number)) },
]

/** Everything that fleets, gateways and administrators do all day, in the world of bench/data.ts. */
export async function aDay(server: TestServer): Promise<void> {
  const { url, token } = server
  const number = 1
  const [id, owner, partner] = [vehicleId(number), fleetId(ownerOf(number)), fleetId(ownerOf(number) + 1)]
  expect(partnerOf(number)).toBeNull()
  const as = await token(owner, 'manager')
  const gateway = await token(null, 'gateway')
  const place = await read(server, as)
  const follower = await subscribe(url, as, FOLLOW, { after: place })
  const dispatches = await commandDispatches(url, gateway)
  await report(url, gateway, [reportAt(id, 'plans', Date.now(), { speedKmh: 3 })])
  // The same once more, and what cannot be taken.
  await report(url, gateway, [reportAt(id, 'plans', Date.now(), { energyPercent: 130 })])
  await run(url, as, 'startSharing', { vehicleId: id, fleetId: partner, idempotencyKey: 'plans' })
  await run(url, as, 'startSharing', { vehicleId: id, fleetId: partner, idempotencyKey: 'plans' })
  await run(url, as, 'updateSharingEnd', { vehicleId: id, endsAt: iso(Date.now() + HOUR) })
  await endSharing(url, as, { vehicleId: id, when: 'WHEN_IDLE' })
  await report(url, gateway, [
    reportAt(id, 'idle', Date.now(), { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }),
  ])
  await run(url, as, 'startSharing', { vehicleId: id, fleetId: partner, startsAt: iso(Date.now() + HOUR) })
  await run(url, as, 'updateVehicle', { id, name: 'Planned' })
  // Refused: the partner does not see it.
  await run(url, await token(partner, 'manager'), 'updateVehicle', { id, name: 'Refused' })
  const created = await run(url, as, 'createVehicle', {})
  await run(url, as, 'deleteVehicle', { id: created.vehicle.id })
  await sendCommand(url, as, { vehicleId: id, type: 'DRAW_ATTENTION' })
  const [{ data }] = await dispatches.received(1)
  const { commandId } = data.commandDispatches
  await outcome(url, gateway, { commandId, outcome: 'SUCCEEDED' })
  await readCommand(url, as, commandId)
  dispatches.stop()
  follower.stop()
  await administer(server)
}

/** @returns a place in the log */
async function read({ url, token }: TestServer, as: string): Promise<string> {
  for (const list of LISTS) await ask(url, as, list)
  const { vehicles } = await ask(url, as, LISTS[0] ?? '')
  const more = `query ($after: String, $of: String) { vehicles(after: $after) {
    nodes { id older: sharings(first: 2, after: $of) { nodes { id } } newer: sharings(last: 2, before: $of) { nodes { id } } } } }`
  const of = vehicles.nodes[0].sharings.pageInfo.endCursor
  await ask(url, as, more, { after: vehicles.pageInfo.endCursor, of })
  const { sharings } = await ask(url, as, '{ sharings(first: 1) { nodes { id } pageInfo { endCursor } } }')
  await ask(url, as, 'query ($after: String) { sharings(first: 2, after: $after) { nodes { id } } }', {
    after: sharings.pageInfo.endCursor,
  })
  await ask(url, as, 'query ($id: ID!) { sharing(id: $id) { id } vehicle(id: $id) { id } }', {
    id: sharings.nodes[0].id,
  })
  const { vehicleEvents } = await ask(url, as, LISTS.at(-1) ?? '')
  const after = vehicleEvents.pageInfo.endCursor as string
  const history = `query ($filter: VehicleEventFilter, $after: String) {
    vehicleEvents(first: 500, filter: $filter, after: $after) { nodes { id } } }`
  for (const filter of EVENT_FILTERS) {
    await ask(url, as, history, { filter })
    await ask(url, as, history, { filter, after })
    const following = await subscribe(url, await token(fleetId(0), 'viewer'), FOLLOW, { after, filter })
    following.stop()
  }
  return after
}

async function administer({ url, token }: TestServer): Promise<void> {
  const admin = await token(null, 'admin')
  for (const from of IN_EITHER_DIRECTION) await ask(url, admin, `{ fleets(${from}: 3) { nodes { id } } }`)
  const { fleet } = await run(url, admin, 'createFleet', { name: 'New' })
  const fleetIds = [fleet.id, fleetId(1)]
  await run(url, admin, 'registerPartnership', { fleetIds })
  await run(url, admin, 'endPartnership', { fleetIds })
  const revoke = 'mutation ($input: RevokeTokensInput!) { revokeTokens(input: $input) { __typename } }'
  await ask(url, admin, revoke, { input: { fleetId: fleet.id } })
}
