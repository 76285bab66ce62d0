import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/domain/command.ts'
import { UserError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/period.ts'
import type { Sharing } from '../../src/domain/sharing.ts'
import { ControlModel } from '../support/control-model.ts'
import type { Op } from '../support/control-model.ts'

const LEGAL = [
  'PENDING > DISPATCHED',
  'PENDING > EXPIRED',
  'PENDING > CANCELLED_BY_HANDOVER',
  'DISPATCHED > SUCCEEDED',
  'DISPATCHED > FAILED',
  'DISPATCHED > OUTCOME_UNKNOWN',
]

const FLEETS = ['owner', 'partner', 'other']
const index = fc.oneof(fc.constant(null), fc.nat(5))
// Few lengths, so that deadlines, starts and ends often fall on one instant.
const ms = fc.constantFrom(0, 1, 999, 1000, 1001, 2000)
const length = fc.option(fc.constantFrom(1, 999, 1000, 1001, 2000, 5000), { freq: 4 })

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      fleetId: fc.constantFrom(...FLEETS),
      type: fc.constantFrom('UNLOCK_CENTRAL_LOCK' as const, 'LOCK_CENTRAL_LOCK' as const),
      timeoutSeconds: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('dispatch' as const), index: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('outcome' as const),
      index: fc.nat(20),
      outcome: fc.constantFrom('SUCCEEDED' as const, 'FAILED' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('start' as const),
      fleetId: fc.constantFrom('partner', 'other'),
      inMs: fc.option(ms, { freq: 2 }),
      forMs: length,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), index, forMs: length }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      index,
      fleetId: fc.constantFrom(...FLEETS),
      whenIdle: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('report' as const), idle: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'delete' as const }) },
)

/** The sharing in force at the instant, or null, computed without the domain's functions. */
const controlAt = (sharings: readonly Sharing[], at: Instant): Sharing | null =>
  sharings.find(
    ({ startsAt, endsAt, endedAt, cancelledAt }) =>
      cancelledAt === null && startsAt <= at && at < (endsAt ?? Infinity) && at < (endedAt ?? Infinity),
  ) ?? null

/** The first instant after `at` at which control passes, as far as is known now. */
const passedAfter = (sharings: readonly Sharing[], at: Instant): Instant =>
  Math.min(
    ...sharings
      .filter(({ cancelledAt }) => cancelledAt === null)
      .flatMap(({ startsAt, endsAt, endedAt }) => [startsAt, Math.min(endsAt ?? Infinity, endedAt ?? Infinity)])
      .filter((instant) => instant > at),
  )

/** Checks the invariants of a command; `now` is the instant of the last decision. */
function checkCommand(command: Command, { sharings, vehicle, deletedAt }: ControlModel, now: Instant): void {
  const { status, requestedAt, deadline, dispatchedAt, completedAt, sharingId, fleetId } = command
  const passed = passedAfter(sharings, requestedAt)
  const accepted = controlAt(sharings, requestedAt)
  expect({ sharingId, fleetId }).toEqual({
    sharingId: accepted?.id ?? null,
    fleetId: accepted?.partnerId ?? vehicle.ownerId,
  })
  if (dispatchedAt !== null) {
    expect(dispatchedAt).toBeGreaterThanOrEqual(requestedAt)
    expect(dispatchedAt).toBeLessThan(Math.min(deadline, passed))
    expect(dispatchedAt).toBeLessThanOrEqual(deletedAt ?? Infinity)
  }
  switch (status) {
    case 'PENDING':
      expect(controlAt(sharings, now)?.id ?? null).toBe(sharingId)
      expect(now).toBeLessThan(Math.min(deadline, passed))
      break
    case 'DISPATCHED':
      expect(now).toBeLessThan(deadline)
      break
    case 'SUCCEEDED':
    case 'FAILED':
      expect(completedAt).toBeGreaterThanOrEqual(dispatchedAt ?? Infinity)
      expect(completedAt).toBeLessThan(deadline)
      break
    case 'OUTCOME_UNKNOWN':
      expect(completedAt).toBe(deadline)
      break
    case 'EXPIRED':
      expect(completedAt).toBe(deadline)
      expect(passed).toBeGreaterThanOrEqual(deadline)
      break
    case 'CANCELLED_BY_HANDOVER':
      expect(completedAt).toBe(passed)
      expect(passed).toBeLessThan(deadline)
      break
  }
  expect([dispatchedAt === null, completedAt === null]).toEqual([
    ['PENDING', 'EXPIRED', 'CANCELLED_BY_HANDOVER'].includes(status),
    ['PENDING', 'DISPATCHED'].includes(status),
  ])
}

