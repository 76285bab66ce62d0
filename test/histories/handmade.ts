import type * as row from '../../src/generated/prisma/client.ts'
import { iso } from '../support/world.ts'
import { factsOf } from './facts.ts'
import type { Call, Disruption, Dispatch, Read, Recording, SeenEvent, Session } from './history.ts'

/** Milliseconds after this; all that happens in the history does within one second. */
export const START = Date.UTC(2030, 0, 1)

const date = (ms: number) => new Date(START + ms)

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A small history in which all is well, to be spoilt: each part may be changed in place. */
export type Draft = {
  readonly events: Mutable<row.Event>[]
  readonly sharings: Mutable<row.Sharing>[]
  readonly commands: Mutable<row.Command>[]
  readonly calls: Mutable<Call>[]
  readonly reads: Mutable<Read>[]
  /** What each fleet reads, on either instance. */
  readonly logs: Readonly<Record<'own' | 'partner', Mutable<SeenEvent>[][]>>
  /** What each fleet's follower was delivered, in its only session. */
  readonly sessions: Readonly<Record<'own' | 'partner', Mutable<Session>>>
  readonly dispatches: Mutable<Dispatch>[]
  readonly disruptions: Disruption[]
}

const anEvent = (position: number, at: number, fields: Partial<row.Event>): row.Event => ({
  position: BigInt(position),
  tag: position,
  type: 'VEHICLE_CHANGED',
  vehicleId: 'car',
  ownerId: 'own',
  partnerId: null,
  occurredAt: date(at),
  recordedAt: date(at),
  requestId: null,
  sharingId: null,
  commandId: null,
  messageId: null,
  facts: null,
  ...fields,
})

const aCall = (requestId: string, operation: number, at: number, fields: Partial<Call>): Call => ({
  requestId,
  operation,
  name: 'updateVehicle',
  fleetId: 'own',
  input: {},
  side: 0,
  invokedAt: START + at - 10,
  returnedAt: START + at + 10,
  answer: { kind: 'success', result: {} },
  ...fields,
})

const aRead = (fleetId: string, at: number, phase: string): Read => ({
  fleetId,
  vehicleId: 'car',
  sharingId: 'lent',
  side: 1,
  invokedAt: START + at - 5,
  returnedAt: START + at + 5,
  phase,
  inForce: phase === 'ACTIVE' ? 'lent' : null,
})

export const seen = (event: row.Event): SeenEvent => {
  const { position, type, vehicleId, occurredAt, recordedAt, requestId, sharingId, commandId } = event
  const { endsAt, endReason = null, status = '', mileageKm = 0 } = factsOf(event)
  return {
    id: `at ${position}`,
    cursor: `at ${position}`,
    type,
    vehicleId,
    occurredAt: occurredAt.toISOString(),
    recordedAt: recordedAt.toISOString(),
    requestId,
    ...(sharingId === null
      ? {}
      : { sharing: { id: sharingId }, endsAt: endsAt == null ? null : iso(endsAt), endReason }),
    ...(commandId === null ? {} : { command: { id: commandId }, status }),
    ...(type === 'STATE_RECORDED' ? { state: { mileageKm: { value: mileageKm } } } : {}),
  }
}

/**
 * The owner lends its car for 200 ms; the partner sends a command, which nobody takes, and another, which a gateway does;
 * the car reports; the sharing expires, as both see when they look, the car reports late, and everybody comes to the end.
 */
