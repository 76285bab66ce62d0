import { initGraphQLTada } from 'gql.tada'
import type { introspection } from '../../../src/generated/introspection.d.ts'

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>()

/** What a row shows of a vehicle. What is in force is told by __typename where it is written before the server has answered. */
const Row = graphql(`
  fragment Row on Vehicle @_unmask {
    __typename
    id
    name
    sharing {
      __typename
      id
      partner {
        __typename
        id
        name
      }
    }
    state {
      speedKmh {
        value
        observedAt
      }
    }
  }
`)

/** What is shown of a vehicle beside the list. */
const Facts = graphql(
  `
    fragment Facts on Vehicle @_unmask {
      ...Row
      licensePlate
      viewerCan {
        startSharing {
          allowed
          code
        }
      }
      sharings(first: 10) {
        nodes {
          id
          phase
          startsAt
          partner {
            id
            name
          }
        }
      }
    }
  `,
  [Row],
)

/** Asked for before the list: what happens in between comes twice, and nothing is missing. */
export const EndOfLog = graphql(`
  query EndOfLog {
    vehicleEvents(last: 1) {
      pageInfo {
        endCursor
      }
    }
  }
`)

export const Vehicles = graphql(
  `
    query Vehicles($filter: VehicleFilter, $after: String) {
      vehicles(first: 20, after: $after, filter: $filter, orderBy: NAME) {
        nodes {
          ...Row
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [Row],
)

export const Detail = graphql(
  `
    query Detail($id: ID!) {
      vehicle(id: $id) {
        ...Facts
      }
      sharingPartners(first: 100) {
        nodes {
          id
          name
        }
      }
    }
  `,
  [Facts],
)

export const StartSharing = graphql(
  `
    mutation StartSharing($input: StartSharingInput!) {
      startSharing(input: $input) {
        __typename
        ... on StartSharingSuccess {
          vehicle {
            ...Facts
          }
        }
        ... on UserError {
          code
          message
        }
      }
    }
  `,
  [Facts],
)

/** Each event with the vehicle as it is by then; null once the viewer may not see it any more. */
export const Events = graphql(
  `
    subscription Events($after: String) {
      vehicleEvents(after: $after) {
        __typename
        id
        cursor
        vehicleId
        vehicle {
          ...Row
        }
        ... on SharingEvent {
          sharing {
            id
            phase
          }
        }
      }
    }
  `,
  [Row],
)
