import type { CommandStatus } from '../command.ts'
import type { ErrorCode } from '../errors.ts'
import type { NewEvent } from './event.ts'
import type { Instant } from '../period.ts'

export const AUDIT_ACTIONS = {
  START_SHARING: 'To start a sharing, now or later.',
  UPDATE_SHARING_END: 'To move the due end of one.',
  END_SHARING: 'To end one, to have it end once the vehicle is idle, or to call it off.',
  SEND_COMMAND: 'To send a command; what came of it is in the log of events.',
} as const
export type AuditAction = keyof typeof AUDIT_ACTIONS

/** Who asked: a fleet, and whom its token was made for, if it says so. */
export type Actor = { readonly fleetId: string; readonly subject: string | null }

export type AuditEntry = {
  readonly at: Instant
  readonly action: AuditAction
  readonly actor: Actor
  readonly vehicleId: string
  readonly sharingId: string | null
  /** Why it was refused; null for what was done. */
  readonly refusal: ErrorCode | null
  readonly requestId: string
}

/** An entry, and the fleets that it belongs to. */
export type Audited = AuditEntry & { readonly readers: readonly string[] }

const ACTION_OF: Readonly<Partial<Record<NewEvent['type'], AuditAction>>> = {
  SHARING_SCHEDULED: 'START_SHARING',
  SHARING_STARTED: 'START_SHARING',
  SHARING_END_CHANGED: 'UPDATE_SHARING_END',
  SHARING_END_REQUESTED: 'END_SHARING',
  SHARING_ENDED: 'END_SHARING',
  SHARING_CANCELLED: 'END_SHARING',
}

/** Its first step is what somebody asked for; the others follow from it. */
const acceptance = (status: CommandStatus): AuditAction | undefined =>
  status === 'PENDING' ? 'SEND_COMMAND' : undefined

/** What a request has done, by the events that it caused. It belongs to those whom they belong to. */
export const done = (events: readonly NewEvent[], actor: Actor): Audited[] =>
  events.flatMap((event) => {
    const { type, vehicleId, ownerId, partnerId, requestId, recordedAt: at } = event
    const action = type === 'COMMAND_UPDATED' ? acceptance(event.facts.status) : ACTION_OF[type]
    // What fell due meanwhile came by time.
    if (action === undefined || requestId === null) return []
    const readers = partnerId === null ? [ownerId] : [ownerId, partnerId]
    const sharingId = 'sharingId' in event ? event.sharingId : null
    return [{ at, action, actor, vehicleId, sharingId, refusal: null, requestId, readers }]
  })

/**
 * What was refused belongs to whoever asked, and to the owner: unless the vehicle does not exist for whoever asked, whose
 * guessing is not the owner's to know, as the vehicle is not theirs.
 * @param ownerId null if there is no such vehicle
 */
export const refused = (entry: AuditEntry, ownerId: string | null): Audited => {
  const hidden = ownerId === null || entry.refusal === 'VEHICLE_NOT_FOUND'
  return { ...entry, readers: [...new Set([entry.actor.fleetId, ...(hidden ? [] : [ownerId])])] }
}
