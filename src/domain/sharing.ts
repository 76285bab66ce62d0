import { inStandardOrder } from './command.ts'
import type { CommandType } from './command.ts'
import { InputError, RequestError } from './errors.ts'
import { earlier, LATEST_INSTANT } from './period.ts'
import type { Instant, Period } from './period.ts'
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
  'NOT_HANDED_OVER',
] as const
export type SharingEndReason = (typeof SHARING_END_REASONS)[number]

/** How control passes at a due instant: at the instant itself, or once the vehicle is idle. */
export const HANDOVER_POLICIES = ['ON_TIME', 'WHEN_IDLE'] as const
export type HandoverPolicy = (typeof HANDOVER_POLICIES)[number]

/**
 * A sharing as it is stored. With ON_TIME its phase at an instant follows from comparing times: `startedAt` and `endedAt` may lag
 * behind the clock until the change that fell due is recorded. What falls due with WHEN_IDLE depends on the vehicle, too: settle()
 * decides it, and the functions of this file are asked about a sharing that is settled for their instant.
 */
export type Sharing = {
  readonly id: string
  readonly vehicleId: string
  readonly ownerId: string
  readonly partnerId: string
  /** The due start. */
  readonly startsAt: Instant
  readonly startPolicy: HandoverPolicy
  /** When control passed to the partner; null until SHARING_STARTED is in the log. */
  readonly startedAt: Instant | null
  /** Since when a due start waits for the vehicle to be idle; null before and after. */
  readonly startAwaitedSince: Instant | null
  /** The due end; null for an open end. */
  readonly endsAt: Instant | null
  readonly endPolicy: HandoverPolicy
  /** With endPolicy WHEN_IDLE and a due end: the end at the latest. */
  readonly latestEndsAt: Instant | null
  /** With endPolicy WHEN_IDLE: whether the vehicle was in use as the due end came; null before that. */
  readonly isOverrun: boolean | null
  /** The actual end, by request or, once that is recorded, at the due end; null for a cancelled sharing. */
  readonly endedAt: Instant | null
  readonly endReason: SharingEndReason | null
  readonly cancelledAt: Instant | null
  /** The commands that the partner may send; null for all that the vehicle supports. */
  readonly allowedCommands: readonly CommandType[] | null
  /**
   * Since when the end waits for the vehicle to be idle, null for one that does not, and the fleet that asked for that; null if
   * none did before the due end.
   */
  readonly endRequestedAt: Instant | null
  readonly endRequestedBy: string | null
  /** The vehicle's readings as control passed to the partner; null before that. */
  readonly handover: VehicleState | null
  /** The vehicle's readings as control passed back to the owner; null before that. */
  readonly returned: VehicleState | null
  readonly createdAt: Instant
}

/** Whether what falls due of it depends on the vehicle, not on the clock alone. */
export const hasPolicy = ({ startPolicy, endPolicy }: Sharing): boolean =>
  startPolicy === 'WHEN_IDLE' || endPolicy === 'WHEN_IDLE'

/** The end at the latest; null for an open end. */
export const latestEndOf = ({ endsAt, latestEndsAt }: Sharing): Instant | null => latestEndsAt ?? endsAt

/** The period that no other sharing of the vehicle may take, from the due start on; empty for a cancelled sharing. */
export const periodOf = (sharing: Sharing): Period => ({
  startsAt: sharing.startsAt,
  endsAt: sharing.cancelledAt === null ? earlier(latestEndOf(sharing), sharing.endedAt) : sharing.startsAt,
})

/** When control passes to the partner, recorded or not; null while that depends on the vehicle, and if it never does. */
const startOf = ({ startedAt, startsAt, startPolicy, cancelledAt }: Sharing): Instant | null =>
  cancelledAt === null ? (startedAt ?? (startPolicy === 'ON_TIME' ? startsAt : null)) : null

