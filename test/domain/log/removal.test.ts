import { expect, it } from 'vitest'
import { pauseAfter } from '../../../src/domain/log/removal.ts'
import type { Left } from '../../../src/domain/log/removal.ts'

it.each<[left: Left, tookMs: number, pauseMs: number]>([
  [true, 250, 250],
  [true, 0.2, 1],
  [true, 90_000, 90_000],
  [false, 250, 60_000],
  [false, 90_000, 60_000],
  ['busy', 250, 1_000],
  ['busy', 0.2, 1_000],
])('with %s left, after %d ms, pauses for %d ms', (left, tookMs, pauseMs) => {
  expect(pauseAfter(left, tookMs)).toBe(pauseMs)
})
