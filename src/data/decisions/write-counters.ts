import { COMMAND_STATUSES } from '../../domain/command.ts'
import { VEHICLE_EVENT_TYPES } from '../../domain/log/event.ts'
import type { NewEvent } from '../../domain/log/event.ts'
import type { WriteCounters } from '../services.ts'

export const createWriteCounters = (): WriteCounters => ({
  events: zeros(VEHICLE_EVENT_TYPES),
  commands: zeros(COMMAND_STATUSES),
})

const zeros = <K extends string>(keys: readonly K[]) =>
  Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>

/** To be called after the commit. */
export function countWritten({ events, commands }: WriteCounters, appended: readonly NewEvent[]): void {
  for (const event of appended) {
    events[event.type]++
    if (event.type === 'COMMAND_UPDATED') commands[event.facts.status]++
  }
}