/** Whether control has passed to the partner by then, back again or not. */
export function hasStarted(sharing: Sharing, at: Instant): boolean {
  const start = startOf(sharing)
  return start !== null && start <= at
}

/** When control passed to the partner, as seen at `at`; null before that. */
export const startedAtOf = (sharing: Sharing, at: Instant): Instant | null =>
  hasStarted(sharing, at) ? startOf(sharing) : null

/** Since when the start waits at `at`, also where what ended that wait is recorded by now; null for one that does not. */
export const startAwaitedSinceOf = (sharing: Sharing, at: Instant): Instant | null =>
  sharing.startPolicy === 'WHEN_IDLE' && sharing.startsAt <= at && phaseAt(sharing, at) === 'SCHEDULED'
    ? sharing.startsAt
    : null

/** Whether the partner has control. */
export function inForce(sharing: Sharing, at: Instant): boolean {
  if (!hasStarted(sharing, at)) return false
  const end = earlier(latestEndOf(sharing), sharing.endedAt)
  return end === null || at < end
}

export function phaseAt(sharing: Sharing, at: Instant): SharingPhase {
  if (sharing.cancelledAt !== null) return 'CANCELLED'
  if (!hasStarted(sharing, at)) return 'SCHEDULED'
  return inForce(sharing, at) ? 'ACTIVE' : 'ENDED'
}

/** Since when the end waits, as seen at `at`; null for one that does not. */
export const endRequestedAtOf = (sharing: Sharing, at: Instant): Instant | null =>
  phaseAt(sharing, at) === 'ACTIVE' && sharing.endRequestedAt !== null && sharing.endRequestedAt <= at
    ? sharing.endRequestedAt
    : null

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
  /** ON_TIME, if absent. */
  readonly startPolicy?: HandoverPolicy
  readonly endPolicy?: HandoverPolicy
  readonly latestEndsAt?: Instant | null
  readonly allowedCommands: readonly CommandType[] | null
}

/**
 * The sharing that an order asks for, started if it is to start now, on time. The caller still has to check that its period is
 * free; startIfDue() of handover/waiting.ts decides on one that is to start now, WHEN_IDLE.
 * @param arePartners whether the two fleets are registered partners
 * @param at the instant of the decision, later than every earlier decision about this vehicle
 * @throws RequestError NOT_A_PARTNER; InputError INVALID_PERIOD at [startsAt], [endsAt] or [latestEndsAt],
 * INVALID_INPUT at [allowedCommands]
 */
export function startSharing(vehicle: Vehicle, order: StartOrder, arePartners: boolean, at: Instant): Sharing {
  if (!arePartners) throw new RequestError('NOT_A_PARTNER')
  const startsAt = order.startsAt ?? at
  if (startsAt < at) throw new InputError(['startsAt'], 'startsAt is in the past.', 'INVALID_PERIOD')
  checkEnd(order.endsAt, startsAt, at)
  const { startPolicy = 'ON_TIME', endPolicy = 'ON_TIME', latestEndsAt = null } = order
  checkLatestEnd({ endsAt: order.endsAt, endPolicy, latestEndsAt })
  const startsNow = startsAt <= at && startPolicy === 'ON_TIME'
  return {
    id: order.id,
    vehicleId: vehicle.id,
    ownerId: vehicle.ownerId,
    partnerId: order.partnerId,
    startsAt,
    startPolicy,
    startedAt: startsNow ? startsAt : null,
    startAwaitedSince: null,
    endsAt: order.endsAt,
    endPolicy,
    latestEndsAt,
    isOverrun: null,
    endedAt: null,
    endReason: null,
    cancelledAt: null,
    allowedCommands: order.allowedCommands && checkAllowed(order.allowedCommands, vehicle),
    endRequestedAt: null,
    endRequestedBy: null,
    handover: startsNow ? vehicle.state : null,
    returned: null,
    createdAt: at,
  }
}