export function aDraft(): Draft {
  const sharing = { ownerId: 'own', partnerId: 'partner', sharingId: 'lent' }
  const command = (id: string, status: string) => ({
    partnerId: 'partner',
    commandId: id,
    type: 'COMMAND_UPDATED',
    facts: { status },
  })
  const due = { endsAt: START + 300, endReason: null }
  const reading = (mileageKm: number) => ({ type: 'STATE_RECORDED', partnerId: 'partner', facts: { mileageKm } })
  const events = [
    anEvent(1, 50, { requestId: 'r1' }),
    anEvent(2, 100, { ...sharing, type: 'SHARING_STARTED', requestId: 'r2', facts: due }),
    anEvent(3, 150, { ...command('waits', 'PENDING'), requestId: 'r3' }),
    anEvent(4, 160, { ...command('goes', 'PENDING'), requestId: 'r4' }),
    anEvent(5, 170, command('goes', 'DISPATCHED')),
    anEvent(6, 200, { ...reading(7), requestId: 'r5' }),
    anEvent(7, 200, { ...reading(8), requestId: 'r5', occurredAt: date(60), partnerId: null }),
    anEvent(8, 220, { ...command('goes', 'SUCCEEDED'), requestId: 'r6' }),
    anEvent(9, 300, {
      ...sharing,
      type: 'SHARING_ENDED',
      recordedAt: date(305),
      facts: { ...due, endReason: 'EXPIRED' },
    }),
    anEvent(10, 300, { ...command('waits', 'CANCELLED_BY_HANDOVER'), recordedAt: date(305) }),
    anEvent(11, 250, { ...reading(9), requestId: 'r7', recordedAt: date(350) }),
    anEvent(12, 400, { requestId: 'r8' }),
    anEvent(13, 410, { vehicleId: 'theirs', ownerId: 'partner', requestId: 'r9' }),
  ]
  const report = (mileageKm: number, at: number) => ({
    vehicleId: 'car',
    messageId: `m${mileageKm}`,
    mileageKm,
    occurredAt: iso(START + at),
  })
  const batch = (...reports: object[]): Partial<Call> => ({
    name: 'reportVehicleStates',
    fleetId: null,
    input: { reports },
    answer: { kind: 'success', result: { recorded: reports.length, skipped: 0, rejected: [] } },
  })
  const send = (id: string): Partial<Call> => ({
    name: 'sendCommand',
    fleetId: 'partner',
    input: { vehicleId: 'car', timeoutSeconds: 1, idempotencyKey: id },
    answer: { kind: 'success', result: { command: { id } } },
  })
  const calls = [
    aCall('r1', 1, 50, {}),
    aCall('r2', 2, 100, {
      name: 'startSharing',
      input: { vehicleId: 'car', fleetId: 'partner', endsAt: iso(START + 300), idempotencyKey: 'key' },
      answer: { kind: 'success', result: { sharing: { id: 'lent' } } },
    }),
    aCall('r3', 3, 150, send('waits')),
    aCall('r4', 4, 160, send('goes')),
    aCall('r5', 5, 200, batch(report(7, 200), report(8, 60))),
    aCall('r6', 6, 220, {
      name: 'reportCommandOutcome',
      fleetId: null,
      input: { commandId: 'goes', outcome: 'SUCCEEDED' },
    }),
    aCall('r7', 7, 350, batch(report(9, 250))),
    aCall('r8', 8, 400, {}),
    aCall('r9', 9, 410, { fleetId: 'partner' }),
  ]
  const of = (...positions: number[]) => events.filter(({ position }) => positions.includes(Number(position))).map(seen)
  const own = () => of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
  const partner = () => of(2, 3, 4, 5, 6, 8, 9, 10, 11, 13)
  const session = (log: SeenEvent[]): Session => ({
    side: 0,
    after: '',
    openedAt: START,
    expiresAt: START + 10_000,
    pauses: [],
    ending: null,
    deliveries: log.map((event) => ({ event, at: Date.parse(event.recordedAt) + 1 })),
  })
  const common = {
    type: 'DRAW_ATTENTION',
    vehicleId: 'car',
    ownerId: 'own',
    fleetId: 'partner',
    sharingId: 'lent',
    message: null,
  }
  return {
    events,
    sharings: [
      {
        id: 'lent',
        vehicleId: 'car',
        ownerId: 'own',
        partnerId: 'partner',
        startsAt: date(100),
        endsAt: date(300),
        endedAt: date(300),
        endReason: 'EXPIRED',
        cancelledAt: null,
        allowedCommands: [],
        startWhenIdle: false,
        endWhenIdle: false,
        latestEndsAt: null,
        isOverrun: null,
        startedAt: date(100),
        startRecorded: true,
        startAwaitedSince: null,
        endRequestedAt: null,
        endRequestedBy: null,
        handover: null,
        returned: null,
        createdAt: date(100),
      },
    ],
    commands: [
      {
        ...common,
        id: 'waits',
        status: 'CANCELLED_BY_HANDOVER',
        requestedAt: date(150),
        deadline: date(1150),
        dispatchedAt: null,
        completedAt: date(300),
      },
      {
        ...common,
        id: 'goes',
        status: 'SUCCEEDED',
        requestedAt: date(160),
        deadline: date(1160),
        dispatchedAt: date(170),
        completedAt: date(220),
      },
    ],
    calls,
    reads: [aRead('partner', 250, 'ACTIVE'), aRead('own', 320, 'ENDED'), aRead('partner', 330, 'ENDED')],
    logs: { own: [own(), own()], partner: [partner(), partner()] },
    sessions: { own: session(own()), partner: session(partner()) },
    dispatches: [
      { commandId: 'goes', vehicleId: 'car', deadline: iso(START + 1160), gateway: 'gateway', at: START + 172 },
    ],
    disruptions: [],
  }
}

export function recordingOf(draft: Draft): Recording {
  const fleetIds = ['own', 'partner'] as const
  return {
    seed: 1,
    fleetIds,
    vehicles: [
      { id: 'car', ownerId: 'own' },
      { id: 'theirs', ownerId: 'partner' },
    ],
    markers: new Map([
      ['own', 'r8'],
      ['partner', 'r9'],
    ]),
    calls: draft.calls,
    reads: draft.reads,
    followers: fleetIds.map((fleetId) => ({
      name: fleetId,
      fleetId,
      transport: 'SSE',
      filter: null,
      from: '',
      sessions: [draft.sessions[fleetId]],
    })),
    dispatches: draft.dispatches,
    pages: fleetIds.flatMap((fleetId) =>
      draft.logs[fleetId].map(
        (events, index) => ({ fleetId, side: index === 0 ? 0 : 1, after: null, events }) as const,
      ),
    ),
    truth: draft,
    disruptions: draft.disruptions,
    lags: [],
    problems: [],
  }
}

/** Has an event of a log come right before another one. */
export function moveAhead(log: SeenEvent[], cursor: string, of: string): void {
  const placeOf = (wanted: string) => log.findIndex((event) => event.cursor === wanted)
  const moved = log.splice(placeOf(cursor), 1)
  log.splice(placeOf(of), 0, ...moved)
}
