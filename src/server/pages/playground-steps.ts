import { DEMO_VEHICLE, SHARE_ONE, SHARE_TWO } from '../../../prisma/demo.ts'

const OWNER = SHARE_ONE.id
const PARTNER = SHARE_TWO.id
const DAY_MS = 24 * 60 * 60 * 1000

export type Step = { readonly fleetId: string; readonly query: string }

/**
 * The story of a sharing, a tab each, with the demo world's fleets and vehicle. The name of an operation names its tab and
 * the fleet whose token the tab holds, and lines are kept as short as the editor is wide.
 */
export const stepsAt = (now: number): readonly Step[] => [
  {
    fleetId: OWNER,
    query: `# 1. ${SHARE_ONE.name} (${OWNER}) follows its sharings.
#    Press play, leave it running, and open
#    this page a second time for the next steps.
#    A tab names the fleet whose token it holds;
#    the token is under "Headers".
subscription Step1_Follow_${SHARE_ONE.name} {
  vehicleEvents(filter: { types: [
    SHARING_SCHEDULED, SHARING_CANCELLED,
    SHARING_STARTED, SHARING_ENDED,
    SHARING_END_CHANGED, SHARING_END_REQUESTED
  ] }) {
    type
    cursor
    occurredAt
    vehicleId
    ... on SharingEvent {
      endsAt
      endReason
      sharing { phase partner { name } }
    }
  }
}
`,
  },
  {
    fleetId: OWNER,
    query: `# 2. ${SHARE_ONE.name} looks at a vehicle, and at what it
#    may do with it.
query Step2_Look_${SHARE_ONE.name} {
  vehicle(id: "${DEMO_VEHICLE}") {
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
    query: `# 3. ${SHARE_ONE.name} lends ${DEMO_VEHICLE} to ${SHARE_TWO.name} (${PARTNER}),
#    with an open end.
mutation Step3_Share_${SHARE_ONE.name} {
  startSharing(
    input: { vehicleId: "${DEMO_VEHICLE}", fleetId: "${PARTNER}" }
  ) {
    ... on StartSharingSuccess {
      sharing {
        id status phase startsAt endsAt
        partner { name }
      }
    }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 4. ${SHARE_TWO.name} (${PARTNER}) sees the vehicle, and
#    controls it.
query Step4_Borrowed_${SHARE_TWO.name} {
  vehicles(filter: { relation: SHARED_IN }) {
    nodes {
      id name fleet { name }
      sharing { status endsAt }
      viewerCan {
        sendCommand { allowed }
        endSharing { allowed }
        update { allowed code }
      }
    }
  }
}
`,
  },
  {
    fleetId: OWNER,
    query: `# 5. ${SHARE_ONE.name} sets an end: tomorrow.
#    Only the owner can; try it with the other token.
mutation Step5_MoveEnd_${SHARE_ONE.name} {
  updateSharingEnd(
    input: {
      vehicleId: "${DEMO_VEHICLE}"
      endsAt: "${new Date(now + DAY_MS).toISOString()}"
    }
  ) {
    ... on UpdateSharingEndSuccess { sharing { endsAt } }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 6. ${SHARE_TWO.name} gives the vehicle back.
#    The owner could end the sharing just the same.
mutation Step6_GiveBack_${SHARE_TWO.name} {
  endSharing(input: { vehicleId: "${DEMO_VEHICLE}" }) {
    ... on EndSharingSuccess {
      vehicle { id }
      sharing { phase endedAt endReason }
    }
    ... on UserError { code message }
  }
}
`,
  },
  {
    fleetId: PARTNER,
    query: `# 7. What ${SHARE_TWO.name}'s log keeps of it, and a cursor
#    to go on from.
query Step7_Log_${SHARE_TWO.name} {
  vehicleEvents(
    first: 100
    filter: { vehicleIds: ["${DEMO_VEHICLE}"] }
  ) {
    nodes {
      type occurredAt vehicleId requestId
      vehicle { id }
    }
    pageInfo { endCursor hasNextPage }
  }
}
`,
  },
]
