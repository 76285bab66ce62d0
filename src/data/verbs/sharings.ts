import { conflictIn, seesAt, state } from '../../domain/access/access.ts'
import type { Action } from '../../domain/access/access.ts'
import type { CommandType } from '../../domain/command.ts'
import { inStandardOrder } from '../../domain/command.ts'
import { SharingConflictError } from '../../domain/access/refusal.ts'
import { InputError } from '../../domain/errors.ts'
import { sharingEvent } from '../../domain/log/event.ts'
import type { Instant } from '../../domain/period.ts'
import { endWhenIdle, startIfDue } from '../../domain/handover/waiting.ts'
import { endSharing, moveEnd, periodOf, phaseAt, startSharing } from '../../domain/sharing.ts'
import type { EndSharingWhen, HandoverPolicy, Sharing, SharingPhase } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import type { Tx } from '../database/statement.ts'
import type { Services } from '../services.ts'
import { change } from '../decisions/commit.ts'
import { decide, refuseIf, targetSharing } from '../decisions/decide.ts'
import type { Decision, Requester } from '../decisions/decide.ts'
import { factsOf, passControl } from '../decisions/lock.ts'
import { storedSharing } from '../decisions/snapshot.ts'

export type SharingResult = { readonly vehicle: Vehicle; readonly sharing: Sharing }

export type StartSharingOrder = {
  readonly vehicleId: string
  readonly fleetId: string
  readonly startsAt: Instant | null
  readonly endsAt: Instant | null
  readonly startPolicy: HandoverPolicy
  readonly endPolicy: HandoverPolicy
  readonly latestEndsAt: Instant | null
  readonly allowedCommands: readonly CommandType[] | null
  readonly idempotencyKey: string | null
}

/** @throws UserError as the contract lists them for startSharing */
export async function start(services: Services, by: Requester, order: StartSharingOrder): Promise<SharingResult> {
  const { vehicleId, fleetId: partnerId, idempotencyKey } = order
  const key = {
    mutation: 'startSharing' as const,
    key: idempotencyKey,
    input: keyedInput(order),
    // An open sharing was settled with the vehicle; any other is as it is stored.
    repeat: async (tx: Tx, id: string, { control }: Decision) => ({
      vehicle: control.vehicle,
      sharing: control.sharings.find((open) => open.id === id) ?? (await storedSharing(tx, id)),
    }),
  }
  const action: Action = { kind: 'startSharing' }
  return decide(services, by, action, { vehicleId, partnerId, handover: true, key }, (decision) => {
    const { id, control, arePartners, moment, changes, events } = decision
    const agreed = startSharing(control.vehicle, { ...order, id, partnerId }, arePartners, moment.at)
    refuseIf(state({ ...action, period: periodOf(agreed) }, by.member, control, moment.at))
    const isDue = agreed.startedAt === null && agreed.startsAt <= moment.at
    const sharing = isDue ? startIfDue(agreed, factsOf(decision), moment.at) : agreed
    change(changes.sharings, sharing, true)
    if (sharing.startedAt === null) events.push(sharingEvent('SHARING_SCHEDULED', sharing, moment))
    if (sharing.startAwaitedSince !== null) events.push(sharingEvent('SHARING_START_AWAITED', sharing, moment))
    if (sharing.startedAt === null) return { vehicle: control.vehicle, sharing }
    events.push(sharingEvent('SHARING_STARTED', sharing, moment))
    passControl(decision)
    return { vehicle: { ...control.vehicle, use: null }, sharing }
  })
}

/** Inputs that are equal after defaults are the same, also for keys from before there were policies. */
function keyedInput(order: StartSharingOrder) {
  const { vehicleId, fleetId, startsAt, endsAt, startPolicy, endPolicy, latestEndsAt, allowedCommands } = order
  return {
    vehicleId,
    fleetId,
    startsAt,
    endsAt,
    allowedCommands: allowedCommands && inStandardOrder(allowedCommands),
    ...(startPolicy === 'ON_TIME' ? {} : { startPolicy }),
    ...(endPolicy === 'ON_TIME' ? {} : { endPolicy }),
    ...(latestEndsAt === null ? {} : { latestEndsAt }),
  }
}

export type MoveEndOrder = {
  readonly vehicleId: string
  readonly sharingId: string | undefined
  /** undefined if the client left it out, which it must not; null for an open end. */
  readonly endsAt: Instant | null | undefined
  /** Absent or null it moves with the due end. */
  readonly latestEndsAt?: Instant | null
}

/** @throws UserError as the contract lists them for updateSharingEnd */
export async function updateEnd(services: Services, by: Requester, order: MoveEndOrder): Promise<SharingResult> {
  const { vehicleId, sharingId, endsAt, latestEndsAt } = order
  const action = { kind: 'updateSharingEnd', sharingId } as const
  return decide(services, by, action, { vehicleId, sharingId, handover: false }, (decision) => {
    const { control, moment, changes, events } = decision
    const target = targetSharing(action, by, decision)
    if (endsAt === undefined) throw new InputError(['endsAt'], 'endsAt has to be given; null makes the end open.')
    const sharing = moveEnd(target, endsAt, moment.at, latestEndsAt)
    if (sharing === target) return { vehicle: control.vehicle, sharing }
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
    const { control, moment, changes, events } = decision
    const target = targetSharing(action, by, decision)
    const { fleetId } = by.member
    const sharing =
      when === 'NOW'
        ? endSharing(target, fleetId, decision.vehicle.state, moment.at)
        : endWhenIdle(target, fleetId, factsOf(decision), moment.at)
    if (sharing !== target) {
      change(changes.sharings, sharing)
      events.push(sharingEvent(EVENT_OF[phaseAt(sharing, moment.at) as keyof typeof EVENT_OF], sharing, moment))
      if (sharing.endedAt !== null) passControl(decision)
    }
    const { use } = factsOf(decision)
    const vehicle = { ...decision.vehicle, use }
    const after = { vehicle, sharings: control.sharings.map((other) => (other === target ? sharing : other)) }
    return { vehicle: seesAt(fleetId, after, moment.at) ? vehicle : null, sharing }
  })
}

/** The event of endSharing, by the phase in which it left the sharing. */
const EVENT_OF = {
  ENDED: 'SHARING_ENDED',
  CANCELLED: 'SHARING_CANCELLED',
  ACTIVE: 'SHARING_END_REQUESTED',
} as const satisfies Partial<Record<SharingPhase, string>>
