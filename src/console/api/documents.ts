import { initGraphQLTada } from 'gql.tada'
import type { ResultOf } from 'gql.tada'
import type { introspection } from '../../generated/introspection.d.ts'

/**
 * This folder: all that the page exchanges with the server, over the public API only, and the hooks that hold the
 * answers. Documents (here) are checked against the schema by gql.tada; components get their data from the hooks.
 */

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>()

const StateFields = graphql(`
  fragment StateFields on VehicleState @_unmask {
    position {
      latitude
      longitude
      observedAt
    }
    speedKmh {
      value
      observedAt
    }
    energyPercent {
      value
      observedAt
    }
    centralLock {
      value
      observedAt
    }
    ignition {
      value
      observedAt
    }
  }
`)

const VehicleFields = graphql(
  `
    fragment VehicleFields on Vehicle @_unmask {
      id
      name
      licensePlate
      brand
      model
      fleet {
        id
        name
      }
      sharing {
        id
        partner {
          id
          name
        }
      }
      idleness {
        idle
        blockedBy
      }
      state {
        ...StateFields
      }
    }
  `,
  [StateFields],
)

const SharingFields = graphql(`
  fragment SharingFields on Sharing @_unmask {
    id
    phase
    partner {
      id
      name
    }
    startsAt
    endsAt
    endedAt
    endReason
    endRequestedAt
    startAwaitedSince
  }
`)

const PermissionFields = graphql(`
  fragment PermissionFields on Permission @_unmask {
    allowed
    code
  }
`)

const EventFields = graphql(
  `
    fragment EventFields on VehicleEvent @_unmask {
      __typename
      id
      cursor
      type
      vehicleId
      occurredAt
      recordedAt
      ... on SharingEvent {
        endReason
        endsAt
        sharing {
          partner {
            name
          }
        }
      }
      ... on CommandEvent {
        status
        command {
          id
          type
        }
      }
      ... on VehicleUseEvent {
        inUse
      }
      ... on StateEvent {
        state {
          ...StateFields
        }
      }
    }
  `,
  [StateFields],
)

export const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      fleet {
        id
        name
      }
      roles
      tokenExpiresAt
    }
    sharingPartners(first: 100) {
      nodes {
        id
        name
      }
    }
  }
`)

export const VehiclesQuery = graphql(
  `
    query Vehicles($after: String) {
      vehicles(first: 100, after: $after) {
        nodes {
          ...VehicleFields
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [VehicleFields],
)

export const VehicleDetailsQuery = graphql(
  `
    query VehicleDetails($id: ID!) {
      vehicle(id: $id) {
        id
        supportedCommands
        viewerCan {
          startSharing {
            ...PermissionFields
          }
          updateSharingEnd {
            ...PermissionFields
          }
          endSharing {
            ...PermissionFields
          }
          sendCommand {
            ...PermissionFields
          }
        }
      }
      sharings(first: 50, filter: { vehicleId: $id }) {
        nodes {
          ...SharingFields
        }
      }
    }
  `,
  [PermissionFields, SharingFields],
)

export const EventHistoryQuery = graphql(
  `
    query EventHistory($after: String, $types: [VehicleEventType!]) {
      vehicleEvents(first: 500, after: $after, filter: { types: $types }) {
        nodes {
          ...EventFields
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [EventFields],
)

export const EventSubscription = graphql(
  `
    subscription Events($after: String) {
      vehicleEvents(after: $after) {
        ...EventFields
      }
    }
  `,
  [EventFields],
)

export const StartSharingMutation = graphql(`
  mutation StartSharing($input: StartSharingInput!) {
    result: startSharing(input: $input) {
      ... on StartSharingSuccess {
        sharing {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

export const UpdateSharingEndMutation = graphql(`
  mutation UpdateSharingEnd($input: UpdateSharingEndInput!) {
    result: updateSharingEnd(input: $input) {
      ... on UpdateSharingEndSuccess {
        sharing {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

export const EndSharingMutation = graphql(`
  mutation EndSharing($input: EndSharingInput!) {
    result: endSharing(input: $input) {
      ... on EndSharingSuccess {
        sharing {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

export const SendCommandMutation = graphql(`
  mutation SendCommand($input: SendCommandInput!) {
    result: sendCommand(input: $input) {
      ... on SendCommandSuccess {
        command {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`)

export type Viewer = ResultOf<typeof ViewerQuery>['viewer']
export type Fleet = NonNullable<Viewer['fleet']>
export type Vehicle = ResultOf<typeof VehiclesQuery>['vehicles']['nodes'][number]
export type VehicleState = Vehicle['state']
export type VehicleDetails = ResultOf<typeof VehicleDetailsQuery>
export type Sharing = VehicleDetails['sharings']['nodes'][number]
export type Permission = NonNullable<VehicleDetails['vehicle']>['viewerCan']['endSharing']
export type CommandType = NonNullable<VehicleDetails['vehicle']>['supportedCommands'][number]
export type Event = ResultOf<typeof EventSubscription>['vehicleEvents']
