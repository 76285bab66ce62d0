import { gql } from '@apollo/client'

export const SPEED = gql`
  query Speed($id: ID!) {
    vehicle(id: $id) {
      id
      state {
        speedKmh {
          value
        }
        ignition {
          value
        }
      }
      viewerCan {
        startSharing {
          allowed
        }
      }
    }
    viewer {
      roles
    }
  }
`

export const TIMES = gql`
  query Times($id: ID!) {
    vehicle(id: $id) {
      id
      state {
        speedKmh {
          observedAt
        }
        mileageKm {
          value
        }
      }
      viewerCan {
        startSharing {
          code
        }
        sendCommand {
          allowed
        }
      }
    }
    viewer {
      tokenExpiresAt
    }
  }
`

export const READING = gql`
  query Reading($id: ID!) {
    vehicle(id: $id) {
      id
      state {
        speedKmh {
          value
          observedAt
        }
      }
    }
  }
`

export const NODES = gql`
  query Nodes($first: Int!, $after: String) {
    vehicles(first: $first, after: $after) {
      nodes {
        id
        name
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`

export const EDGES = gql`
  query Edges($first: Int!) {
    vehicles(first: $first) {
      edges {
        cursor
        node {
          id
          licensePlate
        }
      }
      pageInfo {
        hasPreviousPage
      }
    }
  }
`

export const NAME = gql`
  query Name($id: ID!) {
    vehicle(id: $id) {
      id
      name
    }
  }
`

export const DELETE = gql`
  mutation Delete($id: ID!) {
    deleteVehicle(input: { id: $id }) {
      ... on DeleteVehicleSuccess {
        id
      }
      ... on UserError {
        code
      }
    }
  }
`

export const CREATE = gql`
  mutation Create {
    createVehicle(input: {}) {
      ... on CreateVehicleSuccess {
        vehicle {
          id
        }
      }
    }
  }
`

export const START = gql`
  mutation Start($input: StartSharingInput!) {
    startSharing(input: $input) {
      ... on StartSharingSuccess {
        sharing {
          id
        }
      }
    }
  }
`

export const LISTS = gql`
  query Lists {
    vehicles(first: 100) {
      nodes {
        id
      }
    }
    sharings(first: 100) {
      nodes {
        id
      }
    }
  }
`

export const EVENTS = gql`
  subscription Events($after: String) {
    vehicleEvents(after: $after) {
      cursor
      vehicleId
      vehicle {
        id
      }
    }
  }
`
