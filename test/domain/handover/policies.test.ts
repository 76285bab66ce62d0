import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endWhenIdle, handOver } from '../../../src/domain/handover/waiting.ts'
import type { IdleFacts } from '../../../src/domain/handover/idleness.ts'
import { asOf, nextDue, settle } from '../../../src/domain/handover/settle.ts'
import type { Step } from '../../../src/domain/handover/settle.ts'
import type { Instant } from '../../../src/domain/period.ts'
import { inForce, moveEnd, periodOf, phaseAt, startSharing } from '../../../src/domain/sharing.ts'
import type { Sharing, StartOrder } from '../../../src/domain/sharing.ts'
import { InputError } from '../../../src/domain/errors.ts'
import { permission } from '../../../src/domain/access/access.ts'
import { overlaps } from '../../../src/domain/period.ts'
import { stateOf } from '../../../src/domain/state.ts'
import { MAX_SILENCE_MS, policyWorlds } from '../../support/policies.ts'
import { aSharing, aVehicle, idleFacts } from '../../support/sharings.ts'
import type { SharingFields } from '../../support/sharings.ts'

const IDLE = idleFacts({ state: stateOf({ ignition: false, centralLock: 'LOCKED' }, 1), lastContactAt: 1 })
const DRIVEN = idleFacts({ state: stateOf({ speedKmh: 100, ignition: true, centralLock: 'UNLOCKED' }, 1) })
const USED: IdleFacts = { ...IDLE, use: { since: 1, fleetId: 'partner', reference: null } }

const returning = { endPolicy: 'WHEN_IDLE', latestEndsAt: 2500 } as const
const waits = (fields: SharingFields = {}) => aSharing({ startPolicy: 'WHEN_IDLE', ...fields })
const lent = (fields: SharingFields = {}) => aSharing({ ...returning, startRecorded: true, ...fields })

const short = (step: Step) =>
  'sharing' in step ? `${step.at} ${step.type} ${step.sharing.endReason ?? ''}`.trim() : ''
const stepsOf = (sharings: readonly Sharing[], facts: IdleFacts, at: Instant) => {
  const settled = settle({ sharings, commands: [] }, facts, at)
  return { steps: settled.steps.map(short), ...settled.sharings[0], all: settled.sharings, use: settled.use }
}

describe('a due start, WHEN_IDLE', () => {
  it('is one at the instant, of an idle vehicle', () => {
    expect(stepsOf([waits()], IDLE, 1500)).toMatchObject({
      steps: ['1000 SHARING_STARTED'],
      startedAt: 1000,
      startAwaitedSince: null,
      handover: IDLE.state,
    })
  })

  it('waits for a vehicle in use, and the owner keeps control', () => {
    const after = stepsOf([waits()], USED, 1500)
    expect(after).toMatchObject({
      steps: ['1000 SHARING_START_AWAITED'],
      startedAt: null,
      startAwaitedSince: 1000,
      handover: null,
      use: USED.use,
    })
    const [sharing = waits()] = after.all
    expect([phaseAt(sharing, 1500), inForce(sharing, 1500)]).toEqual(['SCHEDULED', false])
    expect(settle({ sharings: [sharing], commands: [] }, USED, 1999).steps).toEqual([])
    expect(handOver(sharing, IDLE, 1600)).toMatchObject({
      startedAt: 1600,
      startAwaitedSince: null,
      handover: IDLE.state,
    })
    expect(handOver(sharing, USED, 1600)).toBe(sharing)
  })

  it('is given up at the due end, and not at the end at the latest', () => {
    const awaited = waits({ ...returning, startAwaitedSince: 1000 })
    expect(nextDue({ sharings: [awaited], commands: [] }, 1500)).toBe(2000)
    expect(stepsOf([awaited], IDLE, 2000)).toMatchObject({
      steps: ['2000 SHARING_CANCELLED NOT_HANDED_OVER'],
      cancelledAt: 2000,
      startAwaitedSince: null,
      endedAt: null,
    })
    expect(stepsOf([waits()], DRIVEN, 9999).steps).toEqual([
      '1000 SHARING_START_AWAITED',
      '2000 SHARING_CANCELLED NOT_HANDED_OVER',
    ])
  })

  it('waits without an end for ever', () => {
    const { all } = stepsOf([waits({ endsAt: null })], DRIVEN, 9e9)
    expect(nextDue({ sharings: all, commands: [] }, 9e9)).toBeNull()
  })

  it('takes no notice of a use that the end before it clears', () => {
    const before = aSharing({ id: 'before', startsAt: 500, endsAt: 1000, startRecorded: true })
    expect(stepsOf([waits(), before], USED, 1000)).toMatchObject({
      steps: ['1000 SHARING_ENDED EXPIRED', '1000 SHARING_STARTED'],
      use: null,
    })
    // The owner's own use, and no end before it.
    expect(stepsOf([waits()], USED, 1000).steps).toEqual(['1000 SHARING_START_AWAITED'])
  })
})

