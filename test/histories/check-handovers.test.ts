import { expect, it } from 'vitest'
import { moveAhead, seen, START } from './handmade.ts'
import type { Draft } from './handmade.ts'
import { callOf, eventAt, everywhere, found, refusal, some } from './spoil.ts'

it('finds nothing wrong with an owner that is told of no sharing before the start is committed', () => {
  const early = (draft: Draft) => {
    callOf(draft, 'r2').returnedAt = START + 125
    const told = { name: 'updateSharingEnd', input: { vehicleId: 'car', endsAt: null } } as const
    const times = { invokedAt: START + 110, returnedAt: START + 120 }
    draft.calls.push({
      ...callOf(draft, 'r8'),
      ...told,
      ...times,
      requestId: 'no',
      operation: 99,
      answer: refusal('NOT_SHARED'),
    })
  }
  expect(found(early)).toEqual([])
  const late = (draft: Draft) => {
    early(draft)
    callOf(draft, 'r2').returnedAt = START + 105
  }
  expect(found(late)).toContain('refusal')
})

it('finds an end when idle that is ascribed to the wrong party', () => {
  const wish = (endReason: string) => (draft: Draft) => {
    const at = new Date(START + 290)
    const facts = { endsAt: START + 300, endReason: null }
    const asked = { occurredAt: new Date(START + 285), recordedAt: new Date(START + 285), requestId: 'r10', facts }
    draft.events.splice(8, 0, { ...eventAt(draft, 9), ...asked, position: 80n, type: 'SHARING_END_REQUESTED' })
    for (const log of [...draft.logs.own, ...draft.logs.partner]) {
      log.splice(
        log.findIndex(({ cursor }) => cursor === 'at 9'),
        0,
        seen(eventAt(draft, 80)),
      )
    }
    const input = { vehicleId: 'car', when: 'WHEN_IDLE' }
    const [name, fleetId] = ['endSharing', 'partner'] as const
    const times = { invokedAt: START + 275, returnedAt: START + 295 }
    draft.calls.push({ ...callOf(draft, 'r8'), requestId: 'r10', operation: 10, name, fleetId, input, ...times })
    // The report is what makes the vehicle idle.
    Object.assign(callOf(draft, 'r7'), times)
    const handover = { occurredAt: at, recordedAt: at, requestId: 'r7', facts: { ...facts, endReason } }
    Object.assign(eventAt(draft, 9), handover)
    Object.assign(eventAt(draft, 10), { occurredAt: at, recordedAt: at, requestId: 'r7' })
    const idle = { mileageKm: 9, speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
    Object.assign(eventAt(draft, 11), { recordedAt: new Date(START + 288), facts: idle })
    // What it makes happen stands behind it.
    draft.events.splice(9, 0, ...draft.events.splice(draft.events.indexOf(eventAt(draft, 11)), 1))
    for (const log of [...draft.logs.own, ...draft.logs.partner]) moveAhead(log, 'at 11', 'at 9')
    Object.assign(some(draft.sharings[0]), { endedAt: at, endReason })
    some(draft.commands[0]).completedAt = at
    everywhere(draft)
  }
  expect(found(wish('ENDED_BY_PARTNER'))).toEqual([])
  expect(found(wish('ENDED_BY_OWNER'))).toEqual(['due'])
})
