import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import { checkReport } from '../../src/domain/state.ts'
import { advance, applyCommand, newCar, readingsOf } from '../../src/simulator/car.ts'
import type { Car } from '../../src/simulator/car.ts'
import { simulate, DEFAULT_FAULTS } from '../../src/simulator/simulation.ts'
import type { Gateway, Report, ReportResult } from '../../src/simulator/gateway.ts'
import { seeded } from '../../src/simulator/random.ts'

/** A car after each of so many steps. */
function* ride(seed: number, steps: readonly number[]): Generator<Car> {
  const random = seeded(seed)
  let car = newCar('A1', random)
  yield car
  for (const seconds of steps) yield (car = advance(car, seconds, random))
}

const rides = fc.tuple(
  fc.integer({ min: 0, max: 2 ** 32 }),
  fc.array(fc.double({ min: 0.1, max: 60, noNaN: true }), { minLength: 50, maxLength: 400 }),
)

describe('a simulated car', () => {
  it('keeps all its readings in their ranges, however long it drives', () => {
    fc.assert(
      fc.property(rides, ([seed, steps]) => {
        let mileage = 0
        for (const car of ride(seed, steps)) {
          const { energyPercent, speedKmh, along, mileageKm } = car
          expect(along >= 0 && along < 1).toBe(true)
          expect(speedKmh >= 0 && speedKmh <= 50).toBe(true)
          expect(energyPercent >= 0 && energyPercent <= 100).toBe(true)
          expect(mileageKm).toBeGreaterThanOrEqual(mileage)
          mileage = mileageKm
          // A parked car does not move.
          if (!car.ignition) expect(speedKmh).toBe(0)
          if (car.charging) expect(car.ignition).toBe(false)
          const readings = readingsOf(car)
          expect(readings.position.latitude).toBeCloseTo(53.55, 1)
          expect(Math.abs(readings.position.longitude - 10)).toBeLessThan(0.06)
          const report = {
            vehicleId: car.id,
            messageId: 'm',
            occurredAt: 0,
            readings: { ...readings, centralLock: null },
          }
          expect(() => checkReport(report, 0)).not.toThrow()
        }
      }),
      { numRuns: 50 },
    )
  })

  it('drives, parks and charges in the course of a day', () => {
    const seen = { driving: 0, parked: 0, charging: 0 }
    const day = Array.from({ length: 24 * 60 * 6 }, () => 10)
    for (const { ignition, charging } of ride(3, day)) {
      if (charging) seen.charging++
      else if (ignition) seen.driving++
      else seen.parked++
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0)
  })

  it('moves on from where it was', () => {
    let before: Car | undefined
    for (const car of ride(
      5,
      Array.from({ length: 2000 }, () => 2),
    )) {
      if (before) {
        const [a, b] = [readingsOf(before).position, readingsOf(car).position]
        // At most 50 km/h for 2 s, plus errors of rounding.
        const metres = Math.hypot((b.latitude - a.latitude) * 111_320, (b.longitude - a.longitude) * 66_200)
        expect(metres).toBeLessThan(29)
      }
      before = car
    }
  })

  it('repeats its drive with the same seed, and drives differently with another', () => {
    const steps = Array.from({ length: 300 }, (_, index) => 1 + (index % 7))
    expect([...ride(11, steps)]).toEqual([...ride(11, steps)])
    expect([...ride(11, steps)]).not.toEqual([...ride(12, steps)])
    const numbers = Array.from({ length: 10_000 }, seeded(1))
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(new Set(numbers).size).toBeGreaterThan(9_990)
  })

  const parked = { locked: true, drivingEnabled: false, ignition: false, speedKmh: 0 }
  const standing = { locked: false, drivingEnabled: true, ignition: true, speedKmh: 0 }
  const moving = { ...standing, speedKmh: 30 }
  it.each([
    ['UNLOCK_CENTRAL_LOCK', parked, { ...parked, locked: false }],
    ['LOCK_CENTRAL_LOCK', standing, { ...standing, locked: true }],
    ['LOCK_CENTRAL_LOCK', moving, null],
    ['ENABLE_DRIVING', parked, { ...parked, drivingEnabled: true }],
    ['DISABLE_DRIVING', standing, { ...standing, drivingEnabled: false, ignition: false }],
    ['DISABLE_DRIVING', moving, null],
    ['UNLOCK_AND_ENABLE_DRIVING', parked, { ...parked, locked: false, drivingEnabled: true }],
    ['LOCK_AND_DISABLE_DRIVING', standing, parked],
    ['LOCK_AND_DISABLE_DRIVING', moving, null],
    ['DRAW_ATTENTION', moving, moving],
    ['REQUEST_VEHICLE_STATE', parked, parked],
    ['UNLOCK_TOP_CASE', parked, parked],
  ])('applies %s if it can be carried out: %o becomes %o', (command, before, after) => {
    const car = { ...newCar('A1', seeded(1)), ...before }
    expect(applyCommand(car, command)).toEqual(after && { ...car, ...after })
  })

  it('knows every command', () => {
    for (const type of COMMAND_TYPES)
      expect(applyCommand({ ...newCar('A1', seeded(1)), ...parked }, type)).not.toBeNull()
  })
})

/** A gateway whose server is this test. */
function fakeGateway(answer: (reports: readonly Report[]) => Partial<ReportResult> = () => ({})) {
  const batches: Report[][] = []
  const outcomes: [string, string][] = []
  const gateway: Gateway = {
    report: async (reports) => {
      const said = answer(reports)
      batches.push([...reports])
      return { recorded: reports.length, skipped: 0, rejected: [], ...said }
    },
    reportOutcome: async (commandId, outcome) => void outcomes.push([commandId, outcome]),
    close: async () => {},
  }
  return { gateway, batches, outcomes }
}