/** Checks that the log has one entry for each change, in the order of time. @returns those changes */
function checkLog({ log, commands, sharings, last }: ControlModel): string[] {
  for (const [place, entry] of log.entries()) {
    expect(entry.occurredAt).toBeLessThanOrEqual(entry.recordedAt)
    expect(entry.occurredAt).toBeGreaterThanOrEqual(log[place - 1]?.occurredAt ?? 0)
    expect(entry.recordedAt).toBeGreaterThanOrEqual(log[place - 1]?.recordedAt ?? 0)
    if (typeof entry.what !== 'string' && entry.what.status === 'CANCELLED_BY_HANDOVER') {
      const cause = log.slice(0, place).findLast(({ what }) => typeof what === 'string')
      expect(cause?.occurredAt).toBe(entry.occurredAt)
    }
  }
  for (const { id, startsAt, cancelledAt, endedAt } of sharings) {
    const said = log.flatMap(({ what, sharingId, occurredAt }) =>
      typeof what === 'string' && sharingId === id ? [`${occurredAt} ${what}`] : [],
    )
    expect(said).toEqual([
      ...(cancelledAt === null && startsAt <= last ? [`${startsAt} start`] : []),
      ...(endedAt === null ? [] : [`${endedAt} end`]),
    ])
  }
  return commands.flatMap(({ id, status }) => {
    const said = log.flatMap(({ what }) => (typeof what !== 'string' && what.id === id ? [what.status] : []))
    expect(said.at(0)).toBe('PENDING')
    expect(said.at(-1)).toBe(status)
    const steps = said.slice(1).map((next, place) => `${said[place]} > ${next}`)
    for (const step of steps) expect(LEGAL).toContain(step)
    return steps
  })
}

const FINAL = new Set(['SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELLED_BY_HANDOVER', 'OUTCOME_UNKNOWN'])

describe('commands of a vehicle whose control passes', () => {
  it('take only legal steps, each under the control that sent them, in every order of events', () => {
    const taken = new Map<string, number>()
    const refused = new Map<string, number>()
    const done = new Map<string, number>()
    const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 60, size: 'max' }), (ops) => {
        const model = new ControlModel()
        for (const wish of ops) {
          const before = model.commands
          try {
            model.take(wish)
            count(done, wish.do)
          } catch (error) {
            if (!(error instanceof UserError)) throw error
            count(refused, `${wish.do}: ${error.code}`)
          }
          for (const command of model.commands) checkCommand(command, model, model.last)
          for (const [place, command] of before.entries()) {
            if (FINAL.has(command.status)) expect(model.commands[place]).toBe(command)
          }
          checkLog(model)
        }
        for (const step of checkLog(model)) count(taken, step)
        // Final sharings give the same periods of control for every command: the past has not changed.
        for (const command of model.commands) checkCommand(command, model, model.last)
      }),
      { numRuns: 300 },
    )
    // The property would prove little if some of these never happened.
    expect([...taken.keys()].toSorted()).toEqual(LEGAL.toSorted())
    for (const [step, times] of taken) expect([step, times >= 20]).toEqual([step, true])
    expect([...refused.keys()]).toEqual(
      expect.arrayContaining(['outcome: CONFLICT', 'send: SHARED_WITH_PARTNER', 'send: VEHICLE_NOT_FOUND']),
    )
    expect([...done.keys()].toSorted()).toEqual(
      ['delete', 'dispatch', 'end', 'move', 'outcome', 'report', 'send', 'start', 'wait'].toSorted(),
    )
  })
})
