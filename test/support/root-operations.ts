import type { Variables } from './api.ts'
import { inHours } from './world.ts'

/** What there is to ask about: a fleet, its partner, and a vehicle, a sharing and a command of theirs. */
export type Subjects = Readonly<Record<'owner' | 'partner' | 'stranger' | 'vehicle' | 'sharing' | 'command', string>>

/** An operation that asks the database for something, and who may ask. */
export type RootOperation = {
  readonly by: 'owner' | 'admin' | 'gateway'
  readonly query: string
  readonly variables?: (subjects: Subjects) => Variables
}

const mutation = (
  by: RootOperation['by'],
  name: string,
  type: string,
  input: (subjects: Subjects) => Variables,
): RootOperation => ({
  by,
  query: `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on UserError { code message } } }`,
  variables: (subjects) => ({ input: input(subjects) }),
})

const page = 'nodes { id }'
const partners = ({ owner, stranger }: Subjects) => ({ fleetIds: [owner, stranger] })

/** One for each field of the schema's roots, by its name. */
export const ROOT_OPERATIONS: Readonly<Record<string, RootOperation>> = {
  viewer: { by: 'owner', query: '{ viewer { fleet { name } } }' },
  vehicle: {
    by: 'owner',
    query:
      'query ($id: ID!) { vehicle(id: $id) { id state { speedKmh { value } } fleet { name } sharings { nodes { id } } } }',
    variables: ({ vehicle: id }) => ({ id }),
  },
  vehicles: { by: 'owner', query: `{ vehicles { ${page} } }` },
  'vehicles that are searched': {
    by: 'owner',
    query: '{ vehicles(filter: { search: "new" }, orderBy: NAME) { totalCount nodes { id } } }',
  },
  sharingPartners: { by: 'owner', query: `{ sharingPartners { ${page} } }` },
  sharing: {
    by: 'owner',
    query: 'query ($id: ID!) { sharing(id: $id) { id vehicle { id } } }',
    variables: ({ sharing: id }) => ({ id }),
  },
  sharings: { by: 'owner', query: `{ sharings { ${page} } }` },
  command: {
    by: 'owner',
    query: 'query ($id: ID!) { command(id: $id) { id } }',
    variables: ({ command: id }) => ({ id }),
  },
  node: {
    by: 'owner',
    query: 'query ($id: ID!) { node(id: $id) { id ... on Vehicle { name } } }',
    variables: ({ vehicle: id }) => ({ id }),
  },
  commands: { by: 'owner', query: `{ commands { ${page} } }` },
  'vehicleEvents of the past': { by: 'owner', query: '{ vehicleEvents { nodes { type } } }' },
  auditTrail: { by: 'owner', query: '{ auditTrail { nodes { action } } }' },
  fleets: { by: 'admin', query: `{ fleets { ${page} } }` },
  partnersOf: {
    by: 'admin',
    query: `query ($id: ID!) { partnersOf(fleetId: $id) { ${page} } }`,
    variables: ({ owner: id }) => ({ id }),
  },
  createVehicle: mutation('owner', 'createVehicle', 'CreateVehicleInput', () => ({ name: 'new' })),
  updateVehicle: mutation('owner', 'updateVehicle', 'UpdateVehicleInput', ({ vehicle: id }) => ({ id, name: 'other' })),
  setVehicleUse: mutation('owner', 'setVehicleUse', 'SetVehicleUseInput', ({ vehicle: vehicleId }) => ({
    vehicleId,
    inUse: true,
  })),
  deleteVehicle: mutation('owner', 'deleteVehicle', 'DeleteVehicleInput', ({ vehicle: id }) => ({ id })),
  startSharing: mutation('owner', 'startSharing', 'StartSharingInput', ({ vehicle: vehicleId, partner: fleetId }) => ({
    vehicleId,
    fleetId,
    startsAt: inHours(100),
    idempotencyKey: 'again',
  })),
  updateSharingEnd: mutation('owner', 'updateSharingEnd', 'UpdateSharingEndInput', ({ vehicle: vehicleId }) => ({
    vehicleId,
    endsAt: inHours(50),
  })),
  endSharing: mutation('owner', 'endSharing', 'EndSharingInput', ({ vehicle: vehicleId }) => ({ vehicleId })),
  sendCommand: mutation('owner', 'sendCommand', 'SendCommandInput', ({ vehicle: vehicleId }) => ({
    vehicleId,
    type: 'DRAW_ATTENTION',
  })),
  reportVehicleStates: mutation(
    'gateway',
    'reportVehicleStates',
    'ReportVehicleStatesInput',
    ({ vehicle: vehicleId }) => ({
      reports: [{ vehicleId, messageId: 'm1', occurredAt: inHours(-1), speedKmh: 7 }],
    }),
  ),
  reportCommandOutcome: mutation(
    'gateway',
    'reportCommandOutcome',
    'ReportCommandOutcomeInput',
    ({ command: commandId }) => ({
      commandId,
      outcome: 'SUCCEEDED',
    }),
  ),
  createFleet: mutation('admin', 'createFleet', 'CreateFleetInput', () => ({ name: 'New' })),
  registerPartnership: mutation('admin', 'registerPartnership', 'PartnershipInput', partners),
  endPartnership: mutation('admin', 'endPartnership', 'PartnershipInput', partners),
  revokeTokens: mutation('admin', 'revokeTokens', 'RevokeTokensInput', ({ stranger: fleetId }) => ({ fleetId })),
  vehicleEvents: { by: 'owner', query: 'subscription { vehicleEvents { type } }' },
  commandDispatches: { by: 'gateway', query: 'subscription { commandDispatches { commandId } }' },
}

export const isSubscription = ({ query }: RootOperation): boolean => query.startsWith('subscription')
