import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { batched } from '../../../src/data/queries/batch.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A loader of which each statement has two keys at most, and goes on until it is let. */
function loader() {
  const begun: (readonly number[])[] = []
  const ends: (() => void)[] = []
  const numbers = batched(async (keys: readonly number[]) => {
    begun.push(keys)
    await new Promise<void>((resolve) => ends.push(resolve))
    return keys
  }, 2)
  let last = 0
  return {
    begun,
    /** Keys that nobody has asked for yet. */
    ask: async (count: number) => {
      for (let n = 0; n < count; n++) void numbers.load(++last)
      await vi.advanceTimersByTimeAsync(1)
    },
    end: async (nth: number) => {
      ends[nth]?.()
      await vi.advanceTimersByTimeAsync(1)
    },
  }
}

it('keys that wait share the next statement, and two of these run at once', async () => {
  const { begun, ask, end } = loader()
  await ask(1)
  await ask(5)
  await ask(1)
  expect(begun).toEqual([[1], [2, 3]])
  await end(1)
  expect(begun.slice(2)).toEqual([[4, 5]])
  await end(0)
  expect(begun.slice(3)).toEqual([[6, 7]])
})

it('statements that are slow give their places away, but not all of them', async () => {
  const { begun, ask, end } = loader()
  await ask(12)
  await vi.advanceTimersByTimeAsync(240)
  expect(begun).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(begun).toHaveLength(4)
  // One that gave its place away leaves none, but the next slow one may do so.
  await end(0)
  expect(begun).toHaveLength(4)
  await end(2)
  expect(begun).toHaveLength(5)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(begun).toHaveLength(6)
})
