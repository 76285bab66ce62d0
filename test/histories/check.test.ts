import { expect, it } from 'vitest'
import { iso } from '../support/world.ts'
import { check, checkDatabase } from './check.ts'
import { aDraft, recordingOf, seen, START } from './handmade.ts'
import type { Draft } from './handmade.ts'
import { callOf, disruption, eventAt, found, internal, refusal, remove, some, unknown } from './spoil.ts'

it('finds nothing in a history in which all is well', () => {
  expect(check(recordingOf(aDraft()))).toEqual([])
})

it.each<[string, (draft: Draft) => void]>([
  ['a call without an answer that was done', (draft) => (callOf(draft, 'r5').answer = unknown)],
  [
    'a call without an answer that was not done',
    (draft) => {
      callOf(draft, 'r5').answer = unknown
      remove(draft, 6, 7)
    },
  ],
  [
    'an error that says that the database was away',
    (draft) => {
      callOf(draft, 'r5').answer = { kind: 'error', code: 'SERVICE_UNAVAILABLE', message: 'The database is away.' }
    },
  ],
  [
    'a call that is answered when it is made again',
    (draft) => {
      const call = callOf(draft, 'r5')
      const again = { ...call, requestId: 'r5 again', invokedAt: START + 500, returnedAt: START + 510 }
      draft.calls.push({ ...again, answer: { kind: 'success', result: { recorded: 0, skipped: 2, rejected: [] } } })
      call.answer = unknown
    },
  ],
  [
    'what was held up on its way until after the end of the token',
    (draft) => {
      draft.sessions.own.expiresAt = START + 350
      some(draft.sessions.own.deliveries.splice(-1)[0])
      const event = some(draft.logs.own[0]?.at(-1))
      draft.sessions.own.deliveries.push({ event, at: START + 900 })
      draft.disruptions.push(disruption('stall', 300, 890, 0))
    },
  ],
  [
    'who was told before the start that there is no sharing',
    (draft) => {
      const times = { invokedAt: START + 80, returnedAt: START + 105 }
      draft.reads.unshift({ ...some(draft.reads[0]), ...times, phase: null, inForce: null })
    },
  ],
  ['an answer that found it in force and came late', (draft) => (some(draft.reads[0]).returnedAt = START + 390)],
  ['what comes behind the last event that counts', (draft) => some(draft.logs.own[1]).push(seen(eventAt(draft, 12)))],
])('finds nothing wrong with %s', (_name, change) => {
  expect(found(change)).toEqual([])
})

