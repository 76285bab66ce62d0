import { initGraphQLTada } from 'gql.tada'
import type { ResultOf } from 'gql.tada'
import type { introspection } from '../../generated/introspection.d.ts'

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>()

const StateParts = graphql(`
  fragment StateParts on VehicleState @_unmask {
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

const VehicleParts = graphql(
  `
    fragment VehicleParts on Vehicle @_unmask {
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
      state {
        ...StateParts
      }
    }
  `,
  [StateParts],
)

const SharingParts = graphql(`
  fragment SharingParts on Sharing @_unmask {
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
  }
`)

const PermissionParts = graphql(`
  fragment PermissionParts on Permission @_unmask {
    allowed
    code
  }
`)

const EventParts = graphql(
  `
    fragment EventParts on VehicleEvent @_unmask {
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
      ... on StateEvent {
        state {
          ...StateParts
        }
      }
    }
  `,
  [StateParts],
)

export const Who = graphql(`
  query Who {
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

export const Vehicles = graphql(
  `
    query Vehicles($after: String) {
      vehicles(first: 100, after: $after) {
        nodes {
          ...VehicleParts
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [VehicleParts],
)

export const Detail = graphql(
  `
    query Detail($id: ID!) {
      vehicle(id: $id) {
        id
        supportedCommands
        viewerCan {
          startSharing {
            ...PermissionParts
          }
          updateSharingEnd {
            ...PermissionParts
          }
          endSharing {
            ...PermissionParts
          }
          sendCommand {
            ...PermissionParts
          }
        }
      }
      sharings(first: 50, filter: { vehicleId: $id }) {
        nodes {
          ...SharingParts
        }
      }
    }
  `,
  [PermissionParts, SharingParts],
)

export const History = graphql(
  `
    query History($after: String, $types: [VehicleEventType!]) {
      vehicleEvents(first: 500, after: $after, filter: { types: $types }) {
        nodes {
          ...EventParts
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [EventParts],
)

export const Follow = graphql(
  `
    subscription Follow($after: String) {
      vehicleEvents(after: $after) {
        ...EventParts
      }
    }
  `,
  [EventParts],
)

export const StartSharing = graphql(`
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

export const UpdateSharingEnd = graphql(`
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

export const EndSharing = graphql(`
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

export const SendCommand = graphql(`
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

export type Viewer = ResultOf<typeof Who>['viewer']
export type Fleet = NonNullable<Viewer['fleet']>
export type Vehicle = ResultOf<typeof Vehicles>['vehicles']['nodes'][number]
export type Reading = Vehicle['state']
export type Details = ResultOf<typeof Detail>
export type Sharing = Details['sharings']['nodes'][number]
export type Permission = NonNullable<Details['vehicle']>['viewerCan']['endSharing']
export type CommandType = NonNullable<Details['vehicle']>['supportedCommands'][number]
export type Event = ResultOf<typeof Follow>['vehicleEvents']