describe('a due end, WHEN_IDLE', () => {
  it('is one at the instant, of an idle vehicle', () => {
    expect(stepsOf([lent()], IDLE, 9999)).toMatchObject({
      steps: ['2000 SHARING_ENDED EXPIRED'],
      endedAt: 2000,
      isOverrun: false,
      endRequestedAt: null,
    })
  })

  it('waits for a vehicle in use, which the partner goes on to control', () => {
    const { all, ...after } = stepsOf([lent()], USED, 2000)
    expect(after).toMatchObject({ steps: ['2000 SHARING_END_REQUESTED'], isOverrun: true, endRequestedAt: 2000 })
    expect(after.endRequestedBy).toBeNull()
    const [overrun = lent()] = all
    expect([phaseAt(overrun, 2499), phaseAt(overrun, 2500)]).toEqual(['ACTIVE', 'ENDED'])
    expect(settle({ sharings: [overrun], commands: [] }, IDLE, 2499).steps).toEqual([])
    expect(handOver(overrun, IDLE, 2100)).toMatchObject({ endedAt: 2100, endReason: 'EXPIRED', returned: IDLE.state })
    expect(endWhenIdle(overrun, 'owner', USED, 2200)).toBe(overrun)
  })

  it('is one at the end at the latest, whatever the vehicle does', () => {
    expect(stepsOf([lent()], DRIVEN, 2500)).toMatchObject({
      steps: ['2000 SHARING_END_REQUESTED', '2500 SHARING_ENDED EXPIRED'],
      endedAt: 2500,
    })
  })

  it('does not wait where the end at the latest is the due end', () => {
    expect(stepsOf([lent({ latestEndsAt: 2000 })], DRIVEN, 2000)).toMatchObject({
      steps: ['2000 SHARING_ENDED EXPIRED'],
      endRequestedAt: null,
    })
  })

  it('that a party asked for before waits on, without another event, and names that party', () => {
    const wished = lent({ endRequestedAt: 1500, endRequestedBy: 'partner' })
    const { all, ...after } = stepsOf([wished], USED, 2000)
    expect(after).toMatchObject({ steps: [], isOverrun: true, endRequestedAt: 1500, endRequestedBy: 'partner' })
    const [overrun = wished] = all
    expect(handOver(overrun, IDLE, 2100)).toMatchObject({ endedAt: 2100, endReason: 'ENDED_BY_PARTNER' })
    expect(stepsOf([wished], USED, 2500)).toMatchObject({ steps: ['2500 SHARING_ENDED EXPIRED'], endReason: 'EXPIRED' })
  })

  it.each<[string, number, boolean]>([
    ['just heard of', 2000 - MAX_SILENCE_MS, true],
    ['silent for too long', 2000 - MAX_SILENCE_MS - 1, false],
  ])('is judged as of the due instant, of a vehicle %s', (_, lastContactAt, isIdleThen) => {
    const { steps } = stepsOf([lent({ latestEndsAt: 9e9 })], { ...IDLE, lastContactAt }, 8e9)
    expect(steps).toEqual([isIdleThen ? '2000 SHARING_ENDED EXPIRED' : '2000 SHARING_END_REQUESTED'])
  })
})

describe('the end of an overrun, moved', () => {
  const overrun = lent({ isOverrun: true, endRequestedAt: 2000 })
  const wished = { ...overrun, endRequestedAt: 1500, endRequestedBy: 'owner' }

  it('to a later time ends the wait; the end at the latest moves by as much', () => {
    const moved = moveEnd(overrun, 3000, 2100)
    expect(moved).toMatchObject({ endsAt: 3000, latestEndsAt: 3500, isOverrun: null, endRequestedAt: null })
    expect(stepsOf([moved], USED, 3000).steps).toEqual(['3000 SHARING_END_REQUESTED'])
  })

  it('leaves the wish of a party', () => {
    expect(moveEnd(wished, 3000, 2100)).toMatchObject({
      endRequestedAt: 1500,
      endRequestedBy: 'owner',
      isOverrun: null,
    })
  })

  it('may be the same with another end at the latest', () => {
    expect(moveEnd(overrun, 2000, 2100, 4000)).toEqual({ ...overrun, latestEndsAt: 4000 })
  })

  it.each<[string, number | null, number | null]>([
    ['as it is', 2000, null],
    ['as it is, said in full', 2000, 2500],
  ])('%s, is unchanged', (_, endsAt, latest) => {
    expect(moveEnd(overrun, endsAt, 2100, latest)).toBe(overrun)
  })

  it('to no end has no end at the latest', () => {
    expect(moveEnd(overrun, null, 2100)).toMatchObject({ endsAt: null, latestEndsAt: null, endRequestedAt: null })
  })

  it.each<[string, Sharing, number | null, number | null, string]>([
    ['an end at the latest that has passed', overrun, 2000, 2099, 'latestEndsAt'],
    ['another end that has passed', overrun, 2050, 4000, 'endsAt'],
    ['an end at the latest before the end', overrun, 3000, 2999, 'latestEndsAt'],
    ['an end at the latest without an end', overrun, null, 4000, 'latestEndsAt'],
    ['an end at the latest with ON_TIME', aSharing({ endsAt: 4000 }), 5000, 6000, 'latestEndsAt'],
    ['the first end without one at the latest', lent({ endsAt: null, latestEndsAt: null }), 4000, null, 'latestEndsAt'],
  ])('refuses %s', (_, sharing, endsAt, latest, path) => {
    expect(failureOf(() => moveEnd(sharing, endsAt, 2100, latest))).toEqual(['INVALID_PERIOD', [path]])
  })
})

