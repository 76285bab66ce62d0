import type { CommandType } from '../command.ts'
import type { ErrorCode } from '../errors.ts'
import type { Refusal } from './refusal.ts'
import { hasRole } from '../fleet.ts'
import type { FleetRole, Member } from '../fleet.ts'
import { overlaps } from '../period.ts'
import type { Instant, Period } from '../period.ts'
import { inForce, periodOf, phaseAt } from '../sharing.ts'
import type { Sharing } from '../sharing.ts'
import type { Vehicle } from '../vehicle.ts'

/**
 * A vehicle with those of its sharings that may matter to a decision: all that are scheduled or in force, and the one that
 * a request names, over or not.
 */
export type Control = { readonly vehicle: Vehicle; readonly sharings: readonly Sharing[] }

/** What somebody wants to do with a vehicle. Without its optional parts: whether it could be done at all. */
export type Action =
  | { readonly kind: 'see' | 'update' | 'delete' }
  | { readonly kind: 'sendCommand'; readonly type?: CommandType }
  | { readonly kind: 'startSharing'; readonly period?: Period }
  | { readonly kind: 'updateSharingEnd' | 'endSharing'; readonly sharingId?: string | undefined }

const ROLE_NEEDED: { readonly [K in Action['kind']]: FleetRole } = {
  see: 'VIEWER',
  sendCommand: 'OPERATOR',
  update: 'MANAGER',
  delete: 'MANAGER',
  startSharing: 'MANAGER',
  updateSharingEnd: 'MANAGER',
  endSharing: 'MANAGER',
}

export const sharingAt = ({ sharings }: Control, at: Instant): Sharing | null =>
  sharings.find((sharing) => inForce(sharing, at)) ?? null

/** The one fleet that controls a vehicle: the partner while a sharing is in force, else the owner. */
export const controllerAt = (control: Control, at: Instant): string =>
  sharingAt(control, at)?.partnerId ?? control.vehicle.ownerId

/** The owner always sees its vehicle; a partner while its sharing is in force. data/visible.ts says the same of lists. */
export const seesAt = (fleetId: string, control: Control, at: Instant): boolean =>
  fleetId === control.vehicle.ownerId || fleetId === controllerAt(control, at)

/** May this member try it? Checked before a repeated idempotency key is answered. */
export function admission(action: Action, by: Member, control: Control | null, at: Instant): Refusal | null {
  if (control === null || !(seesAt(by.fleetId, control, at) || callsOff(action, by, control, at))) {
    return { code: 'VEHICLE_NOT_FOUND' }
  }
  return hasRole(by, ROLE_NEEDED[action.kind]) ? null : { code: 'ROLE_NOT_SUFFICIENT' }
}

/** The one thing open to the partner of a scheduled sharing: to name it and call it off. */
function callsOff(action: Action, by: Member, { sharings }: Control, at: Instant): boolean {
  return (
    action.kind === 'endSharing' &&
    sharings.some(
      (sharing) =>
        sharing.id === action.sharingId && sharing.partnerId === by.fleetId && phaseAt(sharing, at) === 'SCHEDULED',
    )
  )
}

/** Does the member's fleet stand to the vehicle as the action needs it? */
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
      return isOwner && current !== null ? { code: 'SHARED_WITH_PARTNER', conflict: current } : null
  }
}

/** Does what the vehicle and its sharings are at the instant allow it? */
export function state(action: Action, by: Member, control: Control, at: Instant): Refusal | null {
  const current = sharingAt(control, at)
  switch (action.kind) {
    case 'see':
    case 'update':
      return null
    case 'delete':
      return refuse(
        'ALREADY_SHARED',
        control.sharings.find((sharing) => phaseAt(sharing, at) === 'SCHEDULED'),
      )
    case 'startSharing':
      return refuse('ALREADY_SHARED', conflictIn(control, action.period ?? { startsAt: at, endsAt: at + 1 }))
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

/** The first reason against it, or null: what guards the mutations and answers `viewerCan`. */
export const refusal = (action: Action, by: Member, control: Control | null, at: Instant): Refusal | null =>
  admission(action, by, control, at) ??
  (control && (relation(action, by, control, at) ?? state(action, by, control, at)))

/** The sharing that stands in the way of a period; `except` is one that is about to be changed. */
export const conflictIn = ({ sharings }: Control, period: Period, except?: Sharing): Sharing | undefined =>
  sharings
    .filter((sharing) => sharing.id !== except?.id && overlaps(periodOf(sharing), period))
    .toSorted((a, b) => a.startsAt - b.startsAt)[0]

/**
 * The sharing that a request names, or the one in force if it names none. One that is over is NOT_SHARED; one of another
 * vehicle or between other fleets does not exist.
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

/** The answer now, and the next instant at which the very same rule answers otherwise. */
export function permission(action: Action, by: Member, control: Control, now: Instant): Permission {
  const codeAt = (at: Instant) => refusal(action, by, control, at)?.code ?? null
  const code = codeAt(now)
  const turns = control.sharings
    .map(periodOf)
    .flatMap(({ startsAt, endsAt }) => (endsAt === null ? [startsAt] : [startsAt, endsAt]))
    .filter((at) => at > now)
    .toSorted((a, b) => a - b)
  return { allowed: code === null, code, until: turns.find((at) => codeAt(at) !== code) ?? null }
}

function refuse(code: ErrorCode, conflict: Sharing | undefined): Refusal | null {
  return conflict ? { code, conflict } : null
}
