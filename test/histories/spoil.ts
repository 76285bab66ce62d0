import { check } from './check.ts'
import { aDraft, recordingOf, seen, START } from './handmade.ts'
import type { Draft } from './handmade.ts'
import type { Answer, Disruption } from './history.ts'

/** @throws where the history was to have one */
export function some<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no such thing in the history')
  return value
}

export const eventAt = ({ events }: Draft, position: number) =>
  some(events.find((event) => Number(event.position) === position))
export const callOf = ({ calls }: Draft, requestId: string) => some(calls.find((call) => call.requestId === requestId))

/** As if the log said so to everybody, from the start. */
export function everywhere(draft: Draft): void {
  const logged = new Map(draft.events.map((event) => [`at ${event.position}`, event]))
  for (const fleetId of ['own', 'partner'] as const) {
    for (const log of draft.logs[fleetId]) {
      const events = log.flatMap(({ cursor }) => logged.get(cursor) ?? []).map(seen)
      log.splice(0, log.length, ...events)
    }
    const deliveries = (draft.logs[fleetId][0] ?? []).map((event) => ({ event, at: Date.parse(event.recordedAt) + 1 }))
    draft.sessions[fleetId].deliveries.splice(0, Infinity, ...deliveries)
  }
}

export const remove = (draft: Draft, ...positions: number[]) => {
  const kept = draft.events.filter(({ position }) => !positions.includes(Number(position)))
  draft.events.splice(0, Infinity, ...kept)
  everywhere(draft)
}

export const refusal = (code: string): Answer => ({ kind: 'refusal', code })
export const unknown: Answer = { kind: 'unknown', reason: 'the connection broke' }
export const internal = (message = 'Something went wrong inside the server.'): Answer => ({
  kind: 'error',
  code: 'INTERNAL_SERVER_ERROR',
  message,
})
export const disruption = (kind: Disruption['kind'], from: number, to: number, side: 0 | null = null): Disruption => ({
  kind,
  side,
  from: START + from,
  to: START + to,
  struck: 1,
})

/** What is found in the history of handmade.ts once it is spoilt: the names of the checks, each once. */
export function found(spoil: (draft: Draft) => void): string[] {
  const draft = aDraft()
  spoil(draft)
  return [...new Set(check(recordingOf(draft)).map((violation) => violation.check))].toSorted()
}
