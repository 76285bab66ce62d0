import type { CommandType } from '../command.ts'
import type { ErrorCode } from '../errors.ts'
import type { Refusal } from './refusal.ts'
import { hasRole } from '../fleet.ts'
import type { FleetRole, Member } from '../fleet.ts'
import { overlaps } from '../period.ts'
import type { Instant, Period } from '../period.ts'
import { inForce, latestEndOf, periodOf, phaseAt } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'
import type { Vehicle } from '../vehicle.ts'

/**
 * The data that decides who controls a vehicle: the vehicle with all its sharings that are scheduled or in force, and
 * the sharing that the request names, even if that one is over. They are settled for the instant that is asked about.
 */
export type Control = { readonly vehicle: Vehicle; readonly sharings: readonly Sharing[] }

/**
 * An attempt to do something with a vehicle. Without its optional parts it asks whether the action is possible at all.
 */
export type Action =
  | { readonly kind: 'see' | 'update' | 'delete' | 'setUse' }
  | { readonly kind: 'sendCommand'; readonly type?: CommandType }
  | { readonly kind: 'startSharing'; readonly period?: Period }
  | { readonly kind: 'updateSharingEnd' | 'endSharing'; readonly sharingId?: string | undefined }

/** How a fleet stands to a vehicle: its owner, its owner while a partner has control, the partner in control. */
export const VEHICLE_RELATIONS = ['OWNED', 'SHARED_OUT', 'SHARED_IN'] as const
export type VehicleRelation = (typeof VEHICLE_RELATIONS)[number]

const ROLE_NEEDED: { readonly [K in Action['kind']]: FleetRole } = {
  see: 'VIEWER',
  sendCommand: 'OPERATOR',
  setUse: 'OPERATOR',
  update: 'MANAGER',
  delete: 'MANAGER',
  startSharing: 'MANAGER',
  updateSharingEnd: 'MANAGER',
  endSharing: 'MANAGER',
}

/** @returns the sharing in force at the instant, or null */
export const sharingAt = ({ sharings }: Control, at: Instant): Sharing | null =>
  sharings.find((sharing) => inForce(sharing, at)) ?? null

/**
 * @returns the id of the one fleet that controls the vehicle: the partner while a sharing is in force, else the owner
 */
export const controllerAt = (control: Control, at: Instant): string =>
  sharingAt(control, at)?.partnerId ?? control.vehicle.ownerId

/**
 * The owner always sees its vehicle, a partner while its sharing is in force. The SQL twin of this rule filters lists.
 */
export const seesAt = (fleetId: string, control: Control, at: Instant): boolean =>
  fleetId === control.vehicle.ownerId || fleetId === controllerAt(control, at)

/** Whether a fleet stands to the vehicle like this. The SQL twins of this rule filter lists. */
export function standsAs(relation: VehicleRelation, fleetId: string, control: Control, at: Instant): boolean {
  const sharing = sharingAt(control, at)
  switch (relation) {
    case 'OWNED':
      return fleetId === control.vehicle.ownerId
    case 'SHARED_OUT':
      return fleetId === control.vehicle.ownerId && sharing !== null
    case 'SHARED_IN':
      return fleetId === sharing?.partnerId
  }
}

/**
 * The first step of the decision: visibility, then role. It comes before the lookup of an idempotency key.
 * @param control null for an unknown or deleted vehicle, which looks like one that the member may not see
 */
export function visibilityAndRole(action: Action, by: Member, control: Control | null, at: Instant): Refusal | null {
  if (control === null || !(seesAt(by.fleetId, control, at) || cancelsScheduled(action, by, control, at))) {
    return { code: 'VEHICLE_NOT_FOUND' }
  }
  return hasRole(by, ROLE_NEEDED[action.kind]) ? null : { code: 'ROLE_NOT_SUFFICIENT' }
}

/** The partner of a scheduled sharing does not see the vehicle yet, but may cancel that sharing by its id. */
function cancelsScheduled(action: Action, by: Member, { sharings }: Control, at: Instant): boolean {
  return (
    action.kind === 'endSharing' &&
    sharings.some(
      (sharing) =>
        sharing.id === action.sharingId && sharing.partnerId === by.fleetId && phaseAt(sharing, at) === 'SCHEDULED',
    )
  )
}

/** The second step of the decision: whether the member's fleet owns or controls the vehicle as the action needs it. */
export function relation(action: Action, by: Member, control: Control, at: Instant): Refusal | null {
  const isOwner = by.fleetId === control.vehicle.ownerId
  const current = sharingAt(control, at)
  switch (action.kind) {
    case 'see':
    case 'endSharing':
      return null
    case 'update':
    case 'startSharing':
    case 'updateSharingEnd':
      return isOwner ? null : { code: 'NOT_OWNER' }
    case 'delete':
      if (!isOwner) return { code: 'NOT_OWNER' }
      return current && { code: 'SHARED_WITH_PARTNER', conflict: current }
    case 'sendCommand':
    case 'setUse':
      return isOwner && current !== null ? { code: 'SHARED_WITH_PARTNER', conflict: current } : null
  }
}

