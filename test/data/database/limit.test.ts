import { expect, it, vi } from 'vitest'
import { hedged } from '../../../src/async/hedged.ts'
import { BusyError, createKeyedLimit, createLimit } from '../../../src/data/database/limit.ts'

const RULES = { most: 2, waiting: 1, waitMs: 50, reason: 'too much' }

it('a limit lets so much run, as much wait, and refuses the rest, and what waits too long', async () => {
  const limit = createLimit(RULES)
  const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
  const begun: number[] = []
  const run = (nth: number) =>
    limit(async () => {
      begun.push(nth)
      await gates[nth]?.promise
      return nth
    })
  const [first, second, third] = [run(0), run(1), run(2)]
  await expect(run(3)).rejects.toThrow(BusyError)
  expect(begun).toEqual([0, 1])
  gates[0]?.resolve()
  expect(await first).toBe(0)
  await vi.waitFor(() => expect(begun).toEqual([0, 1, 2]))
  await expect(run(3)).rejects.toThrow('too much')
  gates[1]?.resolve()
  gates[2]?.resolve()
  expect(await Promise.all([second, third])).toEqual([1, 2])
  expect(await run(4)).toBe(4)
})

it('a place is given back by work that fails, and a key is forgotten with its last work', async () => {
  const limit = createKeyedLimit({ ...RULES, most: 1 })
  const fail = () => limit('a', () => Promise.reject(new Error('failed')))
  await expect(Promise.all([fail(), fail()])).rejects.toThrow('failed')
  const gate = Promise.withResolvers<void>()
  const held = limit('a', () => gate.promise)
  expect(await limit('b', () => Promise.resolve('other'))).toBe('other')
  gate.resolve()
  await held
})

it('what has no answer for a while is asked again, and the first answer counts', async () => {
  const asked: PromiseWithResolvers<string>[] = []
  const ask = () => {
    const one = Promise.withResolvers<string>()
    asked.push(one)
    return one.promise
  }
  const slow = hedged(ask, 20)
  await vi.waitFor(() => expect(asked.length).toBe(2))
  asked[1]?.resolve('second')
  expect(await slow).toBe('second')
  const fast = hedged(() => Promise.resolve('at once'), 20)
  expect(await fast).toBe('at once')
  const failing = hedged(() => Promise.reject(new Error('first')), 20)
  await expect(failing).rejects.toThrow('first')
  const one = hedged(ask, 1)
  await vi.waitFor(() => expect(asked.length).toBe(4))
  asked[2]?.reject(new Error('the session ended'))
  asked[3]?.resolve('the other')
  expect(await one).toBe('the other')
})
