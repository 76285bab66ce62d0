import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { ClockError, startClock } from '../../../src/data/database/clock.ts'

const HOUR = 3_600_000

const processIs = (now: () => number) => void vi.spyOn(Date, 'now').mockImplementation(now)

/** A database's clock of one's own, over all that the process's does. */
async function start() {
  const begun = performance.now()
  const database = { ahead: 0, isAway: false, takesMs: 0 }
  const real = () => 1_900_000_000_000 + performance.now() - begun
  const asked = vi.fn(async () => {
    if (database.isAway) throw new Error('away')
    const said = real() + database.ahead
    if (database.takesMs > 0) await sleep(database.takesMs)
    return said
  })
  const clock = await startClock(asked)
  onTestFinished(clock.stop)
  /** How far the clock is from the right time. */
  const error = () => clock.now() - real()
  const measured = async () => {
    const before = asked.mock.calls.length
    while (asked.mock.calls.length < before + 2) await sleep(10)
  }
  return { clock, database, error, measured, real }
}

afterEach(() => void vi.restoreAllMocks())

it('agrees with the database, wherever the clock of the process is, or goes', async () => {
  const { error, clock, measured, real } = await start()
  for (const step of [0, -HOUR, 60_000, 10 * HOUR]) {
    processIs(() => real() + step)
    expect(Math.abs(error())).toBeLessThan(20)
    expect(() => clock.check(Math.floor(real()))).not.toThrow()
    await measured()
    expect(Math.abs(error())).toBeLessThan(20)
  }
})

it.each([HOUR, -HOUR])(
  'a glitch of the database by %d ms decides nothing, and is over when it is over',
  async (ahead) => {
    const { error, clock, database, measured, real } = await start()
    database.ahead = ahead
    // Before it is noticed: by what the database says of the decision.
    expect(() => clock.check(real() + ahead)).toThrow(ClockError)
    clock.observe(real() + ahead)
    await measured()
    expect(() => clock.check()).toThrow(ClockError)
    expect(Math.abs(error())).toBeLessThan(20)
    database.ahead = 0
    await measured()
    expect(() => clock.check(real())).not.toThrow()
    expect(Math.abs(error())).toBeLessThan(20)
  },
)

it.each([HOUR, -HOUR])('a step of the database by %d ms that stays is believed within seconds', async (ahead) => {
  const { error, clock, database } = await start()
  database.ahead = ahead
  await vi.waitFor(() => expect(Math.abs(error() - ahead)).toBeLessThan(20), { timeout: 8_000, interval: 20 })
  expect(() => clock.check()).not.toThrow()
})

it('a step that the clock of the process has seen, too, is believed at once: the machine slept', async () => {
  const { error, clock, database, measured, real } = await start()
  database.ahead = HOUR
  processIs(() => real() + HOUR)
  await measured()
  expect(Math.abs(error() - HOUR)).toBeLessThan(20)
  expect(() => clock.check()).not.toThrow()
})

it('is never before an instant that was observed a moment ago, and holds while the database is away', async () => {
  const { clock, database, measured, error, real } = await start()
  const soon = Math.floor(real()) + 400
  clock.observe(soon)
  expect(clock.now()).toBe(soon)
  database.isAway = true
  await measured()
  expect(Math.abs(error())).toBeLessThan(20)
})

it('an answer that takes long moves nothing', async () => {
  const { error, database, measured } = await start()
  database.takesMs = 900
  await measured()
  expect(Math.abs(error())).toBeLessThan(20)
})

it('an answer that is no number is an error', async () => {
  await expect(startClock(() => Promise.resolve(NaN))).rejects.toThrow('says no instant')
})
