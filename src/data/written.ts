import { COMMAND_STATUSES } from '../domain/command.ts'
import type { CommandStatus } from '../domain/command.ts'
import { VEHICLE_EVENT_TYPES } from '../domain/log/event.ts'
import type { NewEvent, VehicleEventType } from '../domain/log/event.ts'

/**
 * What this instance has committed to the log since it started. Counted as it is written, for that costs nothing, needs no
 * database when it is read, and adds up over the instances.
 */
export type Written = {
  readonly events: Record<VehicleEventType, number>
  /** Of COMMAND_UPDATED: the status that the command came to. */
  readonly commands: Record<CommandStatus, number>
}

export const nothingWritten = (): Written => ({ events: zeros(VEHICLE_EVENT_TYPES), commands: zeros(COMMAND_STATUSES) })

const zeros = <K extends string>(keys: readonly K[]) =>
  Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>

/** To be called after the commit. */
export function countWritten({ events, commands }: Written, appended: readonly NewEvent[]): void {
  for (const event of appended) {
    events[event.type]++
    if (event.type === 'COMMAND_UPDATED') commands[event.facts.status]++
  }
}
