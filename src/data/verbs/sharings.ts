import { conflictIn, seesAt, state } from '../../domain/access/access.ts'
import type { Action } from '../../domain/access/access.ts'
import type { CommandType } from '../../domain/command.ts'
import { inStandardOrder } from '../../domain/command.ts'
import { SharingConflictError } from '../../domain/access/refusal.ts'
import { InputError } from '../../domain/errors.ts'
import { sharingEvent } from '../../domain/log/event.ts'
import type { Instant } from '../../domain/period.ts'
import { endSharing, endWhenIdle, moveEnd, periodOf, phaseAt, startSharing } from '../../domain/sharing.ts'
import type { EndSharingWhen, Sharing, SharingPhase } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import type { Tx } from '../database/statement.ts'
import type { Services } from '../services.ts'
import { change } from '../decisions/commit.ts'
import { decide, refuseIf, targetSharing } from '../decisions/decide.ts'
import type { Decision, Requester } from '../decisions/decide.ts'
import { cancelPending } from '../decisions/lock.ts'
import { storedSharing } from '../decisions/snapshot.ts'

export type SharingResult = { readonly vehicle: Vehicle; readonly sharing: Sharing }

export type StartSharingOrder = {
  readonly vehicleId: string
  readonly fleetId: string
  readonly startsAt: Instant | null
  readonly endsAt: Instant | null
  readonly allowedCommands: readonly CommandType[] | null
  readonly idempotencyKey: string | null
}

/** @throws UserError as the contract lists them for startSharing */
export async function start(services: Services, by: Requester, order: StartSharingOrder): Promise<SharingResult> {
  const { idempotencyKey, allowedCommands, ...rest } = order
  const { vehicleId, fleetId: partnerId } = rest
  const input = { ...rest, allowedCommands: allowedCommands && inStandardOrder(allowedCommands) }
  const key = {
    mutation: 'startSharing' as const,
    key: idempotencyKey,
    input,
    repeat: async (tx: Tx, id: string, { control }: Decision) => ({
      vehicle: control.vehicle,
      sharing: await storedSharing(tx, id),
    }),
  }
  const action: Action = { kind: 'startSharing' }
  return decide(services, by, action, { vehicleId, partnerId, handover: true, key }, (decision) => {
    const { id, control, arePartners, moment, changes, events } = decision
    const sharing = startSharing(control.vehicle, { ...order, id, partnerId }, arePartners, moment.at)
    refuseIf(state({ ...action, period: periodOf(sharing) }, by.member, control, moment.at))
    change(changes.sharings, sharing, true)
    events.push(sharingEvent(sharing.startRecorded ? 'SHARING_STARTED' : 'SHARING_SCHEDULED', sharing, moment))
    if (sharing.startRecorded) cancelPending(decision)
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
export async function updateEnd(services: Services, by: Requester, order: MoveEndOrder): Promise<SharingResult> {
  const { vehicleId, sharingId, endsAt } = order
  const action = { kind: 'updateSharingEnd', sharingId } as const
  return decide(services, by, action, { vehicleId, sharingId, handover: false }, (decision) => {
    const { control, moment, changes, events } = decision
    const target = targetSharing(action, by, decision)
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
  services: Services,
  by: Requester,
  { vehicleId, sharingId, when }: EndOrder,
): Promise<{ vehicle: Vehicle | null; sharing: Sharing }> {
  const action = { kind: 'endSharing', sharingId } as const
  return decide(services, by, action, { vehicleId, sharingId, handover: true }, (decision) => {
    const { vehicle, control, moment, changes, events } = decision
    const target = targetSharing(action, by, decision)
    const { fleetId } = by.member
    const verb = when === 'NOW' ? endSharing : endWhenIdle
    const sharing = verb(target, fleetId, vehicle.state, moment.at)
    if (sharing !== target) {
      change(changes.sharings, sharing)
      events.push(sharingEvent(EVENT_OF[phaseAt(sharing, moment.at) as keyof typeof EVENT_OF], sharing, moment))
      if (sharing.endedAt !== null) cancelPending(decision)
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
