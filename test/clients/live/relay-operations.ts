import { graphql } from 'relay-runtime'

/** Relay's compiler reads these texts and writes what is sent and stored; nothing runs this file. */
export const operations = [
  graphql`
    query relayOperationsEndQuery {
      vehicleEvents(last: 1) {
        pageInfo {
          endCursor
        }
      }
    }
  `,
  graphql`
    query relayOperationsVehiclesQuery {
      vehicles(first: 50) {
        nodes {
          id
          name
          sharing {
            partner {
              name
            }
          }
        }
      }
    }
  `,
  graphql`
    subscription relayOperationsEventsSubscription($after: String) {
      vehicleEvents(after: $after) {
        cursor
        vehicleId
        vehicle {
          id
          name
          sharing {
            partner {
              name
            }
          }
        }
      }
    }
  `,
]
