import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import type { CommandType } from '../../src/domain/command.ts'
import type { ErrorCode, UserError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/period.ts'
import {
  endedAtOf,
  endReasonAt,
  endSharing,
  inForce,
  isParty,
  moveEnd,
  periodOf,
  phaseAt,
  SHARING_PHASES,
  startSharing,
  statusFor,
} from '../../src/domain/sharing.ts'
import type { Sharing, SharingPhase, StartOrder } from '../../src/domain/sharing.ts'
import { UNKNOWN_STATE } from '../../src/domain/state.ts'
import { aSharing, aVehicle, instants, sharingsOf } from '../support/sharings.ts'

const BASE = 10
const TIMELINE = instants(BASE - 3, BASE + 30)

const one: fc.Arbitrary<Sharing> = sharingsOf(aVehicle(), ['partner', 'other'], BASE)
  .filter((sharings) => sharings.length > 0)
  .chain((sharings) => fc.constantFrom(...sharings))

describe('the phase of a sharing', () => {
  const ended = aSharing({ endedAt: 1500, endReason: 'ENDED_BY_OWNER' })
  const cancelled = aSharing({ cancelledAt: 500, endReason: 'CANCELLED_BY_PARTNER' })
  const open = aSharing({ endsAt: null })

  it.each<[string, Sharing, Instant, SharingPhase, endedAt: Instant | null, reason: string | null]>([
    ['before its start', aSharing(), 999, 'SCHEDULED', null, null],
    ['at its start', aSharing(), 1000, 'ACTIVE', null, null],
    ['one ms before its end', aSharing(), 1999, 'ACTIVE', null, null],
    ['at its end, not recorded yet', aSharing(), 2000, 'ENDED', 2000, 'EXPIRED'],
    ['ended early, one ms before the early end', ended, 1499, 'ACTIVE', null, null],
    ['ended early, at the early end', ended, 1500, 'ENDED', 1500, 'ENDED_BY_OWNER'],
    ['ended early, after its due end', ended, 2500, 'ENDED', 1500, 'ENDED_BY_OWNER'],
    ['with an open end, years later', open, 1e12, 'ACTIVE', null, null],
    ['cancelled, before its start', cancelled, 999, 'CANCELLED', null, 'CANCELLED_BY_PARTNER'],
    ['cancelled, within its period', cancelled, 1500, 'CANCELLED', null, 'CANCELLED_BY_PARTNER'],
    ['cancelled, after its due end', cancelled, 2500, 'CANCELLED', null, 'CANCELLED_BY_PARTNER'],
  ])('%s', (_, sharing, at, phase, endedAt, reason) => {
    expect([phaseAt(sharing, at), endedAtOf(sharing, at), endReasonAt(sharing, at)]).toEqual([phase, endedAt, reason])
    expect(inForce(sharing, at)).toBe(phase === 'ACTIVE')
  })

  it('never goes back, and is ACTIVE exactly while the sharing is in force', () => {
    fc.assert(
      fc.property(one, (sharing) => {
        const phases = TIMELINE.map((at) => phaseAt(sharing, at))
        const order = phases.map((phase) => SHARING_PHASES.indexOf(phase))
        expect(order).toEqual(order.toSorted((a, b) => a - b))
        if (sharing.cancelledAt !== null) expect(new Set(phases)).toEqual(new Set(['CANCELLED']))
        else expect(phases).not.toContain('CANCELLED')
        const { startsAt, endsAt } = periodOf(sharing)
        for (const at of TIMELINE) {
          const active = at >= startsAt && (endsAt === null || at < endsAt)
          expect(phaseAt(sharing, at) === 'ACTIVE').toBe(active)
          expect(inForce(sharing, at)).toBe(active)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('has an end and a reason exactly when it is over', () => {
    fc.assert(
      fc.property(one, fc.constantFrom(...TIMELINE), (sharing, at) => {
        const phase = phaseAt(sharing, at)
        const endedAt = endedAtOf(sharing, at)
        expect(endedAt !== null).toBe(phase === 'ENDED')
        if (endedAt !== null) expect(endedAt).toBeLessThanOrEqual(at)
        expect(endReasonAt(sharing, at) !== null).toBe(phase === 'ENDED' || phase === 'CANCELLED')
      }),
      { numRuns: 1000 },
    )
  })
})

it('a sharing has two parties, each with a status of its own', () => {
  expect(['owner', 'partner', 'stranger'].map((fleetId) => isParty(aSharing(), fleetId))).toEqual([true, true, false])
  expect(statusFor(aSharing(), 'owner')).toBe('SHARED_OWN_VEHICLE')
  expect(statusFor(aSharing(), 'partner')).toBe('SHARED_PARTNER_VEHICLE')
})

/** The code and path of the error that a function throws. */
function failureOf(verb: () => unknown): { code: ErrorCode; path: unknown } | null {
  try {
    verb()
    return null
  } catch (error) {
    const { code, path } = error as UserError & { path?: unknown }
    return { code, path }
  }
}

const order = (fields: Partial<StartOrder> = {}): StartOrder => ({
  id: 'new',
  partnerId: 'partner',
  startsAt: null,
  endsAt: null,
  allowedCommands: null,
  ...fields,
})

describe('startSharing', () => {
  const NOW = 1000
  const car = aVehicle({ supportedCommands: ['LOCK_TOP_CASE', 'UNLOCK_TOP_CASE', 'DRAW_ATTENTION'] })
  const start = (fields: Partial<StartOrder>) => startSharing(car, order(fields), true, NOW)

  it('starts now and has an open end by default', () => {
    const over = { endedAt: null, endReason: null, cancelledAt: null, returned: null }
    const nothing = { ...over, allowedCommands: null, endRequestedAt: null, endRequestedBy: null }
    const onTime = { startPolicy: 'ON_TIME', endPolicy: 'ON_TIME', latestEndsAt: null, isOverrun: null }
    const policies = { ...onTime, startAwaitedSince: null }
    const parties = { id: 'new', vehicleId: 'car', ownerId: 'owner', partnerId: 'partner' }
    const now = { startsAt: NOW, endsAt: null, startedAt: NOW, handover: car.state, createdAt: NOW }
    expect(start({})).toEqual({ ...parties, ...nothing, ...policies, ...now })
    const later = { startsAt: NOW + 1, endsAt: NOW + 2, startedAt: null, handover: null, createdAt: NOW }
    expect(start({ startsAt: NOW + 1, endsAt: NOW + 2 })).toEqual({ ...parties, ...nothing, ...policies, ...later })
  })

  it.each<[string, Partial<StartOrder>, { code: ErrorCode; path: readonly string[] } | null]>([
    ['a start in the past', { startsAt: NOW - 1 }, { code: 'INVALID_PERIOD', path: ['startsAt'] }],
    [
      'a start in the past with such an end',
      { startsAt: 1, endsAt: 2 },
      { code: 'INVALID_PERIOD', path: ['startsAt'] },
    ],
    ['a start at this very instant', { startsAt: NOW }, null],
    ['an end in the past', { endsAt: NOW - 1 }, { code: 'INVALID_PERIOD', path: ['endsAt'] }],
    ['an end at this very instant', { endsAt: NOW }, { code: 'INVALID_PERIOD', path: ['endsAt'] }],
    ['one millisecond', { endsAt: NOW + 1 }, null],
    ['an end at its start', { startsAt: 2000, endsAt: 2000 }, { code: 'INVALID_PERIOD', path: ['endsAt'] }],
    ['an end before its start', { startsAt: 2000, endsAt: 1999 }, { code: 'INVALID_PERIOD', path: ['endsAt'] }],
    ['a scheduled millisecond', { startsAt: 2000, endsAt: 2001 }, null],
    ['no command at all', { allowedCommands: [] }, { code: 'INVALID_INPUT', path: ['allowedCommands'] }],
    [
      'a command that the vehicle does not support',
      { allowedCommands: ['LOCK_TOP_CASE', 'ENABLE_DRIVING'] },
      { code: 'INVALID_INPUT', path: ['allowedCommands'] },
    ],
    ['some of its commands', { allowedCommands: ['LOCK_TOP_CASE'] }, null],
  ])('with %s', (_, fields, failure) => {
    expect(failureOf(() => start(fields))).toEqual(failure)
  })

  it('keeps each allowed command once, in the standard order', () => {
    const allowedCommands: CommandType[] = ['DRAW_ATTENTION', 'LOCK_TOP_CASE', 'DRAW_ATTENTION']
    expect(start({ allowedCommands }).allowedCommands).toEqual(['LOCK_TOP_CASE', 'DRAW_ATTENTION'])
    expect(COMMAND_TYPES.indexOf('LOCK_TOP_CASE')).toBeLessThan(COMMAND_TYPES.indexOf('DRAW_ATTENTION'))
  })

  it('checks the partnership first', () => {
    const wrong = order({ startsAt: 1, endsAt: 0, allowedCommands: [] })
    expect(failureOf(() => startSharing(car, wrong, false, NOW))).toEqual({ code: 'NOT_A_PARTNER', path: undefined })
  })
})

describe('moveEnd', () => {
  it.each<[string, at: Instant, endsAt: Instant | null, ErrorCode | null]>([
    ['to a later time', 1500, 9000, null],
    ['to an earlier time', 1500, 1501, null],
    ['to an open end', 1500, null, null],
    ['to this very instant', 1500, 1500, 'INVALID_PERIOD'],
    ['to the past', 1500, 1499, 'INVALID_PERIOD'],
    ['of a scheduled one to its start', 500, 1000, 'INVALID_PERIOD'],
    ['of a scheduled one before its start', 500, 999, 'INVALID_PERIOD'],
    ['of a scheduled one after its start', 500, 1001, null],
  ])('%s', (_, at, endsAt, code) => {
    if (code === null) expect(moveEnd(aSharing(), endsAt, at)).toEqual({ ...aSharing(), endsAt })
    else expect(failureOf(() => moveEnd(aSharing(), endsAt, at))).toEqual({ code, path: ['endsAt'] })
  })
})

describe('endSharing', () => {
  it.each<[by: string, at: Instant, Partial<Sharing>]>([
    ['owner', 1000, { endedAt: 1000, endReason: 'ENDED_BY_OWNER', returned: UNKNOWN_STATE }],
    ['partner', 1999, { endedAt: 1999, endReason: 'ENDED_BY_PARTNER', returned: UNKNOWN_STATE }],
    ['owner', 999, { cancelledAt: 999, endReason: 'CANCELLED_BY_OWNER' }],
    ['partner', 0, { cancelledAt: 0, endReason: 'CANCELLED_BY_PARTNER' }],
  ])('by the %s at %i', (by, at, expected) => {
    const over = endSharing(aSharing(), by, UNKNOWN_STATE, at)
    expect(over).toEqual({ ...aSharing(), ...expected })
    expect(inForce(over, at)).toBe(false)
  })
})
