import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newCommand } from '../../../src/domain/command.ts'
import type { Command, CommandStatus } from '../../../src/domain/command.ts'
import type { Instant } from '../../../src/domain/period.ts'
import { isBehind, nextDue, settle } from '../../../src/domain/handover/settle.ts'
import type { Pending, Step } from '../../../src/domain/handover/settle.ts'
import { phaseAt, startSharing } from '../../../src/domain/sharing.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { stateOf } from '../../../src/domain/state.ts'
import { newVehicle } from '../../../src/domain/vehicle.ts'
import { idleFacts } from '../../support/sharings.ts'

const CAR = newVehicle('car', 'owner', {})
const STATE = stateOf({ speedKmh: 0, energyPercent: 80, centralLock: 'LOCKED' }, 500)
const FACTS = idleFacts({ state: STATE })

/** A sharing that was agreed at instant 0, before its start. */
const sharing = (id: string, startsAt: Instant, endsAt: Instant | null): Sharing =>
  startSharing(CAR, { id, partnerId: `partner-${id}`, startsAt, endsAt, allowedCommands: null }, true, 0)

const command = (id: string, deadline: Instant, sharingId: string | null = null, status?: 'DISPATCHED'): Command => {
  const fleetId = sharingId === null ? 'owner' : `partner-${sharingId}`
  const order = { id, type: 'DRAW_ATTENTION', timeoutSeconds: 1 } as const
  const sent = newCommand(CAR, fleetId, sharingId, order, deadline - 1000)
  return status ? { ...sent, status, dispatchedAt: deadline - 900 } : sent
}

const short = (step: Step) =>
  step.type === 'COMMAND_UPDATED'
    ? `${step.at} ${step.command.id} ${step.command.status}`
    : `${step.at} ${step.sharing.id} ${step.type}`
const steps = (pending: Pending, at: Instant) => settle(pending, FACTS, at).steps.map(short)

