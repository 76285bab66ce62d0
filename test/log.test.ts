import { pino } from 'pino'
import { afterEach, expect, it, vi } from 'vitest'
import { logSparingly } from '../src/log.ts'

afterEach(() => vi.useRealTimers())

it('what is tried again is told of at once, and then every ten seconds with how often it failed', () => {
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
