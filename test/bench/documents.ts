const VEHICLE = `fragment V on Vehicle {
  id name licensePlate vin brand model supportedCommands
  fleet { id name }
  state {
    position { latitude longitude observedAt } speedKmh { value observedAt } mileageKm { value observedAt }
    energyPercent { value observedAt } centralLock { value observedAt } drivingEnabled { value observedAt }
    ignition { value observedAt }
  }
  sharing { id status phase startsAt endsAt partner { id name } }
}`

const EVENT = `type vehicleId occurredAt recordedAt requestId
  ... on StateEvent { state { speedKmh { value observedAt } ignition { value observedAt } } }`

const USER_ERROR = '__typename ... on UserError { code message }'

/** What clients send, by the name of the operation. Every system answers them from the same part of the contract. */
export const DOCUMENTS = {
  Typename: 'query Typename { __typename }',
  Viewer: 'query Viewer { viewer { fleet { id name } roles tokenExpiresAt } }',
  Vehicle: `query Vehicle($id: ID!) { vehicle(id: $id) { ...V } } ${VEHICLE}`,
  Vehicles: `query Vehicles($first: Int, $after: String) {
    vehicles(first: $first, after: $after) { nodes { ...V } pageInfo { hasNextPage endCursor } }
  } ${VEHICLE}`,
  Events: `query Events { vehicleEvents(first: 50) {
    nodes { ${EVENT} } pageInfo { hasNextPage }
  } }`,
  Start: `mutation Start($input: StartSharingInput!) { startSharing(input: $input) { ${USER_ERROR}
    ... on StartSharingSuccess { vehicle { id } sharing { id phase startsAt endsAt partner { id name } } } } }`,
  End: `mutation End($input: EndSharingInput!) { endSharing(input: $input) { ${USER_ERROR}
    ... on EndSharingSuccess { vehicle { id } sharing { id phase endedAt endReason } } } }`,
  Report: `mutation Report($input: ReportVehicleStatesInput!) { reportVehicleStates(input: $input) { ${USER_ERROR}
    ... on ReportVehicleStatesSuccess { recorded skipped rejected { index code message } } } }`,
  Send: `mutation Send($input: SendCommandInput!) { sendCommand(input: $input) { ${USER_ERROR}
    ... on SendCommandSuccess { command { id type status requestedAt deadline } } } }`,
  Follow: `subscription Follow { vehicleEvents { cursor ${EVENT} } }`,
} as const