it.each<[string, string, (draft: Draft) => void]>([
  ['lost', 'an acknowledged call of which nothing is left', (draft) => remove(draft, 1)],
  ['lost', 'acknowledged readings of which nothing is left', (draft) => remove(draft, 6, 7)],
  ['atomic', 'half a batch', (draft) => remove(draft, 7)],
  ['refused', 'a refused call that was done', (draft) => (callOf(draft, 'r8').answer = refusal('NOT_OWNER'))],
  ['cause', 'an event that nobody asked for', (draft) => (eventAt(draft, 8).requestId = null)],
  ['cause', 'an event by a request that nobody made', (draft) => draft.calls.splice(0, 1)],
  [
    'once',
    'a call that was made twice and done twice',
    (draft) => {
      const batch = callOf(draft, 'r5')
      callOf(draft, 'r7').operation = batch.operation
    },
  ],
  [
    'once',
    'a repetition that names another command',
    (draft) => {
      const result = { command: { id: 'another' } }
      draft.calls.push({ ...callOf(draft, 'r3'), requestId: 'again', answer: { kind: 'success', result } })
    },
  ],
  [
    'count',
    'a batch that counts one too many',
    (draft) => {
      callOf(draft, 'r7').answer = { kind: 'success', result: { recorded: 2, skipped: -1, rejected: [] } }
    },
  ],
  ['stream', 'a gap in a stream', (draft) => draft.sessions.own.deliveries.splice(4, 1)],
  [
    'stream',
    'a repetition',
    (draft) => draft.sessions.own.deliveries.splice(4, 0, some(draft.sessions.own.deliveries[3])),
  ],
  [
    'stream',
    'two that changed places',
    (draft) => draft.sessions.own.deliveries.splice(3, 2, ...draft.sessions.own.deliveries.slice(3, 5).toReversed()),
  ],
  ['stream', 'an end too early', (draft) => draft.sessions.partner.deliveries.splice(-2)],
  [
    'stream',
    'an event that says something else',
    (draft) => {
      const [delivery] = draft.sessions.own.deliveries.splice(4, 1)
      const { event, at } = some(delivery)
      draft.sessions.own.deliveries.splice(4, 0, { event: { ...event, status: 'SUCCEEDED' }, at })
    },
  ],
  ['pages', 'an instance that leaves something out', (draft) => some(draft.logs.own[1]).splice(4, 1)],
  ['cursor', 'an id that is not its cursor', (draft) => (some(some(draft.logs.own[1])[3]).id = 'another')],
  [
    'complete',
    'a stream that is called complete',
    (draft) => (draft.sessions.own.ending = { by: 'complete', code: null, message: '', at: START + 900 }),
  ],
  ['control', 'a command that a handover did not cancel', (draft) => remove(draft, 10)],
  [
    'due',
    'an end that is not at its instant',
    (draft) => (eventAt(draft, 9).facts = { endsAt: START + 299, endReason: 'EXPIRED' }),
  ],
  [
    'due',
    'an end by itself that has a reason',
    (draft) => (eventAt(draft, 9).facts = { endsAt: START + 300, endReason: 'ENDED_BY_OWNER' }),
  ],
  ['due', 'a reading of another time', (draft) => (eventAt(draft, 11).occurredAt = new Date(START + 251))],
  [
    'due',
    'a deadline that was not asked for',
    (draft) => (callOf(draft, 'r3').input = { ...callOf(draft, 'r3').input, timeoutSeconds: 2 }),
  ],
  [
    'dispatch',
    'a command that went out twice',
    (draft) => draft.dispatches.push({ ...some(draft.dispatches[0]), gateway: 'other' }),
  ],
  [
    'dispatch',
    'a command that went out and was not dispatched',
    (draft) => (some(draft.dispatches[0]).commandId = 'waits'),
  ],
  [
    'refusal',
    'a refusal of the fleet in control',
    (draft) => {
      const call = callOf(draft, 'r4')
      draft.calls.push({ ...call, requestId: 'no', operation: 99, answer: refusal('VEHICLE_NOT_FOUND') })
    },
  ],
  ['ended', 'an end that somebody saw and that comes back', (draft) => (some(draft.reads[0]).phase = 'ENDED')],
  [
    'ended',
    'a sharing that was hidden from the partner and is in force again',
    (draft) => {
      const hidden = { ...some(draft.reads[0]), phase: null, inForce: null }
      draft.reads.unshift({ ...hidden, invokedAt: START + 190, returnedAt: START + 195 })
    },
  ],
  [
    'ended',
    'a command that is accepted under what its sender was told is over',
    (draft) => {
      const call = callOf(draft, 'r3')
      const times = { invokedAt: START + 130, returnedAt: START + 135 }
      draft.calls.push({ ...call, ...times, requestId: 'no', operation: 99, answer: refusal('VEHICLE_NOT_FOUND') })
    },
  ],
  [
    'ended',
    'an end that is moved after the owner was told that it has passed',
    (draft) => {
      const name = 'updateSharingEnd'
      const input = { vehicleId: 'car', endsAt: null }
      const told = { name, fleetId: 'own', input, answer: refusal('NOT_SHARED') } as const
      draft.calls.push({ ...callOf(draft, 'r8'), ...told, requestId: 'no', operation: 98, invokedAt: START + 302 })
      const changed = { recordedAt: new Date(START + 420), type: 'SHARING_END_CHANGED', position: 80n }
      draft.events.push({ ...eventAt(draft, 9), ...changed, requestId: 'r8' })
    },
  ],
  [
    'ended',
    'an open end after the owner was given control',
    (draft) => {
      const [sharing, command] = [some(draft.sharings[0]), some(draft.commands[1])]
      Object.assign(sharing, { endsAt: null, endedAt: null })
      Object.assign(command, { fleetId: 'own', sharingId: null })
      callOf(draft, 'r4').fleetId = 'own'
    },
  ],
  ['instant', 'an event recorded before it was asked for', (draft) => (callOf(draft, 'r8').invokedAt = START + 405)],
  [
    'real time',
    'an order that is not that of the answers',
    (draft) => {
      const call = callOf(draft, 'r9')
      draft.calls.splice(draft.calls.indexOf(call), 1, { ...call, invokedAt: START + 370, returnedAt: START + 385 })
      callOf(draft, 'r8').invokedAt = START + 390
    },
  ],
  [
    'early',
    'an event that came before it was recorded',
    (draft) => {
      const [delivery] = draft.sessions.own.deliveries.splice(8, 1)
      draft.sessions.own.deliveries.splice(8, 0, { ...some(delivery), at: START + 300 })
    },
  ],
  ['expiry', 'an event after the end of the token', (draft) => (draft.sessions.own.expiresAt = START + 100)],
  [
    'expiry',
    'an event after the end of the token, while another instance was stalled',
    (draft) => {
      draft.sessions.own.expiresAt = START + 100
      draft.disruptions.push({ ...disruption('stall', 90, 500), side: 1 })
    },
  ],
  ['error', 'an internal error for no reason', (draft) => (callOf(draft, 'r5').answer = internal())],
  [
    'error',
    'an internal error when sessions of the database were ended',
    (draft) => {
      callOf(draft, 'r5').answer = internal()
      draft.disruptions.push(disruption('terminate', 100, 150))
    },
  ],
  [
    'error',
    'a token that is refused before its end',
    (draft) => {
      draft.sessions.own.ending = { by: 'error', code: 'UNAUTHENTICATED', message: 'The token.', at: START + 900 }
    },
  ],
  [
    'leak',
    'an error that tells of the inside',
    (draft) => {
      callOf(draft, 'r5').answer = internal('Invalid `prisma.event.createMany()` invocation')
      draft.disruptions.push(disruption('terminate', 100, 150))
    },
  ],
])('finds by %s %s', (name, _what, spoil) => {
  expect(found(spoil)).toContain(name)
})

it('tells rows that do not agree with the log from indexes that do not agree with their tables', () => {
  const lines = ['index sharing_one_at_a_time: finds 1 of 2 rows', 'vehicle car, sharing lent: rows: open; log: over']
  expect(checkDatabase(lines).map(({ check: name }) => name)).toEqual(['index', 'rows'])
  expect(checkDatabase([])).toEqual([])
})

it('finds events that a fleet must not see, and events that it misses', () => {
  const foreign = (draft: Draft) => {
    for (const log of draft.logs.partner) log.splice(5, 0, seen(eventAt(draft, 7)))
    draft.sessions.partner.deliveries.splice(5, 0, { event: seen(eventAt(draft, 7)), at: START + 201 })
  }
  expect(found(foreign)).toEqual(['audience'])
  const missing = (draft: Draft) => {
    for (const log of draft.logs.partner) log.splice(8, 1)
    draft.sessions.partner.deliveries.splice(8, 1)
  }
  expect(found(missing)).toEqual(['audience'])
  expect(aDraft().logs.partner[0]?.[8]?.occurredAt).toBe(iso(START + 250))
})
