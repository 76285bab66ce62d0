import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { controllerAt, permission, refusal, seesAt } from '../../../src/domain/access/access.ts'
import type { Action, Control, Permission } from '../../../src/domain/access/access.ts'
import type { Member } from '../../../src/domain/fleet.ts'
import type { Instant } from '../../../src/domain/period.ts'
import { phaseAt } from '../../../src/domain/sharing.ts'
import { aSharing, aVehicle, instants, sharingsOf } from '../../support/sharings.ts'

const PARTNERS = ['partner', 'other']
const VEHICLE = aVehicle({ supportedCommands: ['LOCK_TOP_CASE', 'DRAW_ATTENTION'] })
const BASE = 10
// Four sharings of at most six milliseconds each, with some room on both sides.
const TIMELINE = instants(BASE - 3, BASE + 30)

const control: fc.Arbitrary<Control> = sharingsOf(VEHICLE, PARTNERS, BASE).map((sharings) => ({
  vehicle: VEHICLE,
  sharings: sharings.map((sharing, index) => ({ ...sharing, allowedCommands: index % 2 ? ['LOCK_TOP_CASE'] : null })),
}))

const period = fc
  .tuple(fc.integer({ min: BASE, max: BASE + 10 }), fc.option(fc.integer({ min: 1, max: 10 })))
  .map(([startsAt, length]) => ({ startsAt, endsAt: length === null ? null : startsAt + length }))

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.constantFrom<Action>(
    { kind: 'see' },
    { kind: 'update' },
    { kind: 'delete' },
    { kind: 'sendCommand' },
    { kind: 'sendCommand', type: 'LOCK_TOP_CASE' },
    { kind: 'sendCommand', type: 'DRAW_ATTENTION' },
    { kind: 'sendCommand', type: 'ENABLE_DRIVING' },
    { kind: 'startSharing' },
    { kind: 'updateSharingEnd' },
    { kind: 'endSharing' },
  ),
  period.map((wanted): Action => ({ kind: 'startSharing', period: wanted })),
  fc
    .tuple(fc.constantFrom('updateSharingEnd' as const, 'endSharing' as const), fc.integer({ min: 0, max: 4 }))
    .map(([kind, index]): Action => ({ kind, sharingId: `car-${index}` })),
)

const member: fc.Arbitrary<Member> = fc.record({
  fleetId: fc.constantFrom('owner', ...PARTNERS, 'stranger'),
  role: fc.constantFrom(null, 'VIEWER', 'OPERATOR', 'MANAGER'),
})
const instant: fc.Arbitrary<Instant> = fc.constantFrom(...TIMELINE)

const codeAt = (wish: Action, by: Member, of: Control, at: Instant) => refusal(wish, by, of, at)?.code ?? null

describe('a permission', () => {
  it("is the guard's answer, valid until the first instant at which the guard's answer differs", () => {
    fc.assert(
      fc.property(action, member, control, instant, (wish, by, of, now) => {
        const code = codeAt(wish, by, of, now)
        const until = TIMELINE.find((at) => at > now && codeAt(wish, by, of, at) !== code) ?? null
        expect(permission(wish, by, of, now)).toEqual({ allowed: code === null, code, until })
      }),
      { numRuns: 5000 },
    )
  })

  it('does not depend on sharings that are over, unless one is named', () => {
    fc.assert(
      fc.property(action, member, control, instant, (wish, by, of, now) => {
        fc.pre(!('sharingId' in wish))
        // No sharing starts in the past: that is refused on its own.
        fc.pre(!('period' in wish && wish.period !== undefined && wish.period.startsAt < now))
        const open = of.sharings.filter((sharing) => ['SCHEDULED', 'ACTIVE'].includes(phaseAt(sharing, now)))
        expect(permission(wish, by, { ...of, sharings: open }, now)).toEqual(permission(wish, by, of, now))
      }),
      { numRuns: 2000 },
    )
  })

  const now = aSharing()
  const next = aSharing({ id: 'next', partnerId: 'other', startsAt: 2000, endsAt: 3000 })
  const answer = (wish: Action, fleetId: string, at: Instant, sharings = [now, next]): Permission =>
    permission(wish, { fleetId, role: 'MANAGER' }, { vehicle: aVehicle(), sharings }, at)

  it.each<[string, Permission, Permission]>([
    [
      'the owner has no command before the last of two back to back is over',
      answer({ kind: 'sendCommand' }, 'owner', 1500),
      { allowed: false, code: 'SHARED_WITH_PARTNER', until: 3000 },
    ],
    [
      'the owner has commands until the first one starts',
      answer({ kind: 'sendCommand' }, 'owner', 500),
      { allowed: true, code: null, until: 1000 },
    ],
    [
      'a delete is refused for another reason once the scheduled one starts',
      answer({ kind: 'delete' }, 'owner', 500),
      { allowed: false, code: 'ALREADY_SHARED', until: 1000 },
    ],
    [
      'an edit of the owner never changes',
      answer({ kind: 'update' }, 'owner', 500),
      { allowed: true, code: null, until: null },
    ],
    [
      "the partner's sight ends with its sharing",
      answer({ kind: 'see' }, 'partner', 1999),
      { allowed: true, code: null, until: 2000 },
    ],
    [
      'the end of an open sharing is not known',
      answer({ kind: 'sendCommand' }, 'partner', 1500, [aSharing({ endsAt: null })]),
      { allowed: true, code: null, until: null },
    ],
    [
      'the start and end of a cancelled sharing do not count',
      answer({ kind: 'sendCommand' }, 'owner', 500, [aSharing({ cancelledAt: 400, endReason: 'CANCELLED_BY_OWNER' })]),
      { allowed: true, code: null, until: null },
    ],
    [
      'a due end after the real one is none',
      answer({ kind: 'update' }, 'partner', 1000, [aSharing({ endedAt: 1600, endReason: 'ENDED_BY_OWNER' })]),
      { allowed: false, code: 'NOT_OWNER', until: 1600 },
    ],
  ])('%s', (_, actual, expected) => {
    expect(actual).toEqual(expected)
  })
})

describe('control', () => {
  it('belongs to exactly one fleet at any instant, and only the owner and that fleet see the vehicle', () => {
    fc.assert(
      fc.property(control, instant, (of, at) => {
        const active = of.sharings.filter((sharing) => phaseAt(sharing, at) === 'ACTIVE')
        expect(active.length).toBeLessThanOrEqual(1)
        expect(controllerAt(of, at)).toBe(active[0]?.partnerId ?? 'owner')
        const seeing = ['owner', ...PARTNERS, 'stranger'].filter((fleetId) => seesAt(fleetId, of, at))
        expect(seeing).toEqual([...new Set(['owner', controllerAt(of, at)])])
      }),
      { numRuns: 2000 },
    )
  })

  it('lets exactly one fleet send a command at any instant: the fleet in control', () => {
    fc.assert(
      fc.property(control, instant, (of, at) => {
        const sending = ['owner', ...PARTNERS, 'stranger'].filter(
          (fleetId) => codeAt({ kind: 'sendCommand' }, { fleetId, role: 'OPERATOR' }, of, at) === null,
        )
        expect(sending).toEqual([controllerAt(of, at)])
      }),
      { numRuns: 2000 },
    )
  })
})
