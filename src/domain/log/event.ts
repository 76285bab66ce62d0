import type { Command, CommandStatus } from '../command.ts'
import type { Instant } from '../period.ts'
import { inForce } from '../sharing.ts'
import type { Sharing, SharingEndReason } from '../sharing.ts'
import type { Values } from '../state.ts'
import type { Vehicle } from '../vehicle.ts'

/**
 * This folder: the records of what has happened. Events (here) are the log that fleets read and follow; audit entries
 * (audit.ts) say which fleet asked for a change, and with what result.
 */

export const SHARING_EVENT_TYPES = [
  'SHARING_SCHEDULED',
  'SHARING_START_AWAITED',
  'SHARING_STARTED',
  'SHARING_END_CHANGED',
  'SHARING_END_REQUESTED',
  'SHARING_ENDED',
  'SHARING_CANCELLED',
] as const
export type SharingEventType = (typeof SHARING_EVENT_TYPES)[number]

export const VEHICLE_EVENT_TYPES = [
  ...SHARING_EVENT_TYPES,
  'COMMAND_UPDATED',
  'STATE_RECORDED',
  'VEHICLE_CHANGED',
  'VEHICLE_USE_CHANGED',
] as const
export type VehicleEventType = (typeof VEHICLE_EVENT_TYPES)[number]

/** The fleets that may read an event, whatever happens later: the vehicle's owner, and at most one partner. */
export type Audience = { readonly ownerId: string; readonly partnerId: string | null }

/** The values of a sharing at the moment of the event; the sharing itself has the present ones. */
export type SharingFacts = {
  readonly endsAt: Instant | null
  /** Absent for none. */
  readonly latestEndsAt?: Instant
  readonly endReason: SharingEndReason | null
}

/** An event that is not in the log yet. `requestId` is null if time alone caused it, such as a due end. */
export type NewEvent = Audience & {
  readonly vehicleId: string
  readonly occurredAt: Instant
  readonly recordedAt: Instant
  readonly requestId: string | null
} & (
    | { readonly type: SharingEventType; readonly sharingId: string; readonly facts: SharingFacts }
    | {
        readonly type: 'COMMAND_UPDATED'
        readonly commandId: string
        readonly facts: { readonly status: CommandStatus }
      }
    | { readonly type: 'STATE_RECORDED'; readonly facts: Partial<Values> }
    | { readonly type: 'VEHICLE_CHANGED' }
    | { readonly type: 'VEHICLE_USE_CHANGED'; readonly facts: { readonly inUse: boolean } }
  )

/**
 * An event in the log. `position` orders the log: of two events of one vehicle the earlier commit has the lower one. After
 * the log was set back a position may be given again; `tag` says to which event it was given: random, and 0 for events of
 * before there were tags.
 */
export type LoggedEvent = NewEvent & { readonly position: number; readonly tag: number }

/** When a change is recorded, and by which request; the request is null if time alone caused the change. */
export type Moment = { readonly at: Instant; readonly requestId: string | null }

/**
 * A sharing's event, which both parties may read, whichever of them controls the vehicle.
 * @param occurredAt earlier than `at` for a due start or end that is recorded late
 */
export const sharingEvent = (
  type: SharingEventType,
  sharing: Sharing,
  { at, requestId }: Moment,
  occurredAt: Instant = at,
): NewEvent => ({
  type,
  vehicleId: sharing.vehicleId,
  ownerId: sharing.ownerId,
  partnerId: sharing.partnerId,
  occurredAt,
  recordedAt: at,
  requestId,
  sharingId: sharing.id,
  facts: {
    endsAt: sharing.endsAt,
    ...(sharing.latestEndsAt === null ? {} : { latestEndsAt: sharing.latestEndsAt }),
    endReason: sharing.endReason,
  },
})

/**
 * A command's event, which the owner and the fleet that sent the command may read, even after the sharing.
 * @param occurredAt earlier than `at` for a deadline that is recorded late
 */
export const commandUpdated = (command: Command, { at, requestId }: Moment, occurredAt: Instant = at): NewEvent => ({
  type: 'COMMAND_UPDATED',
  vehicleId: command.vehicleId,
  ownerId: command.ownerId,
  partnerId: command.fleetId === command.ownerId ? null : command.fleetId,
  occurredAt,
  recordedAt: at,
  requestId,
  commandId: command.id,
  facts: { status: command.status },
})

/** The audience of an event that occurred at the instant: the owner, and the partner of the sharing in force then. */
export const audienceAt = (vehicle: Vehicle, sharings: readonly Sharing[], at: Instant): Audience => ({
  ownerId: vehicle.ownerId,
  partnerId: sharings.find((sharing) => inForce(sharing, at))?.partnerId ?? null,
})

/** An event for a change of the vehicle's own data, such as its name. */
export const vehicleChanged = (
  vehicle: Vehicle,
  sharings: readonly Sharing[],
  { at, requestId }: Moment,
): NewEvent => ({
  type: 'VEHICLE_CHANGED',
  vehicleId: vehicle.id,
  ...audienceAt(vehicle, sharings, at),
  occurredAt: at,
  recordedAt: at,
  requestId,
})

/** An event for the use of the vehicle, as the fleet in control has set or cleared it. */
export const useChanged = (vehicle: Vehicle, sharings: readonly Sharing[], moment: Moment): NewEvent => ({
  ...vehicleChanged(vehicle, sharings, moment),
  type: 'VEHICLE_USE_CHANGED',
  facts: { inUse: vehicle.use !== null },
})

/** A condition on events: null matches all of them, an empty list none. */
export type EventFilter = {
  readonly vehicleIds: readonly string[] | null
  readonly types: readonly VehicleEventType[] | null
}

/** @returns a predicate: whether the fleet may read an event, and the event matches the filter */
export function eventMatcher(fleetId: string, { vehicleIds, types }: EventFilter): (event: LoggedEvent) => boolean {
  const vehicles = vehicleIds && new Set(vehicleIds)
  return (event) =>
    (event.ownerId === fleetId || event.partnerId === fleetId) &&
    (vehicles === null || vehicles.has(event.vehicleId)) &&
    (types === null || types.includes(event.type))
}