const NO_FAULTS = { repeated: 0, late: 0, failed: 0, lost: 0 }
const ids = (count: number) => Array.from({ length: count }, (_, index) => `V${index}`)
const idOf = ({ vehicleId, messageId }: Report) => `${vehicleId} ${messageId}`

describe('a simulated fleet', () => {
  it('reports each vehicle once per tick, in batches of at most 500', async () => {
    const { gateway, batches } = fakeGateway()
    const simulation = simulate(ids(1_200), 1, 'run', NO_FAULTS)
    expect(await simulation.tick(gateway, 2)).toBe(1_200)
    expect(batches.map(({ length }) => length)).toEqual([500, 500, 200])
    expect(batches.flat().map(({ vehicleId }) => vehicleId)).toEqual(ids(1_200))
    expect(new Set(batches.flat().map(({ messageId }) => messageId)).size).toBe(1_200)
  })

  it('repeats and delays messages at the given rates, and loses none', async () => {
    const { gateway, batches } = fakeGateway()
    const simulation = simulate(ids(400), 1, 'run', { ...NO_FAULTS, repeated: 0.05, late: 0.05 })
    for (let tick = 0; tick < 20; tick++) await simulation.tick(gateway, 2)
    const sent = batches.flat()
    const distinct = new Map(sent.map((report) => [idOf(report), report]))
    const repeats = sent.length - distinct.size
    expect(repeats / sent.length).toBeCloseTo(0.05, 1)
    expect(repeats).toBeGreaterThan(0)
    for (const report of sent) expect(distinct.get(idOf(report))).toEqual(report)
    // Of 8,000 messages only those of the last tick can still be held back.
    expect(distinct.size).toBeGreaterThan(8_000 - 400)
    const numbers = sent.map(({ messageId }) => Number(messageId.split('-')[1]))
    const late = numbers.filter((number, index) => index > 0 && number < (numbers[index - 1] ?? 0)).length
    expect(late).toBeGreaterThan(0)
  })

  it('keeps undelivered messages, and delivers them before newer ones', async () => {
    let away = true
    const { gateway, batches } = fakeGateway(() => {
      if (away) throw new Error('away')
      return {}
    })
    const simulation = simulate(ids(3), 1, 'run', NO_FAULTS)
    await expect(simulation.tick(gateway, 2)).rejects.toThrow('away')
    await expect(simulation.tick(gateway, 2)).rejects.toThrow('away')
    away = false
    await simulation.tick(gateway, 2)
    expect(batches.flat().map(({ messageId }) => messageId)).toEqual(ids(9).map((_, index) => `run-${index + 1}`))
  })

  it('drops the oldest messages when its backlog is full', async () => {
    let away = true
    const { gateway, batches } = fakeGateway(() => {
      if (away) throw new Error('away')
      return {}
    })
    const simulation = simulate(ids(4_000), 1, 'run', NO_FAULTS)
    for (let tick = 0; tick < 4; tick++) await simulation.tick(gateway, 2).catch(() => {})
    away = false
    await simulation.tick(gateway, 2)
    const numbers = batches.flat().map(({ messageId }) => Number(messageId.split('-')[1]))
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([10_000, 10_001, 20_000])
  })

  it('stops reporting a vehicle that the server does not know, but not one whose report was rejected', async () => {
    const { gateway, batches } = fakeGateway((reports) => ({
      rejected: reports.flatMap(({ vehicleId }, index) => {
        if (vehicleId === 'V1') return [{ index, code: 'VEHICLE_NOT_FOUND' }]
        return vehicleId === 'V2' ? [{ index, code: 'INVALID_INPUT' }] : []
      }),
    }))
    const simulation = simulate(ids(3), 1, 'run', NO_FAULTS)
    await simulation.tick(gateway, 2)
    await simulation.tick(gateway, 2)
    expect(batches.map((batch) => batch.map(({ vehicleId }) => vehicleId))).toEqual([
      ['V0', 'V1', 'V2'],
      ['V0', 'V2'],
    ])
  })

  const dispatch = { commandId: 'c', vehicleId: 'V0', type: 'UNLOCK_CENTRAL_LOCK', deadline: '' }
  it('carries out a command, reports its outcome, and then the changed readings', async () => {
    const { gateway, batches, outcomes } = fakeGateway()
    const simulation = simulate(ids(1), 1, 'run', NO_FAULTS)
    await simulation.execute(gateway, dispatch)
    expect(outcomes).toEqual([['c', 'SUCCEEDED']])
    await simulation.tick(gateway, 2)
    expect(batches[0]?.[0]).toMatchObject({ vehicleId: 'V0', centralLock: 'UNLOCKED' })
  })

  it('reports failures of commands, or no outcome at all, at the given rates', async () => {
    const { gateway, outcomes } = fakeGateway()
    await simulate(ids(1), 1, 'run', { ...NO_FAULTS, failed: 1 }).execute(gateway, dispatch)
    expect(outcomes).toEqual([['c', 'FAILED']])
    await simulate(ids(1), 1, 'run', { ...NO_FAULTS, lost: 1 }).execute(gateway, dispatch)
    await simulate([], 1, 'run', NO_FAULTS).execute(gateway, dispatch)
    expect(outcomes).toHaveLength(1)
    expect(DEFAULT_FAULTS).toEqual({ repeated: 0.05, late: 0.05, failed: 0.05, lost: 0.02, silent: 0.001 })
  })
})
