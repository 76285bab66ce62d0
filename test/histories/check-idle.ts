import { COMMAND_TYPES } from '../../src/domain/command.ts'
import { isIdle } from '../../src/domain/handover/idleness.ts'
import type { IdleFacts } from '../../src/domain/handover/idleness.ts'
import { mergeState, stateOf, UNKNOWN_STATE } from '../../src/domain/state.ts'
import type { Readings } from '../../src/domain/state.ts'
import type * as row from '../../src/generated/prisma/client.ts'
import { factsOf } from './facts.ts'
import type { Instant, Recording, Violation } from './history.ts'

/** The setting's default. */
const MAX_SILENCE_MS = 3_600_000

/** A handover takes the next millisecond, or one behind it. */
const NEXT_MS = 3

/**
 * By the readings and uses of the log: what happens WHEN_IDLE happens to an idle vehicle and to no other, at its instant or
 * with what made it idle.
 */
export const checkIdle = (recording: Recording): Violation[] =>
  recording.vehicles.flatMap(({ id, ownerId }) => {
    const events = recording.truth.events.filter(({ vehicleId }) => vehicleId === id)
    return ofVehicle(ownerId, events, recording)
  })

function ofVehicle(ownerId: string, events: readonly row.Event[], { truth, calls }: Recording): Violation[] {
  const found: Violation[] = []
  const byId = new Map(truth.sharings.map((sharing) => [sharing.id, sharing]))
  const byRequest = new Map(calls.map((call) => [call.requestId, call]))
  const waiting = new Set<string>()
  let known: IdleFacts = {
    state: UNKNOWN_STATE,
    supportedCommands: COMMAND_TYPES,
    use: null,
    lastContactAt: null,
    maxSilenceMs: MAX_SILENCE_MS,
  }
  for (const [index, event] of events.entries()) {
    const { type, position, requestId, sharingId, vehicleId } = event
    const at = event.occurredAt.getTime()
    const facts = factsOf(event)
    const sharing = byId.get(sharingId ?? '')
    const call = byRequest.get(requestId ?? '')
    const say = (text: string) =>
      found.push({
        check: 'idle',
        text: `${type} at ${position} of ${vehicleId} ${text}`,
        at: event.recordedAt.getTime(),
      })
    const expectIdle = (idle: boolean) => {
      if (isIdle(known, at) !== idle) say(idle ? 'met a vehicle that was not idle' : 'met a vehicle that was idle')
    }
    const isByTime = requestId === null
    switch (type) {
      case 'STATE_RECORDED': {
        const state = mergeState(known.state, stateOf(event.facts as Readings, at))
        known = { ...known, state, lastContactAt: Math.max(known.lastContactAt ?? at, at) }
        break
      }
      case 'VEHICLE_USE_CHANGED':
        known = { ...known, use: facts.inUse ? { since: at, fleetId: ownerId, reference: null } : null }
        break
      case 'SHARING_START_AWAITED':
        expectIdle(false)
        waiting.add(sharingId ?? '')
        break
      case 'SHARING_END_REQUESTED':
        expectIdle(false)
        waiting.add(sharingId ?? '')
        break
      case 'SHARING_END_CHANGED':
        // A later end ends the wait that a due end began.
        if (waiting.has(sharingId ?? '') && isOver(events, index, facts.endsAt ?? null)) waiting.delete(sharingId ?? '')
        break
      case 'SHARING_STARTED':
        if (sharing?.startWhenIdle) expectIdle(true)
        waiting.delete(sharingId ?? '')
        known = { ...known, use: null }
        break
      case 'SHARING_ENDED': {
        const isDue = isByTime && at === facts.endsAt && sharing?.endWhenIdle && facts.latestEndsAt !== at
        const isAsked = call?.name === 'endSharing' && call.input['when'] !== 'WHEN_IDLE'
        if (isDue || (!isByTime && !isAsked)) expectIdle(true)
        waiting.delete(sharingId ?? '')
        known = { ...known, use: null }
        break
      }
      case 'SHARING_CANCELLED':
        waiting.delete(sharingId ?? '')
    }
    if (waiting.size > 0 && isLeft(events, index) && isIdle(known, event.recordedAt.getTime())) {
      say('made the vehicle idle, and what waited went on waiting')
    }
  }
  return found
}

/** Whether the wait began by time, and the new end is to come. */
function isOver(events: readonly row.Event[], index: number, endsAt: Instant | null): boolean {
  const { sharingId } = events[index] ?? {}
  const before = events.slice(0, index)
  const asked = before.findLast((one) => one.type === 'SHARING_END_REQUESTED' && one.sharingId === sharingId)
  return asked?.requestId === null && (endsAt === null || endsAt > asked.occurredAt.getTime())
}

/** Whether the request is over with this event, and nothing that falls due follows at once. */
function isLeft(events: readonly row.Event[], index: number): boolean {
  const event = events[index]
  // Deadlines of commands may come in between.
  const next = events.slice(index + 1).find(({ type, requestId }) => type !== 'COMMAND_UPDATED' || requestId !== null)
  if (!event || !['STATE_RECORDED', 'VEHICLE_USE_CHANGED'].includes(event.type)) return false
  if (!next) return true
  const isNear = next.occurredAt.getTime() - event.recordedAt.getTime() <= NEXT_MS
  return next.requestId !== event.requestId && !(next.type.startsWith('SHARING') && next.requestId === null && isNear)
}
