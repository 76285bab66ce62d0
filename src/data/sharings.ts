import { randomUUID } from 'node:crypto'
import { visibilityAndRole, conflictIn, relation, seesAt, state, targetOf } from '../domain/access/access.ts'
import type { Action, Control } from '../domain/access/access.ts'
import type { CommandType } from '../domain/command.ts'
import { inStandardOrder } from '../domain/command.ts'
import { InputError, RequestError } from '../domain/errors.ts'
import { errorOf, SharingConflictError } from '../domain/access/refusal.ts'
import type { Refusal } from '../domain/access/refusal.ts'
import { sharingEvent } from '../domain/log/event.ts'
import type { Instant } from '../domain/period.ts'
import { endSharing, endWhenIdle, moveEnd, periodOf, phaseAt, startSharing } from '../domain/sharing.ts'
import type { Sharing, SharingPhase } from '../domain/sharing.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import type { Database } from './client.ts'
import { audited } from './audit.ts'
import type { Requester } from './audit.ts'
import { change } from './changes.ts'
import { checkKey, claimKey } from './idempotency.ts'
import { cancelPending } from './lock.ts'
import type { Held } from './lock.ts'
import { storedSharing } from './held-rows.ts'

export type SharingResult = { readonly vehicle: Vehicle; readonly sharing: Sharing }

export function refuseIf(refusal: Refusal | null): void {
  if (refusal !== null) throw errorOf(refusal)
}

/** What a decision has to work with once the vehicle is known to be there. */
export type Admitted = Held & { readonly control: Control }

/** Visibility and role: what is checked before anything else. */
export function admit(action: Action, { member }: Requester, held: Held | null): Admitted {
  if (!held?.control) throw new RequestError('VEHICLE_NOT_FOUND')
  refuseIf(visibilityAndRole(action, member, held.control, held.moment.at))
  return { ...held, control: held.control }
}

export type StartSharingOrder = {
  readonly vehicleId: string
  readonly fleetId: string
  readonly startsAt: Instant | null
  readonly endsAt: Instant | null
  readonly allowedCommands: readonly CommandType[] | null
  readonly idempotencyKey: string | null
}

/** @throws UserError as the contract lists them for startSharing */
export async function start(db: Database, by: Requester, order: StartSharingOrder): Promise<SharingResult> {
  const { vehicleId, fleetId: partnerId, idempotencyKey } = order
  const lock = { vehicleId, partnerId, handover: true, transactional: idempotencyKey !== null }
  return audited(db, by, 'START_SHARING', lock, async (held) => {
    const admitted = admit({ kind: 'startSharing' }, by, held)
    const { tx, control, moment, changes, events } = admitted
    const id = randomUUID()
    const { idempotencyKey: key, allowedCommands, ...rest } = order
    const input = { ...rest, allowedCommands: allowedCommands && inStandardOrder(allowedCommands) }
    const known = await claimKey(
      tx,
      { fleetId: by.member.fleetId, mutation: 'startSharing', key, input },
      id,
      moment.at,
    )
    if (known !== null) {
      return {
        vehicle: control.vehicle,
        sharing: await storedSharing(tx, known),
      }
    }
    refuseIf(relation({ kind: 'startSharing' }, by.member, control, moment.at))
    checkKey(key)
    const sharing = startSharing(
      control.vehicle,
      { ...order, id, partnerId: order.fleetId },
      admitted.arePartners,
      moment.at,
    )
    refuseIf(state({ kind: 'startSharing', period: periodOf(sharing) }, by.member, control, moment.at))
    change(changes.sharings, sharing, true)
    events.push(sharingEvent(sharing.startRecorded ? 'SHARING_STARTED' : 'SHARING_SCHEDULED', sharing, moment))
    if (sharing.startRecorded) cancelPending(admitted)
    return { vehicle: control.vehicle, sharing }
  })
}

export type MoveEndOrder = {
  readonly vehicleId: string
  readonly sharingId: string | undefined
  /** undefined if the client left it out, which it must not; null for an open end. */
  readonly endsAt: Instant | null | undefined
}

/** @throws UserError as the contract lists them for updateSharingEnd */
export async function updateEnd(db: Database, by: Requester, order: MoveEndOrder): Promise<SharingResult> {
  const { vehicleId, sharingId, endsAt } = order
  return audited(db, by, 'UPDATE_SHARING_END', { vehicleId, sharingId, handover: false }, async (held) => {
    const { control, moment, changes, events, target } = admitTo({ kind: 'updateSharingEnd', sharingId }, by, held)
    if (endsAt === undefined) throw new InputError(['endsAt'], 'endsAt has to be given; null makes the end open.')
    if (endsAt === target.endsAt) return { vehicle: control.vehicle, sharing: target }
    const sharing = moveEnd(target, endsAt, moment.at)
    const conflict = conflictIn(control, periodOf(sharing), target)
    if (conflict) throw new SharingConflictError('ALREADY_SHARED', conflict)
    change(changes.sharings, sharing)
    events.push(sharingEvent('SHARING_END_CHANGED', sharing, moment))
    return { vehicle: control.vehicle, sharing }
  })
}

export const END_SHARING_WHEN = ['NOW', 'WHEN_IDLE'] as const
export type EndSharingWhen = (typeof END_SHARING_WHEN)[number]

export type EndOrder = {
  readonly vehicleId: string
  readonly sharingId: string | undefined
  readonly when: EndSharingWhen
}

/**
 * @returns the vehicle as long as the requester's fleet may see it: null for the partner once it has ended
 * @throws UserError as the contract lists them for endSharing
 */
export async function end(
  db: Database,
  by: Requester,
  { vehicleId, sharingId, when }: EndOrder,
): Promise<{ vehicle: Vehicle | null; sharing: Sharing }> {
  return audited(db, by, 'END_SHARING', { vehicleId, sharingId, handover: true }, async (held) => {
    const admitted = admitTo({ kind: 'endSharing', sharingId }, by, held)
    const { vehicle, control, moment, changes, events, target } = admitted
    const { fleetId } = by.member
    const verb = when === 'NOW' ? endSharing : endWhenIdle
    const sharing = verb(target, fleetId, vehicle.state, moment.at)
    if (sharing !== target) {
      change(changes.sharings, sharing)
      events.push(sharingEvent(EVENT_OF[phaseAt(sharing, moment.at) as keyof typeof EVENT_OF], sharing, moment))
      if (sharing.endedAt !== null) cancelPending(admitted)
    }
    const after = { vehicle, sharings: control.sharings.map((other) => (other === target ? sharing : other)) }
    return { vehicle: seesAt(fleetId, after, moment.at) ? vehicle : null, sharing }
  })
}

/** What endSharing has done, by where it left the sharing. */
const EVENT_OF = {
  ENDED: 'SHARING_ENDED',
  CANCELLED: 'SHARING_CANCELLED',
  ACTIVE: 'SHARING_END_REQUESTED',
} as const satisfies Partial<Record<SharingPhase, string>>

/** The guards of the verbs that change one sharing, and the sharing that they mean. */
function admitTo(
  action: Extract<Action, { kind: 'updateSharingEnd' | 'endSharing' }>,
  by: Requester,
  held: Held | null,
): Admitted & { readonly target: Sharing } {
  const admitted = admit(action, by, held)
  const { control, moment } = admitted
  const { at } = moment
  refuseIf(relation(action, by.member, control, at))
  const target = targetOf(action.sharingId, by.member, control, at)
  if (typeof target === 'string') throw new RequestError(target)
  return { ...admitted, target }
}