describe('what falls due', () => {
  const a = sharing('a', 1000, 2000)
  const b = sharing('b', 2000, 3000)
  const started = { ...a, startedAt: a.startsAt }
  const none: readonly Command[] = []

  it.each<[string, Pending, Instant, string[]]>([
    ['nothing before its instant', { sharings: [a], commands: [command('c', 1000)] }, 999, []],
    ['a start at its instant', { sharings: [a], commands: none }, 1000, ['1000 a SHARING_STARTED']],
    ['a start once', { sharings: [started], commands: none }, 1999, []],
    ['an end at its instant', { sharings: [started], commands: none }, 2000, ['2000 a SHARING_ENDED']],
    ['both, late', { sharings: [a], commands: none }, 9999, ['1000 a SHARING_STARTED', '2000 a SHARING_ENDED']],
    ['no end that is open', { sharings: [{ ...started, endsAt: null }], commands: none }, 9999, []],
    ['no start of a cancelled sharing', { sharings: [{ ...a, cancelledAt: 500 }], commands: none }, 9999, []],
    ['no end of a sharing that has ended', { sharings: [{ ...started, endedAt: 1500 }], commands: none }, 9999, []],
    [
      'back to back, first out and then in',
      { sharings: [b, a], commands: none },
      3000,
      ['1000 a SHARING_STARTED', '2000 a SHARING_ENDED', '2000 b SHARING_STARTED', '3000 b SHARING_ENDED'],
    ],
    ['a deadline at its instant', { sharings: [], commands: [command('c', 1000)] }, 1000, ['1000 c EXPIRED']],
    [
      'a deadline with an outcome awaited',
      { sharings: [], commands: [command('c', 1000, null, 'DISPATCHED')] },
      1000,
      ['1000 c OUTCOME_UNKNOWN'],
    ],
    [
      'a start that takes with it what waits',
      { sharings: [a], commands: [command('c', 1001), command('d', 1002)] },
      1000,
      ['1000 a SHARING_STARTED', '1000 c CANCELLED_BY_HANDOVER', '1000 d CANCELLED_BY_HANDOVER'],
    ],
    [
      'a start that cancels, so that nothing is left to expire',
      { sharings: [a], commands: [command('c', 1001)] },
      5000,
      ['1000 a SHARING_STARTED', '1000 c CANCELLED_BY_HANDOVER', '2000 a SHARING_ENDED'],
    ],
    [
      'an end that lets the dispatched ones be, until their deadline',
      { sharings: [started], commands: [command('c', 2500, 'a', 'DISPATCHED'), command('d', 2500, 'a')] },
      2500,
      ['2000 a SHARING_ENDED', '2000 d CANCELLED_BY_HANDOVER', '2500 c OUTCOME_UNKNOWN'],
    ],
    [
      'a deadline before the handover at the same instant',
      { sharings: [started], commands: [command('c', 2000, 'a'), command('d', 2001, 'a')] },
      2000,
      ['2000 c EXPIRED', '2000 a SHARING_ENDED', '2000 d CANCELLED_BY_HANDOVER'],
    ],
    [
      'one handover that cancels, not the next',
      { sharings: [started, b], commands: [command('c', 2500, 'a')] },
      3000,
      ['2000 a SHARING_ENDED', '2000 c CANCELLED_BY_HANDOVER', '2000 b SHARING_STARTED', '3000 b SHARING_ENDED'],
    ],
  ])('%s', (_, pending, at, expected) => {
    expect(steps(pending, at)).toEqual(expected)
  })

  it('leaves final commands as they are', () => {
    const finals: CommandStatus[] = ['SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELLED_BY_HANDOVER', 'OUTCOME_UNKNOWN']
    const commands = finals.map((status) => ({ ...command(status, 1500), status, completedAt: 700 }))
    const settled = settle({ sharings: [a], commands }, FACTS, 9999)
    expect(settled.commands).toEqual(commands)
    expect(settled.steps.map(short)).toEqual(['1000 a SHARING_STARTED', '2000 a SHARING_ENDED'])
  })

  it('is in each step as it is after that step, with the known readings', () => {
    const [first, second, third] = settle({ sharings: [a], commands: [command('c', 1800)] }, FACTS, 5000).steps
    const afterStart = { ...a, startedAt: a.startsAt, handover: STATE }
    expect(first).toEqual({ type: 'SHARING_STARTED', at: 1000, sharing: afterStart })
    expect(second).toEqual({
      type: 'COMMAND_UPDATED',
      at: 1000,
      command: { ...command('c', 1800), status: 'CANCELLED_BY_HANDOVER', completedAt: 1000 },
    })
    expect(third).toEqual({
      type: 'SHARING_ENDED',
      at: 2000,
      sharing: { ...afterStart, endedAt: 2000, endReason: 'EXPIRED', returned: STATE },
    })
  })

  it('returns unchanged sharings and commands themselves', () => {
    const pending = { sharings: [a], commands: [command('c', 1000, null, 'DISPATCHED')] }
    const settled = settle(pending, idleFacts(), 900)
    expect(settled).toEqual({ ...pending, steps: [], use: null })
    expect(settled.commands[0]).toBe(pending.commands[0])
  })
})

