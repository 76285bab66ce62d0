import type * as row from '../../src/generated/prisma/client.ts'
import { iso } from '../support/world.ts'
import { CLOCK_MS } from './check-control.ts'
import { endOf } from './facts.ts'
import type { Instant, Recording, Violation } from './history.ts'
import { knownStart, sharingIn } from './known.ts'

/** Something that was said of a sharing, and when: the latest instant of which it says that it is over, or the earliest that it is not. */
type Word = { readonly at: Instant; readonly text: string }

/** The last that a date can be. */
const LAST_INSTANT = 8.64e15

/** Who was told that an end had passed is never told otherwise: not by an answer, not by the log, not by the end itself. */
export const checkEnds = (recording: Recording): Violation[] =>
  recording.truth.sharings.filter(({ cancelledAt }) => cancelledAt === null).flatMap((one) => returned(one, recording))

function returned(sharing: row.Sharing, recording: Recording): Violation[] {
  const [first] = saidOver(sharing, recording).toSorted((a, b) => a.at - b.at)
  if (!first) return []
  return saidInForce(sharing, recording)
    .filter(({ at }) => at > first.at + CLOCK_MS)
    .map(({ at, text }) => ({
      check: 'ended',
      text: `${first.text} by ${iso(first.at)} that ${sharing.id} was over, and at ${iso(at)} ${text}`,
      at,
    }))
}

function saidOver(sharing: row.Sharing, recording: Recording): Word[] {
  const { id, vehicleId, ownerId, partnerId } = sharing
  const since = knownStart(sharing, recording) + CLOCK_MS
  const said: Word[] = []
  for (const call of recording.calls) {
    const { requestId, name, fleetId, input, invokedAt, returnedAt, answer } = call
    const say = (what: string) =>
      said.push({ at: returnedAt, text: `${fleetId} was told by ${name} ${requestId} ${what}` })
    const answered = sharingIn(call)
    if (answered?.id === id && answered.phase === 'ENDED') say('ENDED')
    if (input['vehicleId'] !== vehicleId) continue
    if (answer.kind === 'refusal' && invokedAt > since) {
      const meant = input['sharingId'] ?? id
      if (answer.code === 'VEHICLE_NOT_FOUND' && fleetId === partnerId) say(answer.code)
      if (answer.code === 'NOT_SHARED' && fleetId === ownerId && meant === id) say(answer.code)
    }
    if (answer.kind === 'success' && name === 'sendCommand' && fleetId === ownerId) {
      // A repetition may be answered long after.
      const command = recording.truth.commands.find((one) => one.id === (answer.result['command'] as { id: string }).id)
      if (command?.sharingId === null && command.requestedAt.getTime() > since) say('that its command was accepted')
    }
  }
  for (const { fleetId, sharingId, invokedAt, returnedAt, phase, inForce, ...read } of recording.reads) {
    if (read.vehicleId !== vehicleId || ![ownerId, partnerId].includes(fleetId)) continue
    const isOver = (sharingId === id && phase === 'ENDED') || (invokedAt > since && inForce !== id)
    if (isOver) said.push({ at: returnedAt, text: `${fleetId} saw` })
  }
  return said
}

function saidInForce(sharing: row.Sharing, { calls, reads, truth }: Recording): Word[] {
  const { id } = sharing
  const end = endOf(sharing)
  return [
    ...truth.commands
      .filter(({ sharingId }) => sharingId === id)
      .map((command) => ({
        at: command.requestedAt.getTime(),
        text: `the command ${command.id} was accepted under it`,
      })),
    ...truth.events
      .filter(({ type, sharingId }) => sharingId === id && /^SHARING_END_(CHANGED|REQUESTED)$/.test(type))
      .map(({ type, recordedAt, occurredAt, requestId, position }) => ({
        // A due end that waits is recorded later, maybe together with the end that followed.
        at: (requestId === null ? occurredAt : recordedAt).getTime(),
        text: `${type} was recorded at ${position}`,
      })),
    ...calls
      .filter((call) => sharingIn(call)?.id === id && sharingIn(call)?.phase === 'ACTIVE')
      .map(({ invokedAt, requestId, name }) => ({ at: invokedAt, text: `${name} ${requestId} found it ACTIVE` })),
    ...reads
      .filter(({ sharingId, phase, inForce }) => inForce === id || (sharingId === id && phase === 'ACTIVE'))
      .map(({ invokedAt, fleetId }) => ({ at: invokedAt, text: `${fleetId} saw it ACTIVE` })),
    { at: Math.min(end, LAST_INSTANT), text: end === Infinity ? 'it had not ended' : 'it ended' },
  ]
}
