import { expect, it } from 'vitest'
import { growthOf } from './growth.ts'
import type { Measured } from './load.ts'
import { readOptions } from './options.ts'
import type { Cell } from './table.ts'

const round = (cpu: number, postgres: number, p50: number): Measured => ({
  operations: 100,
  perSecond: 1,
  cpu,
  postgres,
  p50,
  p99: p50,
  memory: 0,
})

const cell = (vehicles: number, rounds: readonly Measured[]): Cell => ({
  workload: 'vehicle',
  system: 'ours',
  world: { vehicles, events: 0, cursorKey: null },
  rounds: [...rounds],
})

const grown = (small: readonly Measured[], large: readonly Measured[]) =>
  growthOf([cell(1_000, large), cell(10, small)])
    .split('\n')
    .filter((line) => line.startsWith('OVER') || line.startsWith('none'))

it('tells which measures of a workload grow by more than 1.3', () => {
  expect(grown([round(0.1, 0.1, 1)], [round(0.14, 0.13, 1.32)])).toEqual([
    'OVER 1.3: vehicle, server µs: 1.40',
    'OVER 1.3: vehicle, p50 µs: 1.32',
  ])
})

it('takes the medians of the rounds, from the smallest world to the largest', () => {
  const small = [round(0.1, 0.1, 1), round(0.1, 0.1, 1), round(0.01, 0.01, 0.1)]
  const large = [round(0.1, 0.1, 1), round(0.1, 0.1, 1), round(9, 9, 9)]
  expect(grown(small, large)).toEqual(['none is over 1.3'])
  expect(growthOf([cell(10, small), cell(100, small), cell(1_000, large)])).toContain('| vehicle |')
})

it('does not judge what the clock hardly shows, or what was not measured', () => {
  expect(grown([round(0.1, 0.004, NaN)], [round(0.1, 0.009, NaN)])).toEqual(['none is over 1.3'])
})

it('takes the sizes of worlds, or has its own', () => {
  const worldsOf = (...args: string[]) => readOptions(args)?.worlds
  expect(worldsOf('--growth', '20:200,30:3000')).toEqual([
    { vehicles: 20, events: 200 },
    { vehicles: 30, events: 3_000 },
  ])
  expect(worldsOf('--growth', '--rounds', '2')).toHaveLength(2)
  expect(worldsOf('--vehicles', '30')).toEqual([{ vehicles: 30, events: 300 }])
  expect(() => worldsOf('--growth', '20:many')).toThrow('vehicles:events')
})

it('compares worlds by all requests, and by what is only about their size', () => {
  const workloadsOf = (...args: string[]) => readOptions(args)?.workloads
  expect(workloadsOf('--growth')).toEqual(expect.arrayContaining(['vehicle', 'reports', 'ended', 'resume']))
  expect(workloadsOf('--growth')).not.toContain('fanout')
  expect(workloadsOf()).not.toContain('ended')
  expect(workloadsOf()).toContain('fanout')
  expect(workloadsOf('--quick')).not.toContain('fanout')
})
