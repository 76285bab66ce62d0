import type { Answer, Variables } from '../support/api.ts'
import { LATER, SOON } from './scene.ts'
import type { Scene, Standing } from './scene.ts'

/** An operation for a line of the table. What it is asked with is one text for all, so that it has come before. */
export type Asked = {
  readonly query: string
  readonly variables: (standing: Standing, scene: Scene) => Variables
  /** The word of the table for what came; for one of the vehicles of a list, whether it is the one. */
  readonly told: (data: Answer['data'], standing: Standing) => string
  /** What is done is done for good, so it is done to a spare vehicle. */
  readonly spends?: boolean
}

const LONG = 'x'.repeat(201)
const LETTERS: Readonly<Record<string, string>> = {
  VEHICLE_CHANGED: 'V',
  SHARING_SCHEDULED: 'P',
  SHARING_STARTED: 'S',
  STATE_RECORDED: 'R',
  COMMAND_UPDATED: 'C',
  SHARING_END_REQUESTED: 'Q',
  SHARING_ENDED: 'E',
}

const yes = (found: unknown) => (found === null || found === undefined || found === false ? 'no' : 'yes')
const many = (nodes: readonly unknown[]) => (nodes.length === 0 ? 'no' : `${nodes.length}`)

const vehicle = (selection: string, told: (vehicle: Answer['data']) => string): Asked => ({
  query: `query ($id: ID!) { vehicle(id: $id) { ${selection} } }`,
  variables: (standing) => ({ id: standing.vehicle }),
  told: (data) => (data.vehicle === null ? 'no' : told(data.vehicle)),
})

const sharing = (selection: string, told: (sharing: Answer['data']) => unknown): Asked => ({
  query: `query ($id: ID!) { sharing(id: $id) { ${selection} } }`,
  variables: (standing) => ({ id: standing.sharing }),
  told: (data) => yes(data.sharing && told(data.sharing)),
})

const log = (selection: string, told: (nodes: Answer['data'][]) => string): Asked => ({
  query: `query ($ids: [ID!]) { vehicleEvents(filter: { vehicleIds: $ids }) { nodes { ${selection} } } }`,
  variables: (standing) => ({ ids: [standing.vehicle] }),
  told: (data) => told(data.vehicleEvents.nodes),
})

type Input = (standing: Standing, scene: Scene) => Variables

function mutation(field: string, type: string, input: Input, spends = false): Asked {
  return {
    query: `mutation ($input: ${type}!) { ${field}(input: $input) { __typename ... on UserError { code } } }`,
    variables: (standing, scene) => ({ input: input(standing, scene) }),
    told: (data) => data[field].code ?? 'yes',
    spends,
  }
}

const start =
  (more: Variables): Input =>
  ({ vehicle: vehicleId }, { partner: fleetId }) => ({ vehicleId, fleetId, ...more })
const order =
  (type: string): Input =>
  ({ vehicle: vehicleId }) => ({ vehicleId, type, timeoutSeconds: 0 })

