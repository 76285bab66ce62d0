import { inStandardOrder } from './command.ts'
import type { CommandType } from './command.ts'
import { InputError, RequestError } from './errors.ts'
import { covers, earlier } from './period.ts'
import type { Instant, Period } from './period.ts'
import { isIdle } from './state.ts'
import type { VehicleState } from './state.ts'
import type { Vehicle } from './vehicle.ts'

export const SHARING_PHASES = ['SCHEDULED', 'ACTIVE', 'ENDED', 'CANCELLED'] as const
export type SharingPhase = (typeof SHARING_PHASES)[number]

export const SHARING_STATUSES = ['SHARED_OWN_VEHICLE', 'SHARED_PARTNER_VEHICLE'] as const
export type SharingStatus = (typeof SHARING_STATUSES)[number]

/** When a party wants a sharing to end. */
export const END_SHARING_WHEN = ['NOW', 'WHEN_IDLE'] as const
export type EndSharingWhen = (typeof END_SHARING_WHEN)[number]

export const SHARING_END_REASONS = [
  'ENDED_BY_OWNER',
  'ENDED_BY_PARTNER',
  'EXPIRED',
  'CANCELLED_BY_OWNER',
  'CANCELLED_BY_PARTNER',
] as const
export type SharingEndReason = (typeof SHARING_END_REASONS)[number]

/**
 * A sharing as it is stored. Its phase at an instant follows from comparing times: `endedAt` and `startRecorded` may
 * lag behind the clock until the change that fell due is recorded.
 */
export type Sharing = {
  readonly id: string
  readonly vehicleId: string
  readonly ownerId: string
  readonly partnerId: string
  readonly startsAt: Instant
  /** The due end; null for an open end. */
  readonly endsAt: Instant | null
  /** The actual end, by request or, once that is recorded, at the due end; null for a cancelled sharing. */
  readonly endedAt: Instant | null
  readonly endReason: SharingEndReason | null
  readonly cancelledAt: Instant | null
  /** The commands that the partner may send; null for all that the vehicle supports. */
  readonly allowedCommands: readonly CommandType[] | null
  /** Whether SHARING_STARTED is in the log. */
  readonly startRecorded: boolean
  /** When an end was requested that waits for the vehicle to be idle, and by which fleet; null if none was. */
  readonly endRequestedAt: Instant | null
  readonly endRequestedBy: string | null
  /** The vehicle's readings as control passed to the partner; null before that. */
  readonly handover: VehicleState | null
  /** The vehicle's readings as control passed back to the owner; null before that. */
  readonly returned: VehicleState | null
  readonly createdAt: Instant
}

/** The period in which the partner has control; empty for a cancelled sharing. */
export const periodOf = ({ startsAt, endsAt, endedAt, cancelledAt }: Sharing): Period => ({
  startsAt,
  endsAt: cancelledAt === null ? earlier(endsAt, endedAt) : startsAt,
})

export const inForce = (sharing: Sharing, at: Instant): boolean => covers(periodOf(sharing), at)

export function phaseAt(sharing: Sharing, at: Instant): SharingPhase {
  if (sharing.cancelledAt !== null) return 'CANCELLED'
  if (at < sharing.startsAt) return 'SCHEDULED'
  return inForce(sharing, at) ? 'ACTIVE' : 'ENDED'
}

export const hasStarted = ({ startsAt, cancelledAt }: Sharing, at: Instant): boolean =>
  cancelledAt === null && startsAt <= at

/** When it did end, as seen at `at`: an end that has come counts from its very instant, recorded or not. */
export const endedAtOf = (sharing: Sharing, at: Instant): Instant | null =>
  phaseAt(sharing, at) === 'ENDED' ? periodOf(sharing).endsAt : null

export function endReasonAt(sharing: Sharing, at: Instant): SharingEndReason | null {
  const phase = phaseAt(sharing, at)
  return phase === 'ENDED' || phase === 'CANCELLED' ? (sharing.endReason ?? 'EXPIRED') : null
}

export const statusFor = ({ ownerId }: Sharing, fleetId: string): SharingStatus =>
  ownerId === fleetId ? 'SHARED_OWN_VEHICLE' : 'SHARED_PARTNER_VEHICLE'

export const isParty = ({ ownerId, partnerId }: Sharing, fleetId: string): boolean =>
  fleetId === ownerId || fleetId === partnerId

