import type * as row from '../../src/generated/prisma/client.ts'
import { isUnknown } from './caller.ts'
import { factsOf, stepOf } from './facts.ts'
import type { Call, Recording, Violation } from './history.ts'

const CANCELLED = 'COMMAND_UPDATED CANCELLED_BY_HANDOVER'
/** What comes by time or by a gateway's taking, and is nobody's request. */
const BY_ITSELF = [
  'SHARING_START_AWAITED',
  'SHARING_STARTED',
  'SHARING_END_REQUESTED',
  'SHARING_ENDED',
  'SHARING_CANCELLED',
  'COMMAND_UPDATED DISPATCHED',
  'COMMAND_UPDATED EXPIRED',
  'COMMAND_UPDATED OUTCOME_UNKNOWN',
  CANCELLED,
]

/** What may follow from what makes a vehicle idle. */
const HANDOVERS = ['SHARING_STARTED', 'SHARING_ENDED']

type Message = { readonly vehicleId: string; readonly mileageKm: number; readonly energyPercent?: number }
const validIn = ({ input }: Call): Message[] =>
  (input['reports'] as Message[]).filter(({ energyPercent = 0 }) => energyPercent <= 100)

const isRepeatable = ({ name, input }: Call): boolean =>
  name === 'reportVehicleStates' || typeof input['idempotencyKey'] === 'string'

/**
 * Nothing that was acknowledged is lost, nothing is done twice, what was refused left nothing, and what got no answer was
 * done wholly or not at all.
 */
export function checkCalls({ calls, truth }: Recording): Violation[] {
  const found: Violation[] = []
  const say = (check: string, { requestId, name }: Call, text: string) =>
    found.push({ check, text: `${name} ${requestId} ${text}` })
  const byRequest = Map.groupBy(truth.events, ({ requestId }) => requestId ?? '')
  const eventsOf = ({ requestId }: Call) => byRequest.get(requestId) ?? []

  const known = new Set(calls.map(({ requestId }) => requestId))
  for (const event of truth.events) {
    const { requestId, position } = event
    if (requestId === null ? BY_ITSELF.includes(stepOf(event)) : known.has(requestId)) continue
    found.push({ check: 'cause', text: `${stepOf(event)} at ${position} was caused by ${requestId ?? 'nobody'}` })
  }

  for (const attempts of Map.groupBy(calls, ({ operation }) => operation).values()) {
    const [first] = attempts
    if (!first) continue
    for (const call of attempts) {
      const events = eventsOf(call)
      const steps = events.map(stepOf).join()
      if (call.answer.kind !== 'success' && !isUnknown(call)) {
        if (events.length > 0) say('refused', call, `was refused and has ${steps}`)
      } else if (events.length > 0) {
        const fault = shapeFault(call, events)
        if (fault !== null) say('atomic', call, `has ${steps}: ${fault}`)
      }
      if (call.name === 'reportVehicleStates') for (const fault of countFaults(call, events)) say('count', call, fault)
    }
    const effective = attempts.filter((call) => eventsOf(call).length > 0)
    const [succeeded] = attempts.filter(({ answer }) => answer.kind === 'success')
    if (isRepeatable(first)) {
      if (effective.length > 1) say('once', first, `was done ${effective.length} times`)
      const ids = attempts.flatMap(({ answer }) => (answer.kind === 'success' ? [idIn(answer.result)] : []))
      const done = effective[0] && eventsOf(effective[0])[0]
      for (const id of ids) {
        if (id !== undefined && done && id !== (done.sharingId ?? done.commandId))
          say('once', first, `answered ${id}, which it did not make`)
      }
    }
    if (succeeded && effective.length === 0 && !(changesNothing(succeeded, truth.events) && !isRepeatable(first)))
      say('lost', succeeded, 'was acknowledged, and nothing of it is in the log')
  }
  return found
}

const idIn = (result: Readonly<Record<string, unknown>>): string | undefined =>
  ((result['sharing'] ?? result['command']) as { id?: string } | undefined)?.id

