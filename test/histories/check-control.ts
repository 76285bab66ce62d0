import type * as row from '../../src/generated/prisma/client.ts'
import { audit } from '../support/audit.ts'
import { factsOf, stepOf, windowOf } from './facts.ts'
import type { Window } from './facts.ts'
import type { Call, Instant, Recording, Violation } from './history.ts'
import { knownEnd, knownStart } from './known.ts'

/** One fleet controls a vehicle at any instant; what comes by time comes at its very instant; a command goes out once. */
export function checkControl(recording: Recording): Violation[] {
  return [
    ...recording.vehicles.flatMap(({ id, ownerId }) => auditFaults(id, ownerId, recording)),
    ...recording.truth.events.flatMap((event) => dueFaults(event, recording)),
    ...dispatchFaults(recording),
    ...refusals(recording),
  ]
}

function auditFaults(vehicleId: string, ownerId: string, { truth }: Recording): Violation[] {
  const of = <T extends { vehicleId: string }>(rows: readonly T[]) =>
    rows.filter((each) => each.vehicleId === vehicleId)
  const { faults } = audit({
    ownerId,
    sharings: of(truth.sharings).filter(({ cancelledAt }) => cancelledAt === null),
    commands: of(truth.commands),
    events: of(truth.events),
  })
  return faults.map((text) => ({ check: 'control', text: `${vehicleId}: ${text}` }))
}

/** What nobody asked for came at the instant that was agreed; what somebody asked for came before it. */
function dueFaults(event: row.Event, { truth, calls }: Recording): Violation[] {
  const { position, requestId, sharingId, commandId } = event
  const at = event.occurredAt.getTime()
  const { endsAt, latestEndsAt, endReason } = factsOf(event)
  const sharing = truth.sharings.find(({ id }) => id === sharingId)
  const command = truth.commands.find(({ id }) => id === commandId)
  const fault = (holds: boolean, text: string): Violation[] =>
    holds ? [] : [{ check: 'due', text: `${stepOf(event)} at ${position} of ${event.vehicleId} ${text}` }]
  switch (stepOf(event)) {
    case 'SHARING_STARTED':
      return sharing?.startWhenIdle && requestId !== null
        ? fault(at >= sharing.startsAt.getTime() && at < (endsAt ?? Infinity), 'is not within its time')
        : fault(at === sharing?.startsAt.getTime(), 'is not at its start')
    case 'SHARING_START_AWAITED':
      return fault(at === sharing?.startsAt.getTime() && sharing.startWhenIdle, 'is not at its start')
    case 'SHARING_END_REQUESTED':
      return fault(requestId !== null || (at === endsAt && sharing?.endWhenIdle === true), 'is not at its due end')
    case 'SHARING_CANCELLED':
      return fault((requestId === null) === (endReason === 'NOT_HANDED_OVER'), `is ${endReason}`).concat(
        fault(requestId !== null || at === endsAt, 'is not at its due end'),
      )
    case 'SHARING_ENDED': {
      if (requestId === null)
        return fault(
          endReason === 'EXPIRED' && (at === endsAt || at === latestEndsAt),
          `by itself is not at its due end: ${endReason}`,
        )
      const before = truth.events.slice(0, truth.events.indexOf(event))
      const asked = before.findLast((one) => one.type === 'SHARING_END_REQUESTED' && one.sharingId === sharingId)
      const call = calls.find((one) => one.requestId === (asked?.requestId ?? requestId))
      const own = calls.find((one) => one.requestId === requestId)
      const by = (own?.name === 'endSharing' ? own : call)?.fleetId === event.ownerId ? 'OWNER' : 'PARTNER'
      const latest = latestEndsAt ?? endsAt
      // A due end that waits is nobody's wish.
      const reason = own?.name !== 'endSharing' && asked?.requestId === null ? 'EXPIRED' : `ENDED_BY_${by}`
      return [
        ...fault(latest == null || at < latest, 'was asked for, and is not before its end at the latest'),
        ...fault(own?.name === 'endSharing' || asked !== undefined, 'was not asked for'),
        ...fault(endReason === reason, `is ${endReason}, and was ${reason}`),
      ]
    }
    case 'COMMAND_UPDATED PENDING': {
      const input = calls.find((one) => one.requestId === requestId)?.input
      const seconds = Number(input?.['timeoutSeconds'])
      const allowed = truth.sharings.find(({ id }) => id === command?.sharingId)?.allowedCommands ?? []
      return [
        ...fault(command?.deadline.getTime() === at + seconds * 1000, 'has another deadline than was asked for'),
        ...fault(allowed.length === 0 || allowed.includes(command?.type ?? ''), 'is not what the sharing allows'),
      ]
    }
    case 'COMMAND_UPDATED EXPIRED':
    case 'COMMAND_UPDATED OUTCOME_UNKNOWN':
      return fault(at === command?.deadline.getTime(), 'is not at its deadline')
    case 'STATE_RECORDED': {
      const reports = (calls.find((one) => one.requestId === requestId)?.input['reports'] ?? []) as {
        mileageKm: number
        occurredAt: string
      }[]
      const asked = reports.find(({ mileageKm }) => mileageKm === factsOf(event).mileageKm)?.occurredAt ?? ''
      return fault(at === Math.min(Date.parse(asked), event.recordedAt.getTime()), `is not of ${asked}`)
    }
    default:
      return []
  }
}

