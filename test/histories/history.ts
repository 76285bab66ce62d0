import type * as row from '../../src/generated/prisma/client.ts'
import type { Variables } from '../support/api.ts'

/** Milliseconds since 1970, by the clock of the machine that clients, servers and database share. */
export type Instant = number

export type Span = { readonly from: Instant; readonly to: Instant }

/** Which of the two servers, through its proxy. */
export type Side = 0 | 1

export type CallName =
  | 'startSharing'
  | 'updateSharingEnd'
  | 'endSharing'
  | 'sendCommand'
  | 'setVehicleUse'
  | 'createVehicle'
  | 'updateVehicle'
  | 'reportVehicleStates'
  | 'reportCommandOutcome'

export type Answer =
  /** The member of the union that says so. */
  | { readonly kind: 'success'; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refusal'; readonly code: string }
  /** A top-level error. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  /** No answer came: it may have been done, may be done later, or never. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** One request. Those of one operation have the same input, and together are to have one effect. */
export type Call = {
  /** As sent in X-Request-Id. */
  readonly requestId: string
  readonly operation: number
  readonly name: CallName
  /** The fleet that asks; null for a gateway. */
  readonly fleetId: string | null
  readonly input: Variables
  readonly side: Side
  readonly invokedAt: Instant
  readonly returnedAt: Instant
  readonly answer: Answer
}

/** What a party to a sharing was told when it looked at the vehicle and at the sharing, in one operation. */
export type Read = {
  readonly fleetId: string
  readonly vehicleId: string
  readonly sharingId: string
  readonly side: Side
  readonly invokedAt: Instant
  readonly returnedAt: Instant
  /** Of the sharing; null where it was not to be seen. */
  readonly phase: string | null
  /** The sharing in force; null for none, and where the vehicle was not to be seen. */
  readonly inForce: string | null
}

/** An event as a client sees it: what is the same whenever and wherever it is read. */
export type SeenEvent = {
  readonly id: string
  readonly cursor: string
  readonly type: string
  readonly vehicleId: string
  readonly occurredAt: string
  readonly recordedAt: string
  readonly requestId: string | null
  readonly sharing?: { readonly id: string }
  readonly endsAt?: string | null
  readonly endReason?: string | null
  readonly command?: { readonly id: string }
  readonly status?: string
  readonly state?: { readonly mileageKm: { readonly value: number } | null }
}

export type EventFilter = { readonly vehicleIds?: readonly string[]; readonly types?: readonly string[] }

export type Transport = 'WebSocket' | 'SSE' | 'pages'

/** How a session came to its end. A code is a close code, or that of a top-level error. */
export type Ending = {
  readonly by: 'client' | 'close' | 'error' | 'complete' | 'network'
  readonly code: number | string | null
  readonly message: string
}

/** One connection of a follower. */
export type Session = {
  readonly side: Side
  readonly after: string
  readonly openedAt: Instant
  readonly expiresAt: Instant
  readonly deliveries: { readonly event: SeenEvent; readonly at: Instant }[]
  /** When the client did not read. */
  readonly pauses: Span[]
  ending: (Ending & { readonly at: Instant }) | null
}

/** Somebody who follows a fleet's events over all breaks. */
export type Follower = {
  readonly name: string
  readonly fleetId: string
  readonly transport: Transport
  readonly filter: EventFilter | null
  /** The cursor behind which it started. */
  readonly from: string
  readonly sessions: Session[]
}

/** A command that a gateway was given. */
export type Dispatch = {
  readonly commandId: string
  readonly vehicleId: string
  readonly deadline: string
  readonly gateway: string
  readonly at: Instant
}

/** A stretch of a fleet's log as its history was read at the end. */
export type Pages = {
  readonly fleetId: string
  readonly side: Side
  readonly after: string | null
  readonly events: readonly SeenEvent[]
}

/** SIGKILL and SIGTERM to an instance, pg_terminate_backend and SIGSTOP to backends, and what proxies can do. */
export const DISRUPTIONS = ['kill', 'stop', 'terminate', 'freeze', 'cut', 'stall'] as const
export type DisruptionKind = (typeof DISRUPTIONS)[number]

export type Disruption = Span & {
  readonly kind: DisruptionKind
  readonly side: Side | null
  /** How many processes, proxies or backends it struck. */
  readonly struck: number
}

export type Vehicle = { readonly id: string; readonly ownerId: string }

/** What the database held of these vehicles in the end, in one snapshot. */
export type Truth = {
  /** By position. */
  readonly events: readonly row.Event[]
  readonly sharings: readonly row.Sharing[]
  readonly commands: readonly row.Command[]
}

/** All that the checker knows of one history. */
export type Recording = {
  readonly seed: number
  readonly fleetIds: readonly string[]
  readonly vehicles: readonly Vehicle[]
  /** For each fleet the request id of its last event that everybody is to see. */
  readonly markers: ReadonlyMap<string, string>
  readonly calls: readonly Call[]
  readonly reads: readonly Read[]
  readonly followers: readonly Follower[]
  readonly dispatches: readonly Dispatch[]
  readonly pages: readonly Pages[]
  readonly truth: Truth
  readonly disruptions: readonly Disruption[]
  /** When the clients' own process was too busy to read. */
  readonly lags: readonly Span[]
  /** What went wrong on the way, such as a wait that did not end. */
  readonly problems: readonly string[]
}

/** A promise that was broken, and when, where that can be told. */
export type Violation = { readonly check: string; readonly text: string; readonly at?: Instant }
