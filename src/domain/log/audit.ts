import type { CommandStatus } from '../command.ts'
import type { ErrorCode } from '../errors.ts'
import type { NewEvent } from './event.ts'
import type { Instant } from '../period.ts'

/** The actions of the audit trail, with their descriptions in the schema. */
export const AUDIT_ACTIONS = {
  START_SHARING: 'To start a sharing, now or later.',
  UPDATE_SHARING_END: 'To move the due end of one.',
  END_SHARING: 'To end one, to have it end once the vehicle is idle, or to call it off.',
  SEND_COMMAND: 'To send a command; what came of it is in the log of events.',
} as const
export type AuditAction = keyof typeof AUDIT_ACTIONS

/** The origin of a request: a fleet, and the subject of its token, if the token has one. */
export type Actor = { readonly fleetId: string; readonly subject: string | null }

export type AuditEntry = {
  readonly at: Instant
  readonly action: AuditAction
  readonly actor: Actor
  readonly vehicleId: string
  readonly sharingId: string | null
  /** The reason of a refusal; null if the action was carried out. */
  readonly refusal: ErrorCode | null
  readonly requestId: string
}

/** An entry with the ids of the fleets that may read it. */
export type AuditRecord = AuditEntry & { readonly readers: readonly string[] }

const ACTION_OF: Readonly<Partial<Record<NewEvent['type'], AuditAction>>> = {
  SHARING_SCHEDULED: 'START_SHARING',
  SHARING_STARTED: 'START_SHARING',
  SHARING_END_CHANGED: 'UPDATE_SHARING_END',
  SHARING_END_REQUESTED: 'END_SHARING',
  SHARING_ENDED: 'END_SHARING',
  SHARING_CANCELLED: 'END_SHARING',
}

/** The action of a command's event: only its acceptance was requested; its later statuses follow from that. */
const acceptance = (status: CommandStatus): AuditAction | undefined =>
  status === 'PENDING' ? 'SEND_COMMAND' : undefined

/**
 * The audit entries of a request that was carried out, one for each event that the actor asked for. An entry may be
 * read by the fleets that may read the event.
 */
export const auditOf = (events: readonly NewEvent[], actor: Actor): AuditRecord[] =>
  events.flatMap((event) => {
    const { type, vehicleId, ownerId, partnerId, requestId, recordedAt: at } = event
    const action = type === 'COMMAND_UPDATED' ? acceptance(event.facts.status) : ACTION_OF[type]
    // Events without a request id, such as a due end recorded on the way, were caused by time alone.
    if (action === undefined || requestId === null) return []
    const readers = partnerId === null ? [ownerId] : [ownerId, partnerId]
    const sharingId = 'sharingId' in event ? event.sharingId : null
    return [{ at, action, actor, vehicleId, sharingId, refusal: null, requestId, readers }]
  })

/**
 * The audit record of a refused request. The asking fleet may read it, and so may the owner, unless the answer was that
 * the vehicle does not exist: guesses at ids are not shown to owners.
 * @param ownerId null if there is no such vehicle
 */
export const auditOfRefusal = (entry: AuditEntry, ownerId: string | null): AuditRecord => {
  const hidden = ownerId === null || entry.refusal === 'VEHICLE_NOT_FOUND'
  return { ...entry, readers: [...new Set([entry.actor.fleetId, ...(hidden ? [] : [ownerId])])] }
}