/**
 * The sharing with another due end. What is there already changes nothing and returns `sharing` itself. A later end of a sharing
 * whose due end has passed ends the wait that this began; a party's wish stays.
 * @param endsAt null for an open end
 * @param latest the end at the latest; null moves it with the due end, by as much
 * @throws InputError INVALID_PERIOD at [endsAt] or [latestEndsAt]
 */
export function moveEnd(sharing: Sharing, endsAt: Instant | null, at: Instant, latest: Instant | null = null): Sharing {
  const isSameEnd = endsAt === sharing.endsAt
  if (!isSameEnd) checkEnd(endsAt, sharing.startsAt, at)
  const latestEndsAt = latest ?? movedWith(sharing, endsAt)
  if (isSameEnd && latestEndsAt === sharing.latestEndsAt) return sharing
  checkLatestEnd({ ...sharing, endsAt, latestEndsAt })
  if (latestEndsAt !== null && latestEndsAt <= at) {
    throw new InputError(['latestEndsAt'], 'latestEndsAt is not in the future.', 'INVALID_PERIOD')
  }
  if (isSameEnd) return { ...sharing, latestEndsAt }
  const isWished = sharing.endRequestedBy !== null
  const wait = sharing.isOverrun && !isWished ? { endRequestedAt: null } : {}
  return { ...sharing, endsAt, latestEndsAt, isOverrun: null, ...wait }
}

function movedWith({ endsAt: before, latestEndsAt }: Sharing, endsAt: Instant | null): Instant | null {
  if (latestEndsAt === null || before === null || endsAt === null) return null
  return Math.min(latestEndsAt + endsAt - before, LATEST_INSTANT)
}

/**
 * The sharing after one of its parties ended it, or cancelled it if it was still scheduled.
 * @param by the id of that party's fleet
 * @param state the vehicle's readings known at `at`
 */
export function endSharing(sharing: Sharing, by: string, state: VehicleState, at: Instant): Sharing {
  const party = by === sharing.ownerId ? 'OWNER' : 'PARTNER'
  return phaseAt(sharing, at) === 'SCHEDULED'
    ? { ...sharing, cancelledAt: at, endReason: `CANCELLED_BY_${party}`, startAwaitedSince: null }
    : { ...sharing, endedAt: at, endReason: `ENDED_BY_${party}`, returned: state }
}

function checkEnd(endsAt: Instant | null, startsAt: Instant, at: Instant): void {
  if (endsAt === null) return
  if (endsAt <= at) throw new InputError(['endsAt'], 'endsAt is not in the future.', 'INVALID_PERIOD')
  if (endsAt <= startsAt) throw new InputError(['endsAt'], 'endsAt is not after startsAt.', 'INVALID_PERIOD')
}

function checkLatestEnd({
  endsAt,
  endPolicy,
  latestEndsAt,
}: Pick<Sharing, 'endsAt' | 'endPolicy' | 'latestEndsAt'>): void {
  const mayWait = endPolicy === 'WHEN_IDLE' && endsAt !== null
  const fault =
    latestEndsAt === null
      ? mayWait && 'latestEndsAt has to be given with endsAt and endPolicy WHEN_IDLE.'
      : !mayWait
        ? 'latestEndsAt is given only with endsAt and endPolicy WHEN_IDLE.'
        : latestEndsAt < endsAt && 'latestEndsAt is before endsAt.'
  if (fault !== false) throw new InputError(['latestEndsAt'], fault, 'INVALID_PERIOD')
}

function checkAllowed(allowed: readonly CommandType[], vehicle: Vehicle): CommandType[] {
  const path = ['allowedCommands']
  if (allowed.length === 0) throw new InputError(path, 'allowedCommands must not be empty; leave it out for all.')
  const unknown = allowed.find((type) => !vehicle.supportedCommands.includes(type))
  if (unknown !== undefined) throw new InputError(path, `allowedCommands: the vehicle does not support ${unknown}.`)
  return inStandardOrder(allowed)
}