export type StartOrder = {
  readonly id: string
  readonly partnerId: string
  /** null for an immediate start. */
  readonly startsAt: Instant | null
  readonly endsAt: Instant | null
  readonly allowedCommands: readonly CommandType[] | null
}

/**
 * The sharing that an order asks for. The caller still has to check that its period is free.
 * @param arePartners whether the two fleets are registered partners
 * @param at the instant of the decision, later than every earlier decision about this vehicle
 * @throws RequestError NOT_A_PARTNER; InputError INVALID_PERIOD at [startsAt] or [endsAt], INVALID_INPUT at
 * [allowedCommands]
 */
export function startSharing(vehicle: Vehicle, order: StartOrder, arePartners: boolean, at: Instant): Sharing {
  if (!arePartners) throw new RequestError('NOT_A_PARTNER')
  const startsAt = order.startsAt ?? at
  if (startsAt < at) throw new InputError(['startsAt'], 'startsAt is in the past.', 'INVALID_PERIOD')
  checkEnd(order.endsAt, startsAt, at)
  return {
    id: order.id,
    vehicleId: vehicle.id,
    ownerId: vehicle.ownerId,
    partnerId: order.partnerId,
    startsAt,
    endsAt: order.endsAt,
    endedAt: null,
    endReason: null,
    cancelledAt: null,
    allowedCommands: order.allowedCommands && checkAllowed(order.allowedCommands, vehicle),
    startRecorded: startsAt <= at,
    endRequestedAt: null,
    endRequestedBy: null,
    handover: startsAt <= at ? vehicle.state : null,
    returned: null,
    createdAt: at,
  }
}

/**
 * The sharing with another due end.
 * @param endsAt null for an open end
 * @throws InputError INVALID_PERIOD at [endsAt]
 */
export function moveEnd(sharing: Sharing, endsAt: Instant | null, at: Instant): Sharing {
  checkEnd(endsAt, sharing.startsAt, at)
  return { ...sharing, endsAt }
}

/**
 * The sharing after one of its parties ended it, or cancelled it if it was still scheduled.
 * @param by the id of that party's fleet
 * @param state the vehicle's readings known at `at`
 */
export function endSharing(sharing: Sharing, by: string, state: VehicleState, at: Instant): Sharing {
  const party = by === sharing.ownerId ? 'OWNER' : 'PARTNER'
  return phaseAt(sharing, at) === 'SCHEDULED'
    ? { ...sharing, cancelledAt: at, endReason: `CANCELLED_BY_${party}` }
    : { ...sharing, endedAt: at, endReason: `ENDED_BY_${party}`, returned: state }
}

/**
 * Like endSharing, but while the vehicle is in use the end is only requested. A repeated request changes nothing and
 * returns `sharing` itself.
 */
export function endWhenIdle(sharing: Sharing, by: string, state: VehicleState, at: Instant): Sharing {
  if (phaseAt(sharing, at) === 'SCHEDULED' || isIdle(state)) return endSharing(sharing, by, state, at)
  return sharing.endRequestedAt === null ? { ...sharing, endRequestedAt: at, endRequestedBy: by } : sharing
}

/**
 * The sharing in force after a report of the vehicle: if an end was requested and the vehicle is idle, it is ended by
 * the fleet that requested it. Else `sharing` itself is returned.
 */
export const endIfIdle = (sharing: Sharing, state: VehicleState, at: Instant): Sharing =>
  sharing.endRequestedBy !== null && isIdle(state) ? endSharing(sharing, sharing.endRequestedBy, state, at) : sharing

function checkEnd(endsAt: Instant | null, startsAt: Instant, at: Instant): void {
  if (endsAt === null) return
  if (endsAt <= at) throw new InputError(['endsAt'], 'endsAt is not in the future.', 'INVALID_PERIOD')
  if (endsAt <= startsAt) throw new InputError(['endsAt'], 'endsAt is not after startsAt.', 'INVALID_PERIOD')
}

function checkAllowed(allowed: readonly CommandType[], vehicle: Vehicle): CommandType[] {
  const path = ['allowedCommands']
  if (allowed.length === 0) throw new InputError(path, 'allowedCommands must not be empty; leave it out for all.')
  const unknown = allowed.find((type) => !vehicle.supportedCommands.includes(type))
  if (unknown !== undefined) throw new InputError(path, `allowedCommands: the vehicle does not support ${unknown}.`)
  return inStandardOrder(allowed)
}