export const OPERATIONS: Readonly<Record<string, Asked>> = {
  viewer: { query: '{ viewer { roles } }', variables: () => ({}), told: (data) => yes(data.viewer) },
  vehicle: vehicle('id', yes),
  'vehicle.sharing': vehicle('sharing { id }', (found) => yes(found.sharing)),
  'vehicle.sharings': vehicle('sharings { nodes { id } }', (found) => many(found.sharings.nodes)),
  vehicles: {
    query: '{ vehicles(first: 100) { nodes { id } } }',
    variables: () => ({}),
    told: (data, standing) => yes(data.vehicles.nodes.some(({ id }: { id: string }) => id === standing.vehicle)),
  },
  sharingPartners: {
    query: '{ sharingPartners { nodes { id } } }',
    variables: () => ({}),
    told: (data) => yes(data.sharingPartners.nodes.length > 0),
  },
  sharing: sharing('id', (found) => found),
  'sharing.vehicle': sharing('vehicle { id }', (found) => found.vehicle),
  sharings: {
    query: 'query ($id: ID) { sharings(filter: { vehicleId: $id }) { nodes { id } } }',
    variables: (standing) => ({ id: standing.vehicle }),
    told: (data) => many(data.sharings.nodes),
  },
  command: {
    query: 'query ($id: ID!) { command(id: $id) { id } }',
    variables: (standing) => ({ id: standing.command }),
    told: (data) => yes(data.command),
  },
  commands: {
    query: 'query ($id: ID) { commands(filter: { vehicleId: $id }) { nodes { id } } }',
    variables: (standing) => ({ id: standing.vehicle }),
    told: (data, standing) => yes(data.commands.nodes.some(({ id }: { id: string }) => id === standing.command)),
  },
  node: {
    query: 'query ($id: ID!) { node(id: $id) { id } }',
    variables: (standing) => ({ id: standing.vehicle }),
    told: (data) => yes(data.node),
  },
  vehicleEvents: log('type', (nodes) => nodes.map(({ type }) => LETTERS[type] ?? type).join('') || 'no'),
  'vehicleEvents.vehicle': log('vehicle { id }', (nodes) => yes(nodes[0]?.vehicle)),
  auditTrail: {
    // The oldest, for every refusal of these tests comes on top.
    query: 'query ($id: ID) { auditTrail(last: 100, filter: { vehicleId: $id }) { nodes { refusal } } }',
    variables: (standing) => ({ id: standing.vehicle }),
    told: (data) => many(data.auditTrail.nodes.filter(({ refusal }: { refusal: unknown }) => refusal === null)),
  },
  fleets: {
    query: '{ fleets { nodes { id } } }',
    variables: () => ({}),
    told: (data) => yes(data.fleets.nodes.length > 0),
  },
  partnersOf: {
    query: 'query ($id: ID!) { partnersOf(fleetId: $id) { nodes { id } } }',
    variables: (standing) => ({ id: standing.fleet }),
    told: (data) => yes(data.partnersOf.nodes.length > 0),
  },
  'startSharing:open': mutation('startSharing', 'StartSharingInput', start({}), true),
  startSharing: mutation('startSharing', 'StartSharingInput', start({ endsAt: SOON }), true),
  'startSharing:later': mutation('startSharing', 'StartSharingInput', start({ startsAt: LATER, allowedCommands: [] })),
  updateSharingEnd: mutation('updateSharingEnd', 'UpdateSharingEndInput', ({ vehicle: vehicleId, endsAt }) => ({
    vehicleId,
    endsAt,
  })),
  'updateSharingEnd:named': mutation(
    'updateSharingEnd',
    'UpdateSharingEndInput',
    ({ vehicle: vehicleId, sharing: sharingId, endsAt }) => ({ vehicleId, sharingId, endsAt }),
  ),
  endSharing: mutation('endSharing', 'EndSharingInput', ({ vehicle: vehicleId }) => ({ vehicleId, when: 'WHEN_IDLE' })),
  'endSharing:named': mutation(
    'endSharing',
    'EndSharingInput',
    ({ vehicle: vehicleId, sharing: sharingId }) => ({ vehicleId, sharingId, when: 'WHEN_IDLE' }),
    true,
  ),
  sendCommand: mutation('sendCommand', 'SendCommandInput', order('LOCK_CENTRAL_LOCK')),
  'sendCommand:uncovered': mutation('sendCommand', 'SendCommandInput', order('DRAW_ATTENTION')),
  setVehicleUse: mutation('setVehicleUse', 'SetVehicleUseInput', ({ vehicle: vehicleId }) => ({
    vehicleId,
    inUse: false,
    reference: LONG,
  })),
  createVehicle: mutation('createVehicle', 'CreateVehicleInput', () => ({ name: LONG })),
  updateVehicle: mutation('updateVehicle', 'UpdateVehicleInput', ({ vehicle: id }) => ({ id, name: LONG })),
  deleteVehicle: mutation('deleteVehicle', 'DeleteVehicleInput', ({ vehicle: id }) => ({ id }), true),
  reportVehicleStates: mutation('reportVehicleStates', 'ReportVehicleStatesInput', () => ({ reports: [] })),
  reportCommandOutcome: mutation('reportCommandOutcome', 'ReportCommandOutcomeInput', ({ fleet: commandId }) => ({
    commandId,
    outcome: 'FAILED',
  })),
  createFleet: mutation('createFleet', 'CreateFleetInput', () => ({ name: '' })),
  registerPartnership: mutation('registerPartnership', 'PartnershipInput', ({ fleet }) => ({
    fleetIds: [fleet, fleet],
  })),
  endPartnership: mutation('endPartnership', 'PartnershipInput', ({ fleet }) => ({ fleetIds: [fleet, fleet] })),
  revokeTokens: mutation('revokeTokens', 'RevokeTokensInput', ({ fleet: fleetId }) => ({ fleetId, subject: LONG })),
  'on:vehicleEvents': {
    query: `subscription ($after: String, $ids: [ID!]) {
      vehicleEvents(after: $after, filter: { vehicleIds: $ids }) { vehicleId } }`,
    // What follows in the log is the bystander's, so that something comes for everybody.
    variables: (standing, { start: after }) => ({ after, ids: [standing.vehicle, standing.bystander] }),
    told: (data, standing) => yes(data.vehicleEvents.vehicleId === standing.vehicle),
  },
  'on:commandDispatches': {
    query: 'subscription ($ids: [ID!]) { commandDispatches(vehicleIds: $ids) { vehicleId } }',
    variables: (standing) => ({ ids: [standing.vehicle] }),
    told: (data) => yes(data.commandDispatches),
    spends: true,
  },
}
