import { randomUUID } from 'node:crypto'
import { visibilityAndRole, relation, state, targetOf } from '../../domain/access/access.ts'
import type { Action, Control } from '../../domain/access/access.ts'
import { auditOfRefusal } from '../../domain/log/audit.ts'
import type { AuditAction } from '../../domain/log/audit.ts'
import { errorOf } from '../../domain/access/refusal.ts'
import type { Refusal } from '../../domain/access/refusal.ts'
import { RequestError, UserError } from '../../domain/errors.ts'
import type { Member } from '../../domain/fleet.ts'
import type { Instant } from '../../domain/period.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Tx } from '../database/statement.ts'
import type { Services } from '../services.ts'
import { isId } from '../tables/ids.ts'
import { checkKey, claimKey } from './idempotency.ts'
import type { KeyUse } from './idempotency.ts'
import { withVehicle } from './lock.ts'
import type { VehicleDecision, LockOrder } from './lock.ts'

/** The member of a fleet that sends a request, and the request's id. */
export type Requester = {
  readonly member: Member
  /** The person or program of the token, if the token names one. */
  readonly subject: string | null
  readonly requestId: string
}

/** The input of a verb: the vehicle is visible, and the requester's role and relation are sufficient. */
export type Decision = VehicleDecision & {
  readonly control: Control
  /** The id of the record that the verb creates. */
  readonly id: string
}

/** The vehicle and the conditions of a decision. With `key`, a repeated request gets the answer of the first. */
export type Order<T> = Omit<LockOrder, 'actor' | 'requestId'> & {
  readonly key?: Omit<KeyUse, 'fleetId'> & { readonly repeat: (tx: Tx, id: string, decision: Decision) => Promise<T> }
}

const AUDITED: Readonly<Partial<Record<Action['kind'], AuditAction>>> = {
  startSharing: 'START_SHARING',
  updateSharingEnd: 'UPDATE_SHARING_END',
  endSharing: 'END_SHARING',
  sendCommand: 'SEND_COMMAND',
}

/**
 * Runs every verb on a vehicle: lock or compare, visibility and role, idempotency key, relation, state, the verb itself,
 * events, audit and commit. The verb's changes, events and audit entry are committed together or not at all; a refusal is in
 * the audit trail before it is answered.
 * @param verb may be called more than once; it refuses by throwing a UserError
 * @throws UserError
 */
export async function decide<T>(
  services: Services,
  by: Requester,
  action: Action,
  order: Order<T>,
  verb: (decision: Decision) => T | Promise<T>,
): Promise<T> {
  const { key, ...lock } = order
  const isKeyed = key !== undefined && key.key !== null
  let ownerId: string | null = null
  let at: Instant | null = null
  try {
    const actor = AUDITED[action.kind] ? { fleetId: by.member.fleetId, subject: by.subject } : null
    const whole = { ...lock, transactional: lock.transactional === true || isKeyed, actor, requestId: by.requestId }
    return await withVehicle(services, whole, async (locked) => {
      ownerId = locked?.vehicle.ownerId ?? null
      at = locked?.moment.at ?? null
      const decision = { ...visible(action, by, locked), id: randomUUID() }
      const { tx, control, moment, id } = decision
      const known = key ? await claimKey(tx, { ...key, fleetId: by.member.fleetId }, id, moment.at) : null
      if (key && known !== null) return key.repeat(tx, known, decision)
      refuseIf(relation(action, by.member, control, moment.at))
      if (key) checkKey(key.key)
      // startSharing checks the state itself, with the period of the new sharing.
      if (action.kind !== 'startSharing') refuseIf(state(action, by.member, control, moment.at))
      return verb(decision)
    })
  } catch (error) {
    if (error instanceof UserError) {
      error.at = at
      await recordRefusal(services, by, action, order, ownerId, error)
    }
    throw error
  }
}

export function refuseIf(refusal: Refusal | null): void {
  if (refusal !== null) throw errorOf(refusal)
}

/** Visibility and role are checked before anything else. */
function visible(
  action: Action,
  { member }: Requester,
  locked: VehicleDecision | null,
): VehicleDecision & { readonly control: Control } {
  if (!locked?.control) throw new RequestError('VEHICLE_NOT_FOUND')
  refuseIf(visibilityAndRole(action, member, locked.control, locked.moment.at))
  return { ...locked, control: locked.control }
}

/** The sharing that a verb changes; the action's check of the state has found it. */
export function targetSharing(
  { sharingId }: Extract<Action, { kind: 'updateSharingEnd' | 'endSharing' }>,
  { member }: Requester,
  { control, moment }: Decision,
): Sharing {
  const target = targetOf(sharingId, member, control, moment.at)
  if (typeof target === 'string') throw new RequestError(target)
  return target
}

async function recordRefusal(
  { clock, refusalTrail }: Services,
  { member, subject, requestId }: Requester,
  { kind }: Action,
  { vehicleId, sharingId }: Pick<LockOrder, 'vehicleId' | 'sharingId'>,
  ownerId: string | null,
  { code }: UserError,
): Promise<void> {
  const action = AUDITED[kind]
  // An id of no form that ids have names nothing that could be looked at later.
  if (!action || !isId(vehicleId)) return
  const named = sharingId != null && isId(sharingId) ? sharingId : null
  const actor = { fleetId: member.fleetId, subject }
  const entry = { at: clock.now(), action, actor, vehicleId, sharingId: named, refusal: code, requestId }
  await refusalTrail(auditOfRefusal(entry, ownerId))
}