/** @returns what is wrong with the events of a call as the whole of what it was to do; null if they are just that */
function shapeFault(call: Call, events: readonly row.Event[]): string | null {
  const { name, input } = call
  const steps = events.map(stepOf)
  const [first, ...rest] = steps
  const handsOver = first === 'SHARING_STARTED' || first === 'SHARING_ENDED'
  const restFits = rest.every((step) => handsOver && step === CANCELLED)
  const facts = events[0] ? factsOf(events[0]) : {}
  const endsAt = typeof input['endsAt'] === 'string' ? Date.parse(input['endsAt']) : null
  const expect = (holds: boolean, fault: string) => (holds ? null : fault)
  switch (name) {
    case 'createVehicle':
    case 'updateVehicle':
      return expect(steps.join() === 'VEHICLE_CHANGED', 'one change is one event')
    case 'setVehicleUse': {
      const [said, ...then] = steps
      const isIt = said === 'VEHICLE_USE_CHANGED' && facts.inUse === input['inUse']
      const passes = then.every((step, nth) => (nth === 0 ? HANDOVERS.includes(step) : step === CANCELLED))
      return expect(isIt && passes && (then.length === 0 || input['inUse'] === false), 'that is not such a use')
    }
    case 'startSharing': {
      const waits = steps.join() === 'SHARING_SCHEDULED,SHARING_START_AWAITED' && input['startPolicy'] === 'WHEN_IDLE'
      const isLater = input['startsAt'] !== undefined
      const starts = first === 'SHARING_STARTED' || (first === 'SHARING_SCHEDULED' && isLater)
      return expect(
        (waits || (starts && restFits)) && facts.endsAt === endsAt,
        'that is not the start of such a sharing',
      )
    }
    case 'updateSharingEnd':
      return expect(steps.join() === 'SHARING_END_CHANGED' && facts.endsAt === endsAt, 'that is not such a new end')
    case 'endSharing': {
      const ends = first === 'SHARING_ENDED' || first === 'SHARING_CANCELLED'
      const waits = first === 'SHARING_END_REQUESTED' && input['when'] === 'WHEN_IDLE'
      const party = events[0]?.ownerId === call.fleetId ? 'OWNER' : 'PARTNER'
      const reasoned = waits || facts.endReason === `${first === 'SHARING_ENDED' ? 'ENDED' : 'CANCELLED'}_BY_${party}`
      return expect((ends || waits) && restFits && reasoned, 'that is not such an end')
    }
    case 'sendCommand':
      return expect(steps.join() === 'COMMAND_UPDATED PENDING', 'an acceptance is one event')
    case 'reportCommandOutcome': {
      const isIt =
        steps.join() === `COMMAND_UPDATED ${String(input['outcome'])}` && events[0]?.commandId === input['commandId']
      return expect(isIt, 'that is not this outcome')
    }
    case 'reportVehicleStates': {
      const readings = events.filter(({ type }) => type === 'STATE_RECORDED')
      const others = steps.filter((step) => step !== 'STATE_RECORDED')
      const wanted = validIn(call).map((message) => `${message.vehicleId} ${message.mileageKm}`)
      const got = readings.map((event) => `${event.vehicleId} ${factsOf(event).mileageKm}`)
      if (wanted.toSorted().join() !== got.toSorted().join()) return 'those are not the readings of the batch'
      const last = steps.lastIndexOf('STATE_RECORDED')
      const isBehind = steps.every((step, nth) => step === 'STATE_RECORDED' || nth > last)
      if (!isBehind) return 'a handover does not stand behind all of its reports'
      return expect(
        others.every((step) => HANDOVERS.includes(step) || step === CANCELLED),
        'readings do not do that',
      )
    }
  }
}

/** A batch's answer counts what it did. */
function countFaults(call: Call, events: readonly row.Event[]): string[] {
  const { answer, input } = call
  if (answer.kind !== 'success') return []
  const { recorded, skipped, rejected } = answer.result as { recorded: number; skipped: number; rejected: unknown[] }
  const reports = (input['reports'] as unknown[]).length
  const inLog = events.filter(({ type }) => type === 'STATE_RECORDED').length
  return [
    ...(recorded === inLog ? [] : [`says ${recorded} recorded, and the log has ${inLog}`]),
    ...(recorded + skipped + rejected.length === reports ? [] : [`does not account for all its ${reports} reports`]),
    ...(rejected.length === reports - validIn(call).length ? [] : [`rejected ${rejected.length} reports`]),
  ]
}

/** Whether a success may leave no event: somebody had done the very same before. */
function changesNothing({ name, input, answer, returnedAt }: Call, events: readonly row.Event[]): boolean {
  const id = answer.kind === 'success' ? idIn(answer.result) : undefined
  const before = events.filter(
    (event) => (event.sharingId ?? event.commandId) === id && event.recordedAt.getTime() <= returnedAt,
  )
  const endsAt = typeof input['endsAt'] === 'string' ? Date.parse(input['endsAt']) : null
  return (
    name === 'setVehicleUse' ||
    (name === 'updateSharingEnd' && before.some((event) => (factsOf(event).endsAt ?? null) === endsAt)) ||
    (name === 'endSharing' &&
      input['when'] === 'WHEN_IDLE' &&
      before.some(({ type }) => type === 'SHARING_END_REQUESTED')) ||
    (name === 'reportCommandOutcome' && before.some((event) => factsOf(event).status === input['outcome']))
  )
}