describe('settling', () => {
  // Periods of up to three sharings behind each other, and commands whose deadlines fall on and between their edges.
  const world: fc.Arbitrary<Pending> = fc
    .tuple(
      fc.array(fc.record({ gap: fc.nat(2), length: fc.integer({ min: 1, max: 3 }) }), { maxLength: 3 }),
      fc.array(fc.record({ deadline: fc.nat(16), dispatched: fc.boolean() }), { maxLength: 5 }),
      fc.boolean(),
    )
    .map(([periods, deadlines, open]) => {
      let at = 1000
      const sharings = periods.map(({ gap, length }, index) => {
        const startsAt = at + gap
        at = startsAt + length
        return sharing(`s${index}`, startsAt, open && index === periods.length - 1 ? null : at)
      })
      const commands = deadlines.map(({ deadline, dispatched }, index) =>
        command(`c${index}`, 999 + deadline, null, dispatched ? 'DISPATCHED' : undefined),
      )
      return { sharings, commands }
    })
  const instant = fc.integer({ min: 995, max: 1020 })

  it('has the same result however often it is done in between', () => {
    fc.assert(
      fc.property(world, fc.array(instant, { minLength: 1, maxLength: 6 }), (pending, stops) => {
        const inOrder = stops.toSorted((x, y) => x - y)
        let current: Pending = pending
        const onTheWay = inOrder.flatMap((at) => {
          const { steps, use: _use, ...settled } = settle(current, FACTS, at)
          current = settled
          return steps
        })
        expect({ ...current, steps: onTheWay, use: null }).toEqual(settle(pending, FACTS, inOrder.at(-1) ?? 0))
      }),
      { numRuns: 1000 },
    )
  })

  it('records each change once, in the order of time, and leaves none that is due', () => {
    fc.assert(
      fc.property(world, instant, (pending, at) => {
        const settled = settle(pending, FACTS, at)
        const instants = settled.steps.map((step) => step.at)
        expect(instants).toEqual(instants.toSorted((x, y) => x - y))
        expect(settle(settled, FACTS, at).steps).toEqual([])
        for (const { status, deadline } of settled.commands) {
          if (status === 'PENDING' || status === 'DISPATCHED') expect(deadline).toBeGreaterThan(at)
        }
        for (const { startsAt, endsAt, startedAt, endedAt } of settled.sharings) {
          expect(startedAt).toBe(startsAt <= at ? startsAt : null)
          expect(endedAt).toBe(endsAt !== null && endsAt <= at ? endsAt : null)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('changes the records, never the fleet in control', () => {
    fc.assert(
      fc.property(world, instant, (pending, at) => {
        const settled = settle(pending, FACTS, at)
        for (let moment = 995; moment <= 1020; moment++) {
          expect(settled.sharings.map((after) => phaseAt(after, moment))).toEqual(
            pending.sharings.map((before) => phaseAt(before, moment)),
          )
        }
      }),
    )
  })
})

describe('the next instant at which something falls due', () => {
  const a = sharing('a', 1000, 2000)
  const started = { ...a, startedAt: a.startsAt }
  const none: readonly Command[] = []

  it.each<[string, Pending, Instant, Instant | null]>([
    ['is that of a start', { sharings: [a], commands: none }, 999, 1000],
    ['lies behind the instant itself', { sharings: [a], commands: none }, 1000, 2000],
    ['is that of an end, once the start is recorded', { sharings: [started], commands: none }, 500, 2000],
    ['is that of a deadline', { sharings: [a], commands: [command('c', 900)] }, 0, 900],
    ['is the earliest', { sharings: [started], commands: [command('c', 3000), command('d', 2500)] }, 1500, 2000],
    ['is none of an end that is open', { sharings: [{ ...started, endsAt: null }], commands: none }, 1500, null],
    ['is none of what was called off', { sharings: [{ ...a, cancelledAt: 500 }], commands: none }, 500, null],
    ['is none of what has ended', { sharings: [{ ...started, endedAt: 1500 }], commands: none }, 1500, null],
    [
      'is none of a command that is over',
      { sharings: [], commands: [{ ...command('c', 900), status: 'FAILED' }] },
      0,
      null,
    ],
  ])('%s', (_, pending, at, expected) => {
    expect(nextDue(pending, at)).toBe(expected)
  })

  it('has come for sharings just where settling them takes a step', () => {
    const instant = fc.integer({ min: 0, max: 30 })
    const some = fc.record({ startsAt: instant, length: fc.integer({ min: 1, max: 9 }), startRecorded: fc.boolean() })
    fc.assert(
      fc.property(fc.array(some, { maxLength: 3 }), instant, (drawn, at) => {
        const sharings = drawn.map(({ startsAt, length, startRecorded }, index) => ({
          ...sharing(`${index}`, startsAt + 1, startsAt + 1 + length),
          startedAt: startRecorded ? startsAt : null,
        }))
        expect(isBehind(sharings, at)).toBe(steps({ sharings, commands: none }, at).length > 0)
      }),
    )
  })
})
