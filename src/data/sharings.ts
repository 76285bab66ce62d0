import { randomUUID } from 'node:crypto'
import { admission, conflictIn, relation, state, targetOf } from '../domain/access.ts'
import type { Action, Control } from '../domain/access.ts'
import type { CommandType } from '../domain/command.ts'
import { normalised } from '../domain/command.ts'
import { errorOf, InputError, RequestError, SharingConflictError } from '../domain/errors.ts'
import type { Refusal } from '../domain/errors.ts'
import { sharingEvent } from '../domain/event.ts'
import type { Member } from '../domain/fleet.ts'
import type { Instant } from '../domain/period.ts'
import { endSharing, inForce, moveEnd, periodOf, phaseAt, startSharing } from '../domain/sharing.ts'
import type { Sharing } from '../domain/sharing.ts'
import type { Vehicle } from '../domain/vehicle.ts'
import type { Database } from './client.ts'
import { arePartners } from './fleets.ts'
import { claimKey } from './idempotency.ts'
import { saveSharing, withVehicle } from './lock.ts'
import type { Held } from './lock.ts'
import { fromSharing, toSharing } from './rows.ts'

/** Who asks, and under which request id. */
export type Requester = { readonly member: Member; readonly requestId: string }

export type SharingResult = { readonly vehicle: Vehicle; readonly sharing: Sharing }

export function refuseIf(refusal: Refusal | null): void {
  if (refusal !== null) throw errorOf(refusal)
}

/** Visibility and role: what is checked before anything else. @returns the control that there is then */
export function admit(action: Action, { member }: Requester, { control, moment }: Held): Control {
  refuseIf(admission(action, member, control, moment.at))
  if (control === null) throw new RequestError('VEHICLE_NOT_FOUND')
  return control
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
  const { vehicleId, requestId } = { ...order, requestId: by.requestId }
  return withVehicle(db, { vehicleId, requestId, handover: true }, async (held) => {
    const { tx, moment, events } = held
    const control = admit({ kind: 'startSharing' }, by, held)
    const id = randomUUID()
    const { idempotencyKey: key, allowedCommands, ...rest } = order
    const input = { ...rest, allowedCommands: allowedCommands && normalised(allowedCommands) }
    const known = await claimKey(
      tx,
      { fleetId: by.member.fleetId, mutation: 'startSharing', key, input },
      id,
      moment.at,
    )
    if (known !== null) {
      return {
        vehicle: control.vehicle,
        sharing: toSharing(await tx.sharing.findUniqueOrThrow({ where: { id: known } })),
      }
    }
    refuseIf(relation({ kind: 'startSharing' }, by.member, control, moment.at))
    const sharing = startSharing(
      control.vehicle,
      { ...order, id, partnerId: order.fleetId },
      await arePartners(tx, control.vehicle.ownerId, order.fleetId),
      moment.at,
    )
    refuseIf(state({ kind: 'startSharing', period: periodOf(sharing) }, by.member, control, moment.at))
    await tx.sharing.create({ data: fromSharing(sharing), select: { id: true } })
    events.push(sharingEvent(sharing.startRecorded ? 'SHARING_STARTED' : 'SHARING_SCHEDULED', sharing, moment))
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
  return withVehicle(db, { vehicleId, sharingId, requestId: by.requestId, handover: false }, async (held) => {
    const { tx, moment, events } = held
    const { control, target } = admitTo({ kind: 'updateSharingEnd', sharingId }, by, held)
    if (endsAt === undefined) throw new InputError(['endsAt'], 'endsAt has to be given; null makes the end open.')
    if (endsAt === target.endsAt) return { vehicle: control.vehicle, sharing: target }
    const sharing = moveEnd(target, endsAt, moment.at)
    const conflict = conflictIn(control, periodOf(sharing), target)
    if (conflict) throw new SharingConflictError('ALREADY_SHARED', conflict)
    await saveSharing(tx, sharing)
    events.push(sharingEvent('SHARING_END_CHANGED', sharing, moment))
    return { vehicle: control.vehicle, sharing }
  })
}

export type EndOrder = { readonly vehicleId: string; readonly sharingId: string | undefined }

/**
 * @returns the vehicle as long as the requester's fleet may see it: null for the partner
 * @throws UserError as the contract lists them for endSharing
 */
export async function end(
  db: Database,
  by: Requester,
  { vehicleId, sharingId }: EndOrder,
): Promise<{ vehicle: Vehicle | null; sharing: Sharing }> {
  return withVehicle(db, { vehicleId, sharingId, requestId: by.requestId, handover: true }, async (held) => {
    const { tx, moment, events } = held
    const { control, target } = admitTo({ kind: 'endSharing', sharingId }, by, held)
    const sharing = endSharing(target, by.member.fleetId, moment.at)
    await saveSharing(tx, sharing)
    const cancelled = phaseAt(sharing, moment.at) === 'CANCELLED'
    events.push(sharingEvent(cancelled ? 'SHARING_CANCELLED' : 'SHARING_ENDED', sharing, moment))
    const sees =
      by.member.fleetId === control.vehicle.ownerId ||
      control.sharings.some(
        (other) => other.id !== target.id && other.partnerId === by.member.fleetId && inForce(other, moment.at),
      )
    return { vehicle: sees ? control.vehicle : null, sharing }
  })
}

/** The guards of the verbs that change one sharing, and the sharing that they mean. */
function admitTo(
  action: Extract<Action, { kind: 'updateSharingEnd' | 'endSharing' }>,
  by: Requester,
  held: Held,
): { control: Control; target: Sharing } {
  const { at } = held.moment
  const control = admit(action, by, held)
  refuseIf(relation(action, by.member, control, at))
  const target = targetOf(action.sharingId, by.member, control, at)
  if (typeof target === 'string') throw new RequestError(target)
  return { control, target }
}
