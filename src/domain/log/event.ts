import type { Command, CommandStatus } from '../command.ts'
import type { Instant } from '../period.ts'
import { inForce } from '../sharing.ts'
import type { Sharing, SharingEndReason } from '../sharing.ts'
import type { Values } from '../state.ts'
import type { Vehicle } from '../vehicle.ts'

export const SHARING_EVENT_TYPES = [
  'SHARING_SCHEDULED',
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
] as const
export type VehicleEventType = (typeof VEHICLE_EVENT_TYPES)[number]

/** The two fleets that an event belongs to for ever: the owner, and the one partner that may have been concerned. */
export type Audience = { readonly ownerId: string; readonly partnerId: string | null }

/** What a sharing event keeps of its moment; the sharing itself shows the present. */
export type SharingFacts = { readonly endsAt: Instant | null; readonly endReason: SharingEndReason | null }

/** An event on its way into the log. `requestId` is null for what came by time. */
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
  )

/** An event in the log. `position` orders the whole log: of two that touch one vehicle the earlier commit has the lower. */
export type LoggedEvent = NewEvent & { readonly position: number }

/** When, by whose request, and when it happened, if that was earlier. */
export type Moment = { readonly at: Instant; readonly requestId: string | null }

/** Sharing events belong to both parties, whoever controls the vehicle at that instant. */
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
  facts: { endsAt: sharing.endsAt, endReason: sharing.endReason },
})

/** Command events belong to the owner and to the fleet that sent the command, whatever the time. */
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

/** The owner, and the partner whose sharing was in force when it occurred. */
export const audienceAt = (vehicle: Vehicle, sharings: readonly Sharing[], at: Instant): Audience => ({
  ownerId: vehicle.ownerId,
  partnerId: sharings.find((sharing) => inForce(sharing, at))?.partnerId ?? null,
})

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

/** null matches everything, an empty list nothing. */
export type EventFilter = {
  readonly vehicleIds: readonly string[] | null
  readonly types: readonly VehicleEventType[] | null
}

/** Tells whether an event belongs to a fleet and passes its filter. */
export function reaching(fleetId: string, { vehicleIds, types }: EventFilter): (event: LoggedEvent) => boolean {
  const vehicles = vehicleIds && new Set(vehicleIds)
  return (event) =>
    (event.ownerId === fleetId || event.partnerId === fleetId) &&
    (vehicles === null || vehicles.has(event.vehicleId)) &&
    (types === null || types.includes(event.type))
}
