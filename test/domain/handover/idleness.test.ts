import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IDLE_BLOCKERS, idleBlockers, isIdle } from '../../../src/domain/handover/idleness.ts'
import type { IdleBlocker, IdleFacts } from '../../../src/domain/handover/idleness.ts'
import type { CommandType } from '../../../src/domain/command.ts'
import { stateOf } from '../../../src/domain/state.ts'
import type { Readings } from '../../../src/domain/state.ts'
import { idleFacts } from '../../support/sharings.ts'

const NOW = 10_000_000
const MINUTE = 60_000
const QUIET: Readings = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
const USE = { since: 1, fleetId: 'owner', reference: null }

const facts = (readings: Readings, fields: Partial<IdleFacts> = {}) =>
  idleFacts({ state: stateOf(readings, 1), lastContactAt: NOW, ...fields })

describe('what stands against a handover', () => {
  it.each<[string, Readings, IdleBlocker[]]>([
    ['of a vehicle that stands, is off and locked', QUIET, []],
    ['without a speed', { ...QUIET, speedKmh: null }, []],
    ['at a crawl', { ...QUIET, speedKmh: 0.1 }, ['MOVING']],
    ['with the ignition on', { ...QUIET, ignition: true }, ['IGNITION_ON']],
    ['with driving enabled and the ignition off', { ...QUIET, drivingEnabled: true }, []],
    ['with driving enabled, without an ignition', { ...QUIET, ignition: null, drivingEnabled: true }, ['IGNITION_ON']],
    ['with driving disabled, without an ignition', { ...QUIET, ignition: null, drivingEnabled: false }, []],
    ['with driving disabled and the ignition on', { ...QUIET, ignition: true, drivingEnabled: false }, ['IGNITION_ON']],
    ['with neither', { ...QUIET, ignition: null }, ['UNKNOWN']],
    ['that is open', { ...QUIET, centralLock: 'UNLOCKED' }, ['UNLOCKED']],
    ['of whose lock nothing is known', { ...QUIET, centralLock: null }, ['UNKNOWN']],
    ['of which nothing is known', {}, ['UNKNOWN']],
    ['of which only the position is known', { position: { latitude: 1, longitude: 2 } }, ['UNKNOWN']],
    [
      'that is driven',
      { speedKmh: 100, ignition: true, centralLock: 'UNLOCKED' },
      ['MOVING', 'IGNITION_ON', 'UNLOCKED'],
    ],
  ])('%s', (_, readings, blockers) => {
    expect(idleBlockers(facts(readings), NOW)).toEqual(blockers)
    expect(isIdle(facts(readings), NOW)).toBe(blockers.length === 0)
  })

  it.each<[CommandType, boolean]>([
    ['LOCK_CENTRAL_LOCK', true],
    ['UNLOCK_CENTRAL_LOCK', true],
    ['LOCK_AND_DISABLE_DRIVING', true],
    ['UNLOCK_AND_ENABLE_DRIVING', true],
    ['ENABLE_DRIVING', false],
    ['UNLOCK_TOP_CASE', false],
    ['DRAW_ATTENTION', false],
  ])('a vehicle that supports %s has a central lock: %s', (type, hasLock) => {
    const moped = facts({ speedKmh: 0, drivingEnabled: false }, { supportedCommands: ['DRAW_ATTENTION', type] })
    expect(idleBlockers(moped, NOW)).toEqual(hasLock ? ['UNKNOWN'] : [])
  })

  it('a lock that was reported counts, with or without a command for it', () => {
    const open = facts({ ignition: false, centralLock: 'UNLOCKED' }, { supportedCommands: [] })
    expect(idleBlockers(open, NOW)).toEqual(['UNLOCKED'])
  })

  it('a use', () => {
    expect(idleBlockers(facts(QUIET, { use: USE }), NOW)).toEqual(['IN_USE'])
  })

  it.each<[string, number | null, boolean]>([
    ['never', null, true],
    ['a millisecond more than the limit ago', NOW - 30 * MINUTE - 1, true],
    ['exactly the limit ago', NOW - 30 * MINUTE, false],
    ['just now', NOW, false],
    ['by a clock that runs ahead', NOW + 5, false],
  ])('silence: heard of %s', (_, lastContactAt, isSilent) => {
    const quiet = facts(QUIET, { lastContactAt, maxSilenceMs: 30 * MINUTE })
    expect(idleBlockers(quiet, NOW)).toEqual(isSilent ? ['SILENT'] : [])
  })

  it('all of it, in the order of the enum', () => {
    const worst = facts(
      { speedKmh: 9, drivingEnabled: true, centralLock: 'UNLOCKED' },
      { use: USE, lastContactAt: null },
    )
    expect(idleBlockers(worst, NOW)).toEqual(['MOVING', 'IGNITION_ON', 'UNLOCKED', 'IN_USE', 'SILENT'])
    const unknown = facts({ speedKmh: 9 }, { use: USE, lastContactAt: null })
    expect(idleBlockers(unknown, NOW)).toEqual(['MOVING', 'IN_USE', 'UNKNOWN', 'SILENT'])
  })

  it('comes of time only as silence: what is not idle stays so until something is heard', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.option(fc.nat(NOW), { nil: null }), fc.nat(NOW), fc.nat(NOW), (...drawn) => {
        const [isUsed, lastContactAt, a, b] = drawn
        const some = facts(QUIET, { use: isUsed ? USE : null, lastContactAt, maxSilenceMs: 30 * MINUTE })
        const [early, late] = [idleBlockers(some, Math.min(a, b)), idleBlockers(some, Math.max(a, b))]
        expect(late).toEqual(expect.arrayContaining(early))
        expect(late.filter((blocker) => !early.includes(blocker) && blocker !== 'SILENT')).toEqual([])
        expect(late).toEqual(IDLE_BLOCKERS.filter((blocker) => late.includes(blocker)))
      }),
    )
  })
})
