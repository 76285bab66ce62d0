/** The part of the contract that the workloads need, with its names and types. */
export const SCHEMA = /* GraphQL */ `
  scalar DateTime

  type Fleet {
    id: ID!
    name: String!
  }
  enum Role {
    VIEWER
    OPERATOR
    MANAGER
    GATEWAY
    ADMIN
  }
  type Viewer {
    fleet: Fleet
    roles: [Role!]!
    tokenExpiresAt: DateTime!
  }

  enum CommandType {
    REQUEST_VEHICLE_STATE
    ENABLE_DRIVING
    DISABLE_DRIVING
    UNLOCK_CENTRAL_LOCK
    LOCK_CENTRAL_LOCK
    UNLOCK_AND_ENABLE_DRIVING
    LOCK_AND_DISABLE_DRIVING
    UNLOCK_TOP_CASE
    LOCK_TOP_CASE
    UNLOCK_BATTERY_COMPARTMENT
    DRAW_ATTENTION
  }
  enum CentralLock {
    LOCKED
    UNLOCKED
  }
  type PositionReading {
    latitude: Float!
    longitude: Float!
    observedAt: DateTime!
  }
  type FloatReading {
    value: Float!
    observedAt: DateTime!
  }
  type BooleanReading {
    value: Boolean!
    observedAt: DateTime!
  }
  type CentralLockReading {
    value: CentralLock!
    observedAt: DateTime!
  }
  type VehicleState {
    position: PositionReading
    speedKmh: FloatReading
    mileageKm: FloatReading
    energyPercent: FloatReading
    centralLock: CentralLockReading
    drivingEnabled: BooleanReading
    ignition: BooleanReading
  }

  type Vehicle {
    id: ID!
    fleet: Fleet!
    name: String
    licensePlate: String
    vin: String
    brand: String
    model: String
    supportedCommands: [CommandType!]!
    state: VehicleState!
    sharing: Sharing
  }
  type PageInfo {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    endCursor: String
  }
  type VehicleConnection {
    nodes: [Vehicle!]!
    pageInfo: PageInfo!
    totalCount: Int!
  }
  input VehicleFilter {
    search: String
  }
  enum VehicleOrder {
    ID
    LICENSE_PLATE
  }
  enum SharingStatus {
    SHARED_OWN_VEHICLE
    SHARED_PARTNER_VEHICLE
  }
  enum SharingPhase {
    SCHEDULED
    ACTIVE
    ENDED
    CANCELLED
  }
  type Sharing {
    id: ID!
    status: SharingStatus!
    phase: SharingPhase!
    partner: Fleet!
    startsAt: DateTime!
    endsAt: DateTime
    endedAt: DateTime
    endReason: String
  }

  interface UserError {
    code: String!
    message: String!
  }
  type RequestError implements UserError {
    code: String!
    message: String!
  }

  input StartSharingInput {
    vehicleId: ID!
    fleetId: ID!
    endsAt: DateTime
  }
  type StartSharingSuccess {
    vehicle: Vehicle!
    sharing: Sharing!
  }
  union StartSharingResult = StartSharingSuccess | RequestError

  input EndSharingInput {
    vehicleId: ID!
  }
  type EndSharingSuccess {
    vehicle: Vehicle
    sharing: Sharing!
  }
  union EndSharingResult = EndSharingSuccess | RequestError

  input PositionInput {
    latitude: Float!
    longitude: Float!
  }
  input VehicleStateReport {
    vehicleId: ID!
    messageId: String!
    occurredAt: DateTime!
    position: PositionInput
    speedKmh: Float
    mileageKm: Float
    energyPercent: Float
    centralLock: CentralLock
    drivingEnabled: Boolean
    ignition: Boolean
  }
  input ReportVehicleStatesInput {
    reports: [VehicleStateReport!]!
  }
  type RejectedReport {
    index: Int!
    code: String!
    message: String!
  }
  type ReportVehicleStatesSuccess {
    recorded: Int!
    skipped: Int!
    rejected: [RejectedReport!]!
  }
  union ReportVehicleStatesResult = ReportVehicleStatesSuccess | RequestError

  input SendCommandInput {
    vehicleId: ID!
    type: CommandType!
    timeoutSeconds: Int = 30
  }
  type Command {
    id: ID!
    type: CommandType!
    status: String!
    vehicleId: ID!
    fleet: Fleet!
    requestedAt: DateTime!
    deadline: DateTime!
    completedAt: DateTime
  }
  type CommandConnection {
    nodes: [Command!]!
    pageInfo: PageInfo!
  }
  type SendCommandSuccess {
    command: Command!
  }
  union SendCommandResult = SendCommandSuccess | RequestError

  interface VehicleEvent {
    cursor: String!
    type: String!
    vehicleId: ID!
    occurredAt: DateTime!
    recordedAt: DateTime!
    requestId: String
  }
  type StateEvent implements VehicleEvent {
    cursor: String!
    type: String!
    vehicleId: ID!
    occurredAt: DateTime!
    recordedAt: DateTime!
    requestId: String
    state: VehicleState!
  }
  type SharingEvent implements VehicleEvent {
    cursor: String!
    type: String!
    vehicleId: ID!
    occurredAt: DateTime!
    recordedAt: DateTime!
    requestId: String
  }
  type CommandEvent implements VehicleEvent {
    cursor: String!
    type: String!
    vehicleId: ID!
    occurredAt: DateTime!
    recordedAt: DateTime!
    requestId: String
  }

  type VehicleEventConnection {
    nodes: [VehicleEvent!]!
    pageInfo: PageInfo!
  }

  type Query {
    viewer: Viewer!
    vehicle(id: ID!): Vehicle
    vehicles(first: Int, after: String, filter: VehicleFilter, orderBy: VehicleOrder): VehicleConnection!
    vehicleEvents(first: Int, last: Int): VehicleEventConnection!
    commands(first: Int): CommandConnection!
  }
  type Mutation {
    startSharing(input: StartSharingInput!): StartSharingResult!
    endSharing(input: EndSharingInput!): EndSharingResult!
    reportVehicleStates(input: ReportVehicleStatesInput!): ReportVehicleStatesResult!
    sendCommand(input: SendCommandInput!): SendCommandResult!
  }
  type Subscription {
    vehicleEvents: VehicleEvent!
  }
`
