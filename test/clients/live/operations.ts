import { initGraphQLTada } from 'gql.tada'
import type { introspection } from '../../../src/generated/introspection.d.ts'

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>()

/** What the list shows of a vehicle, with the time of its reading, so that one is never shown with another's time. */
const Row = graphql(`
  fragment Row on Vehicle @_unmask {
    id
    name
    sharing {
      id
      partner {
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

/** The end of the log. Asked for before the list: what happens in between comes twice, and nothing is missing. */
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
    query Vehicles($after: String) {
      vehicles(first: 50, after: $after) {
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

/** Each event with the vehicle as it is when the event arrives; null once the viewer may not see it any more. */
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
      }
    }
  `,
  [Row],
)

/** A line of the list, such as "FK852: ShareTwo". */
export const lineOf = ({ id, name, sharing }: { id: string; name: string | null; sharing: Shared | null }): string =>
  `${name ?? id}: ${sharing?.partner.name ?? 'at home'}`

type Shared = { readonly partner: { readonly name: string } }

/** Called with the lines of the list whenever it changes. */
export type Show = (lines: readonly string[]) => void