const order = (fields: Partial<StartOrder>): StartOrder => ({
  id: 'new',
  partnerId: 'partner',
  startsAt: 1000,
  endsAt: 2000,
  allowedCommands: null,
  ...fields,
})

it.each<[string, Partial<StartOrder>]>([
  ['latestEndsAt with ON_TIME', { latestEndsAt: 3000 }],
  ['latestEndsAt without endsAt', { endsAt: null, endPolicy: 'WHEN_IDLE', latestEndsAt: 3000 }],
  ['WHEN_IDLE with endsAt alone', { endPolicy: 'WHEN_IDLE' }],
  ['latestEndsAt before endsAt', { endPolicy: 'WHEN_IDLE', latestEndsAt: 1999 }],
])('startSharing refuses %s', (_, fields) => {
  expect(failureOf(() => startSharing(aVehicle(), order(fields), true, 1))).toEqual([
    'INVALID_PERIOD',
    ['latestEndsAt'],
  ])
})

it.each<[string, Partial<StartOrder>]>([
  ['WHEN_IDLE with an open end', { endsAt: null, endPolicy: 'WHEN_IDLE' }],
  ['latestEndsAt at endsAt', { endPolicy: 'WHEN_IDLE', latestEndsAt: 2000 }],
])('startSharing takes %s', (_, fields) => {
  expect(startSharing(aVehicle(), order(fields), true, 1)).toMatchObject({ endPolicy: 'WHEN_IDLE' })
})

it.each<[string, Sharing, number, number | null]>([
  ['the end at the latest of an end that may wait', lent(), 1500, 2500],
  ['the same in an overrun', lent({ isOverrun: true, endRequestedAt: 2000 }), 2100, 2500],
  ['the due end of a start that waits', waits({ startAwaitedSince: 1000 }), 1500, 2000],
])('Permission.until takes %s', (_, sharing, now, until) => {
  const control = { vehicle: aVehicle(), sharings: [sharing] }
  expect(permission({ kind: 'delete' }, { fleetId: 'owner', role: 'MANAGER' }, control, now).until).toBe(until)
})

it('Permission.until takes the due start of one that may wait', () => {
  const control = { vehicle: aVehicle(), sharings: [waits()] }
  expect(permission({ kind: 'sendCommand' }, { fleetId: 'owner', role: 'MANAGER' }, control, 500).until).toBe(1000)
})

describe('in any world', () => {
  const BASE = 1_000_000
  const worlds = policyWorlds(aVehicle(), ['partner', 'other'], BASE)
  const instant = fc.integer({ min: BASE - 2, max: BASE + 40 })

  it('one fleet has control, and no time is taken twice', () => {
    fc.assert(
      fc.property(worlds, instant, ({ vehicle, sharings }, at) => {
        const settled = asOf(sharings, { ...vehicle, maxSilenceMs: MAX_SILENCE_MS }, at).sharings
        expect(settled.filter((sharing) => inForce(sharing, at)).length).toBeLessThanOrEqual(1)
        for (const [index, a] of settled.entries())
          for (const b of settled.slice(index + 1)) expect(overlaps(periodOf(a), periodOf(b))).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  it('it is the same however often it is settled in between', () => {
    fc.assert(
      fc.property(worlds, instant, instant, ({ vehicle, sharings }, a, b) => {
        const facts = { ...vehicle, maxSilenceMs: MAX_SILENCE_MS }
        const [early, late] = [Math.min(a, b), Math.max(a, b)]
        const once = asOf(sharings, facts, late)
        const first = asOf(sharings, facts, early)
        const twice = asOf(first.sharings, { ...facts, use: first.use }, late)
        expect({ sharings: twice.sharings, use: twice.use }).toEqual({ sharings: once.sharings, use: once.use })
      }),
      { numRuns: 2_000 },
    )
  })
})

function failureOf(attempt: () => unknown): unknown {
  try {
    attempt()
    return null
  } catch (error) {
    return error instanceof InputError ? [error.code, error.path] : error
  }
}