/** Each command goes to one gateway, once, and only after that was written down. */
function dispatchFaults({ dispatches, truth }: Recording): Violation[] {
  const found: Violation[] = []
  for (const [id, given] of Map.groupBy(dispatches, ({ commandId }) => commandId)) {
    const command = truth.commands.find((one) => one.id === id)
    const say = (text: string) => found.push({ check: 'dispatch', text: `${id} ${text}` })
    if (given.length > 1) say(`was dispatched ${given.length} times: ${given.map(({ gateway }) => gateway).join()}`)
    if (!command?.dispatchedAt) say('was given to a gateway, and was never dispatched')
    else if (given.some(({ at }) => at < Number(command.dispatchedAt) - CLOCK_MS))
      say('was given ahead of its dispatch')
  }
  return found
}

/** Two processes of one machine read its clock within this. Milliseconds. */
export const CLOCK_MS = 3

/** When the partner had control: maybe by then, as the instants say, and surely, as all had to know. */
type KnownWindow = Window & { readonly surelyFrom: Instant; readonly surelyTo: Instant }

function refusals(recording: Recording): Violation[] {
  const windows = recording.truth.sharings
    .filter(({ cancelledAt }) => cancelledAt === null)
    .map((sharing) => ({
      ...windowOf(sharing),
      surelyFrom: knownStart(sharing, recording),
      surelyTo: knownEnd(sharing, recording),
    }))
  return recording.calls.flatMap((call) => refusalFaults(call, windows, recording))
}

/** A refusal that names who has control was true at some instant while it was asked for. */
function refusalFaults(call: Call, all: readonly KnownWindow[], { vehicles }: Recording): Violation[] {
  const { answer, name, input, fleetId } = call
  if (answer.kind !== 'refusal' || input['sharingId'] !== undefined) return []
  const vehicle = vehicles.find(({ id }) => id === input['vehicleId'])
  const isOwner = vehicle?.ownerId === fleetId
  const from = call.invokedAt - CLOCK_MS
  const to = call.returnedAt + CLOCK_MS
  const windows = all.filter(({ vehicleId }) => vehicleId === vehicle?.id)
  const theirs = windows.filter(({ partnerId }) => partnerId === fleetId)
  const covered = (some: readonly KnownWindow[]) => some.some((window) => window.surelyFrom <= from && to < window.to)
  const touched = windows.some((window) => window.from <= to && from < window.surelyTo)
  /** By what was asked, or by the code alone. Those that say nothing of control are taken as they are. */
  const justified: Readonly<Record<string, boolean>> = {
    'sendCommand COMMAND_NOT_ALLOWED_BY_SHARING': !isOwner && touched,
    'sendCommand SHARED_WITH_PARTNER': isOwner && touched,
    'setVehicleUse SHARED_WITH_PARTNER': isOwner && touched,
    'endSharing NOT_SHARED': isOwner && !covered(windows),
    'updateSharingEnd NOT_SHARED': isOwner && !covered(windows),
    VEHICLE_NOT_FOUND: !isOwner && !covered(theirs),
    'startSharing ALREADY_SHARED': true,
    'updateSharingEnd ALREADY_SHARED': true,
    'reportCommandOutcome CONFLICT': true,
    INVALID_PERIOD: true,
  }
  const reason = `${name} ${answer.code}`
  if (justified[reason] ?? justified[answer.code]) return []
  return [{ check: 'refusal', text: `${call.requestId} ${reason} was not true at any time` }]
}
