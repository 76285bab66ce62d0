import type * as row from '../../src/generated/prisma/client.ts'
import { storedText, textOf, upTo, windowsOf } from './facts.ts'
import type { Window } from './facts.ts'
import type { Recording, Violation } from './history.ts'
import { logOf } from './check-streams.ts'

/** Each fleet's log has what belongs to it by the periods of the sharings, and nothing else. */
export function checkAudience(recording: Recording): Violation[] {
  const { truth, vehicles, fleetIds, markers } = recording
  const windows = windowsOf(recording)
  const owners = new Map(vehicles.map(({ id, ownerId }) => [id, ownerId]))
  const sharings = new Map(truth.sharings.map((sharing) => [sharing.id, sharing]))
  const commands = new Map(truth.commands.map((command) => [command.id, command]))

  const audienceOf = (event: row.Event): (string | undefined)[] => {
    const owner = owners.get(event.vehicleId)
    if (event.sharingId !== null) return [owner, sharings.get(event.sharingId)?.partnerId]
    if (event.commandId !== null) return [owner, commands.get(event.commandId)?.fleetId]
    return [owner, partnerAt(windows, event.vehicleId, event.occurredAt.getTime())]
  }
  return fleetIds.flatMap((fleetId) => {
    const belonging = truth.events.filter((event) => audienceOf(event).includes(fleetId))
    const expected = upTo(belonging, markers.get(fleetId) ?? '').map(storedText)
    const log = logOf(fleetId, recording).map(textOf)
    const [wanted, got] = [new Set(expected), new Set(log)]
    const foreign = log.filter((text) => !wanted.has(text))
    const missing = expected.filter((text) => !got.has(text))
    if (foreign.length + missing.length === 0 && expected.join('\n') !== log.join('\n'))
      return [{ check: 'order', text: `the log of ${fleetId} is not in the order of its places` }]
    return [
      ...foreign.map((text) => ({
        check: 'audience',
        text: `in the log of ${fleetId}, to which it is foreign: ${text}`,
      })),
      ...missing.map((text) => ({
        check: 'audience',
        text: `not in the log of ${fleetId}, to which it belongs: ${text}`,
      })),
    ]
  })
}

const partnerAt = (windows: readonly Window[], vehicleId: string, at: number): string | undefined =>
  windows.find((window) => window.vehicleId === vehicleId && window.from <= at && at < window.to)?.partnerId