/**
 * The third step of the decision: whether the vehicle and its sharings, as they are at the instant, allow the action.
 */
export function state(action: Action, by: Member, control: Control, at: Instant): Refusal | null {
  const current = sharingAt(control, at)
  switch (action.kind) {
    case 'see':
    case 'update':
    case 'setUse':
      return null
    case 'delete':
      return conflictOf(
        'ALREADY_SHARED',
        control.sharings.find((sharing) => phaseAt(sharing, at) === 'SCHEDULED'),
      )
    case 'startSharing':
      return conflictOf('ALREADY_SHARED', conflictIn(control, action.period ?? { startsAt: at, endsAt: at + 1 }))
    case 'updateSharingEnd':
    case 'endSharing': {
      const target = targetOf(action.sharingId, by, control, at)
      return typeof target === 'string' ? { code: target } : null
    }
    case 'sendCommand': {
      const { supportedCommands } = control.vehicle
      const wanted = action.type === undefined ? supportedCommands : [action.type]
      const supported = wanted.filter((type) => supportedCommands.includes(type))
      if (supported.length === 0) return { code: 'COMMAND_NOT_SUPPORTED' }
      const allowed = current?.allowedCommands
      const covered = !allowed || supported.some((type) => allowed.includes(type))
      return covered ? null : { code: 'COMMAND_NOT_ALLOWED_BY_SHARING' }
    }
  }
}

/**
 * The whole decision, which guards the mutations and answers `viewerCan`.
 * @returns the first reason against the action, or null if it is allowed
 */
export const refusal = (action: Action, by: Member, control: Control | null, at: Instant): Refusal | null =>
  visibilityAndRole(action, by, control, at) ??
  (control && (relation(action, by, control, at) ?? state(action, by, control, at)))

/**
 * @param except a sharing that does not count, because it is the one about to be changed
 * @returns the earliest sharing that overlaps the period, or undefined
 */
export const conflictIn = ({ sharings }: Control, period: Period, except?: Sharing): Sharing | undefined =>
  sharings
    .filter((sharing) => sharing.id !== except?.id && overlaps(periodOf(sharing), period))
    .toSorted((a, b) => a.startsAt - b.startsAt)[0]

/**
 * The sharing that a request means: the one with the id, or the one in force if no id is given.
 * @returns NOT_SHARED if that sharing is over or none is in force; SHARING_NOT_FOUND for an unknown id, and likewise
 * for a sharing of another vehicle or between other fleets
 */
export function targetOf(
  sharingId: string | undefined,
  by: Member,
  control: Control,
  at: Instant,
): Sharing | Extract<ErrorCode, 'NOT_SHARED' | 'SHARING_NOT_FOUND'> {
  if (sharingId === undefined) return sharingAt(control, at) ?? 'NOT_SHARED'
  const named = control.sharings.find(({ id }) => id === sharingId)
  if (!named || (by.fleetId !== named.ownerId && by.fleetId !== named.partnerId)) return 'SHARING_NOT_FOUND'
  const phase = phaseAt(named, at)
  return phase === 'SCHEDULED' || phase === 'ACTIVE' ? named : 'NOT_SHARED'
}

export type Permission = {
  readonly allowed: boolean
  readonly code: ErrorCode | null
  /** The next start or end of a sharing that changes this answer; null where none is known. */
  readonly until: Instant | null
}

/** The answer of refusal() now, and the next instant at which it will be different. */
export function permission(action: Action, by: Member, control: Control, now: Instant): Permission {
  const codeAt = (at: Instant) => refusal(action, by, expectedAt(control, at), at)?.code ?? null
  const code = refusal(action, by, control, now)?.code ?? null
  const boundaries = control.sharings
    .flatMap((sharing) => [sharing.startedAt ?? sharing.startsAt, sharing.endedAt ?? endExpectedOf(sharing)])
    .filter((at) => at !== null)
    .filter((at) => at > now)
    .toSorted((a, b) => a - b)
  return { allowed: code === null, code, until: boundaries.find((at) => codeAt(at) !== code) ?? null }
}

/** A start that waits is called off at the due end; an end may wait until the end at the latest. */
const endExpectedOf = (sharing: Sharing): Instant | null =>
  sharing.startAwaitedSince === null ? latestEndOf(sharing) : sharing.endsAt

/** The sharings at an instant to come, as far as the clock tells: a start that is due then is not held up. */
const expectedAt = ({ vehicle, sharings }: Control, at: Instant): Control => ({
  vehicle,
  sharings: sharings.map((sharing) => {
    const { startsAt, startPolicy, startedAt, startAwaitedSince, endsAt } = sharing
    if (startPolicy === 'ON_TIME' || startedAt !== null) return sharing
    if (startAwaitedSince === null) return startsAt <= at ? { ...sharing, startedAt: startsAt } : sharing
    return endsAt !== null && endsAt <= at ? { ...sharing, cancelledAt: endsAt } : sharing
  }),
})

function conflictOf(code: ErrorCode, conflict: Sharing | undefined): Refusal | null {
  return conflict ? { code, conflict } : null
}
