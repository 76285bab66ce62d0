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

const SHARING = 'id phase startsAt endsAt endedAt owner { id name } partner { id name }'

const USER_ERROR = '__typename ... on UserError { code message }'

/** What clients send, by the name of the operation. Every system answers them from the same part of the contract. */
export const DOCUMENTS = {
  Typename: 'query Typename { __typename }',
  Viewer: 'query Viewer { viewer { fleet { id name } roles tokenExpiresAt } }',
  Vehicle: `query Vehicle($id: ID!) { vehicle(id: $id) { ...V } } ${VEHICLE}`,
  Vehicles: `query Vehicles($first: Int, $after: String) {
    vehicles(first: $first, after: $after) { nodes { ...V } pageInfo { hasNextPage endCursor } }
  } ${VEHICLE}`,
  Search: `query Search($search: String!) {
    vehicles(filter: { search: $search }) { nodes { ...V } pageInfo { hasNextPage } }
  } ${VEHICLE}`,
  Ordered: `query Ordered { vehicles(orderBy: LICENSE_PLATE) { nodes { ...V } pageInfo { hasNextPage } } } ${VEHICLE}`,
  Counted: `query Counted { vehicles { totalCount nodes { ...V } pageInfo { hasNextPage } } } ${VEHICLE}`,
  Newest: `query Newest { vehicleEvents(last: 50) {
    nodes { ${EVENT} } pageInfo { hasNextPage hasPreviousPage }
  } }`,
  Commands: `query Commands { commands { nodes {
    id type status vehicleId requestedAt deadline completedAt fleet { id name }
  } pageInfo { hasNextPage } } }`,
  Events: `query Events { vehicleEvents(first: 50) {
    nodes { ${EVENT} } pageInfo { hasNextPage }
  } }`,
  After: `query After($after: String) { vehicleEvents(first: 50, after: $after) {
    nodes { ${EVENT} } pageInfo { hasNextPage }
  } }`,
  Before: `query Before($before: String) { vehicleEvents(last: 50, before: $before) {
    nodes { ${EVENT} } pageInfo { hasPreviousPage }
  } }`,
  Sharings: `query Sharings { sharings { nodes { ${SHARING} } pageInfo { hasNextPage } } }`,
  Ended: `query Ended { sharings(filter: { phase: ENDED }, last: 50) { nodes { ${SHARING} } pageInfo { hasPreviousPage } } }`,
  Start: `mutation Start($input: StartSharingInput!) { startSharing(input: $input) { ${USER_ERROR}
    ... on StartSharingSuccess { vehicle { id } sharing { id phase startsAt endsAt partner { id name } } } } }`,
  End: `mutation End($input: EndSharingInput!) { endSharing(input: $input) { ${USER_ERROR}
    ... on EndSharingSuccess { vehicle { id } sharing { id phase endedAt endReason } } } }`,
  Report: `mutation Report($input: ReportVehicleStatesInput!) { reportVehicleStates(input: $input) { ${USER_ERROR}
    ... on ReportVehicleStatesSuccess { recorded skipped rejected { index code message } } } }`,
  Send: `mutation Send($input: SendCommandInput!) { sendCommand(input: $input) { ${USER_ERROR}
    ... on SendCommandSuccess { command { id type status requestedAt deadline } } } }`,
  Follow: `subscription Follow { vehicleEvents { cursor ${EVENT} } }`,
  Resume: `subscription Resume($after: String) { vehicleEvents(after: $after) { cursor ${EVENT} } }`,
} as const
