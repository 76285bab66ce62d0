const OWNER = '78LMK'
const PARTNER = 'DE3P4'

/** The story of a sharing, a tab each, with the demo world's fleets and vehicle. */
export const STEPS: readonly { readonly fleetId: string; readonly query: string }[] = [
  {
    fleetId: OWNER,
    query: `# 1. ShareOne (${OWNER}) follows what happens to its vehicles. Press play and leave it running,
#    or open this page a second time to follow as you go on. Each tab has a token in its headers.
subscription Follow {
  vehicleEvents {
    type
    cursor
    occurredAt
    vehicleId
    ... on SharingEvent { endsAt endReason sharing { phase partner { name } } }
  }
}
`,
  },
  {
    fleetId: OWNER,
    query: `# 2. ShareOne looks at a vehicle, and at what it may do with it.
query MyVehicle {
  vehicle(id: "FK852") {
    id name brand model licensePlate
    sharing { id status endsAt partner { name } }
    viewerCan {
      startSharing { allowed code until }
      sendCommand { allowed code until }
    }
  }
  sharingPartners(first: 10) { nodes { id name } }
}
`,
  },
  {
    fleetId: OWNER,
    query: `# 3. ShareOne lends FK852 to ShareTwo, with an open end.
mutation Share {
  startSharing(input: { vehicleId: "FK852", fleetId: "${PARTNER}" }) {
    ... on StartSharingSuccess { sharing { id status phase startsAt endsAt partner { name } } }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 4. ShareTwo (${PARTNER}) sees the vehicle, and controls it.
query SharedWithMe {
  vehicles(filter: { relation: SHARED_IN }) {
    nodes {
      id name fleet { name }
      sharing { status endsAt }
      viewerCan { sendCommand { allowed } endSharing { allowed } update { allowed code } }
    }
  }
}
`,
  },
  {
    fleetId: OWNER,
    query: `# 5. ShareOne sets an end. Change it to an instant in the future.
mutation MoveEnd {
  updateSharingEnd(input: { vehicleId: "FK852", endsAt: "2030-01-01T12:00:00.000Z" }) {
    ... on UpdateSharingEndSuccess { sharing { endsAt } }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 6. ShareTwo gives the vehicle back. The owner could do the same.
mutation GiveBack {
  endSharing(input: { vehicleId: "FK852" }) {
    ... on EndSharingSuccess { vehicle { id } sharing { phase endedAt endReason } }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 7. What ShareTwo's log keeps of it, and a cursor to go on from.
query MyLog {
  vehicleEvents(first: 100) {
    nodes { type occurredAt vehicleId requestId vehicle { id } }
    pageInfo { endCursor hasNextPage }
  }
}
`,
  },
]
