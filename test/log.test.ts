import { pino } from 'pino'
import { afterEach, expect, it, vi } from 'vitest'
import { logSparingly } from '../src/log.ts'

afterEach(() => vi.useRealTimers())

it('a repeated failure is logged at once, and then every ten seconds with its number', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const told: { readonly times: number; readonly msg: string }[] = []
  const log = pino({}, { write: (line) => told.push(JSON.parse(line) as (typeof told)[number]) })
  const tell = logSparingly(log, 'a job')
  for (let second = 0; second <= 25; second++) {
    tell(new Error('again'))
    vi.advanceTimersByTime(1_000)
  }
  expect(told.map(({ times }) => times)).toEqual([1, 10, 10])
  expect(told[0]?.msg).toBe('a job failed; it is tried again')
})

it('the vehicles that failures name are logged with them, each time the new ones', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const told: { readonly vehicles?: readonly string[]; readonly msg: string }[] = []
  const log = pino({}, { write: (line) => told.push(JSON.parse(line) as (typeof told)[number]) })
  const tell = logSparingly(log, 'a job', 'it is not done')
  const failing = (vehicleId: string) => tell(Object.assign(new Error('broken'), { vehicleId }))
  failing('A')
  for (const id of ['B', 'A', 'B', 'C']) failing(id)
  vi.advanceTimersByTime(10_000)
  failing('C')
  for (let nth = 0; nth < 2_000; nth++) failing(`many${nth}`)
  vi.advanceTimersByTime(10_000)
  tell(new Error('without one'))
  expect(told.slice(0, 2).map(({ vehicles }) => vehicles)).toEqual([['A'], ['B', 'A', 'C']])
  expect(told[2]?.vehicles).toHaveLength(1_000)
  expect(told.map(({ msg }) => msg)).toEqual(Array(3).fill('a job failed; it is not done'))
})
