import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conflictIn, controllerAt, targetOf } from '../../src/domain/access/access.ts'
import { UserError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/period.ts'
import { settle } from '../../src/domain/handover/settle.ts'
import type { Step as Due } from '../../src/domain/handover/settle.ts'
import { endSharing, inForce, moveEnd, periodOf, phaseAt, startSharing } from '../../src/domain/sharing.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { aSharing, aVehicle, instants, sharingsOf, idleFacts } from '../support/sharings.ts'

const VEHICLE = aVehicle()
const BASE = 10
const TIMELINE = instants(BASE - 3, BASE + 40)

describe('what falls due', () => {
  const some = sharingsOf(VEHICLE, ['partner', 'other'], BASE)
  const instant = fc.constantFrom(...TIMELINE)
  type Handover = Extract<Due, { sharing: Sharing }>
  const dueUntil = (sharings: readonly Sharing[], at: Instant): Handover[] =>
    settle({ sharings, commands: [] }, idleFacts(), at).steps.filter((step) => 'sharing' in step)
  const short = ({ type, at, sharing: { id } }: Handover) => `${at} ${type} ${id}`

  /** The sharings as the server stores them after settling. */
  const afterwards = (sharings: readonly Sharing[], due: readonly Handover[]): Sharing[] => {
    const settled = new Map(sharings.map((sharing) => [sharing.id, sharing]))
    for (const { sharing } of due) settled.set(sharing.id, sharing)
    return [...settled.values()]
  }

  it('is a start and an end for each sharing that was not cancelled or ended, at their own instants', () => {
    fc.assert(
      fc.property(some, instant, (sharings, now) => {
        const expected = sharings.flatMap(({ id, startsAt, endsAt, startedAt, endedAt, cancelledAt }) => {
          if (cancelledAt !== null || endedAt !== null) return []
          const started = startsAt <= now && startedAt === null ? [`${startsAt} SHARING_STARTED ${id}`] : []
          return endsAt !== null && endsAt <= now ? [...started, `${endsAt} SHARING_ENDED ${id}`] : started
        })
        expect(dueUntil(sharings, now).map(short).toSorted()).toEqual(expected.toSorted())
      }),
      { numRuns: 1000 },
    )
  })

  it('comes in the order of time, an end before a start at the same instant', () => {
    fc.assert(
      fc.property(some, instant, (sharings, now) => {
        const due = dueUntil(sharings, now)
        const rank = ({ at, type }: Handover) => at * 2 + (type === 'SHARING_STARTED' ? 1 : 0)
        expect(due.map(rank)).toEqual(due.map(rank).toSorted((a, b) => a - b))
      }),
      { numRuns: 1000 },
    )
  })

  it('ends the first of two adjacent sharings before it starts the second', () => {
    const [a, b] = [aSharing({ id: 'a' }), aSharing({ id: 'b', startsAt: 2000, endsAt: 3000 })]
    const all = ['1000 SHARING_STARTED a', '2000 SHARING_ENDED a', '2000 SHARING_STARTED b', '3000 SHARING_ENDED b']
    expect(dueUntil([b, a], 3000).map(short)).toEqual(all)
    expect(dueUntil([b, a], 2999).map(short)).toEqual(all.slice(0, 3))
    expect(dueUntil([b, a], 2000).map(short)).toEqual(all.slice(0, 3))
    expect(dueUntil([b, a], 1999).map(short)).toEqual(all.slice(0, 1))
    expect(dueUntil([b, a], 999)).toEqual([])
  })

  it('is due once: a recorded change is not due again', () => {
    fc.assert(
      fc.property(some, instant, (sharings, now) => {
        expect(dueUntil(afterwards(sharings, dueUntil(sharings, now)), now)).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('is the same however often it is settled in between', () => {
    fc.assert(
      fc.property(some, fc.subarray(TIMELINE, { minLength: 1 }), (sharings, stops) => {
        let current = sharings
        const onTheWay = stops.flatMap((now) => {
          const due = dueUntil(current, now)
          current = afterwards(current, due)
          return due
        })
        expect(onTheWay).toEqual(dueUntil(sharings, stops.at(-1) ?? 0))
      }),
      { numRuns: 1000 },
    )
  })

  it('changes the records, never the fleet in control or the phase', () => {
    fc.assert(
      fc.property(some, instant, (sharings, now) => {
        const settled = afterwards(sharings, dueUntil(sharings, now))
        for (const at of TIMELINE) {
          expect(controllerAt({ vehicle: VEHICLE, sharings: settled }, at)).toBe(
            controllerAt({ vehicle: VEHICLE, sharings }, at),
          )
          for (const sharing of sharings) {
            const after = settled.find(({ id }) => id === sharing.id) ?? sharing
            expect(phaseAt(after, at)).toBe(phaseAt(sharing, at))
          }
        }
      }),
    )
  })
})

describe('requests about a vehicle, in every order', () => {
  type Step =
    | {
        readonly do: 'start'
        readonly partnerId: string
        readonly startsIn: number | null
        readonly length: number | null
      }
    | { readonly do: 'move'; readonly index: number; readonly length: number | null }
    | { readonly do: 'end'; readonly index: number | null; readonly byOwner: boolean }

  const length = fc.option(fc.integer({ min: -1, max: 6 }), { freq: 8 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      do: fc.constant('start' as const),
      partnerId: fc.constantFrom('partner', 'other'),
      startsIn: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 2 }),
      length,
    }),
    fc.record({ do: fc.constant('move' as const), index: fc.nat(4), length }),
    fc.record({ do: fc.constant('end' as const), index: fc.option(fc.nat(4)), byOwner: fc.boolean() }),
  )

  /** The verbs with the checks that their callers make. @returns the sharings after the step, the same if it is refused */
  function take(sharings: readonly Sharing[], wish: Step, now: Instant): readonly Sharing[] {
    const control = { vehicle: VEHICLE, sharings }
    const replace = (changed: Sharing) => sharings.map((sharing) => (sharing.id === changed.id ? changed : sharing))
    if (wish.do === 'start') {
      const startsAt = wish.startsIn === null ? null : now + wish.startsIn
      const endsAt = wish.length === null ? null : (startsAt ?? now) + wish.length
      const order = { id: `s${now}`, partnerId: wish.partnerId, startsAt, endsAt, allowedCommands: null }
      const sharing = startSharing(VEHICLE, order, true, now)
      return conflictIn(control, periodOf(sharing)) ? sharings : [...sharings, sharing]
    }
    const fleetId = wish.do === 'end' && !wish.byOwner ? 'partner' : 'owner'
    const named = wish.index === null ? undefined : sharings[wish.index]?.id
    const target = targetOf(named, { fleetId, role: 'MANAGER' }, control, now)
    if (typeof target === 'string') return sharings
    if (wish.do === 'end') return replace(endSharing(target, fleetId, VEHICLE.state, now))
    const moved = moveEnd(target, wish.length === null ? null : now + wish.length, now)
    return conflictIn(control, periodOf(moved), target) ? sharings : replace(moved)
  }

  it('never lead to two sharings in force at one instant, and none changes the past', () => {
    let shared = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        let sharings: readonly Sharing[] = []
        for (const [index, wish] of steps.entries()) {
          const now = BASE + 1 + index
          const before = sharings
          try {
            sharings = take(sharings, wish, now)
          } catch (error) {
            if (!(error instanceof UserError)) throw error
          }
          for (const at of TIMELINE) {
            const active = sharings.filter((sharing) => inForce(sharing, at))
            expect(active.length).toBeLessThanOrEqual(1)
            const controller = controllerAt({ vehicle: VEHICLE, sharings }, at)
            expect(controller).toBe(active[0]?.partnerId ?? 'owner')
            if (at < now) expect(controller).toBe(controllerAt({ vehicle: VEHICLE, sharings: before }, at))
            shared += active.length
          }
        }
      }),
      { numRuns: 500 },
    )
    expect(shared).toBeGreaterThan(1000)
  })
})
