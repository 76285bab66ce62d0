import { describe, expect, it } from 'vitest'
import type { Compiled } from '../../../../src/server/engine/compile/compile.ts'
import { createPlans } from '../../../../src/server/engine/bounds/plans.ts'

const plan = (): Compiled => ({ valuesOf: () => null, execute: () => ({}) })
const tokens = Array.from({ length: 20 }, (_, nth) => `token ${nth}`)

describe('compilations', () => {
  it('of one token are no more than its allowance, those of all no more than that of all', () => {
    let clock = 0
    const { mayCompile } = createPlans(() => clock)
    const compiled = (tokenId: string, fields: number) => {
      let count = 0
      while (count < 1_000 && mayCompile(tokenId, fields)) count++
      return count
    }
    expect(compiled('a', 3)).toBe(100)
    expect(compiled('b', 3)).toBe(100)
    // Two tokens have used what there is for all.
    expect(compiled('c', 3)).toBe(0)
    clock += 1_000
    expect([compiled('a', 3), compiled('b', 3), compiled('c', 3)]).toEqual([10, 10, 0])
    clock += 60_000
    // A tenfold size takes ten times as much.
    expect([compiled('a', 300), compiled('b', 3)]).toEqual([10, 100])
  })

  it('that all have no room for take nothing of a token', () => {
    let clock = 0
    const { mayCompile } = createPlans(() => clock)
    for (let time = 0; time < 300; time++) mayCompile(`token ${time}`, 3)
    for (let time = 0; time < 200; time++) expect(mayCompile('late', 3)).toBe(false)
    clock += 5_000
    let count = 0
    while (mayCompile('late', 3)) count++
    expect(count).toBe(100)
  })
})

describe('plans', () => {
  const kept = (plans: ReturnType<typeof createPlans>, numbers: readonly number[]) =>
    numbers.filter((number) => plans.get(number) !== undefined)
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

  it('of one token push out only its own', () => {
    const plans = createPlans()
    plans.keep(0, 'other', 50, plan())
    for (const number of range(1, 2_000)) plans.keep(number, 'a token', 50, plan())
    expect(plans.get(0)).toBeDefined()
    const own = kept(plans, range(1, 2_000))
    // Of 145 kB each, a quarter of 64 MB.
    expect(own).toHaveLength(110)
    expect(own.at(-1)).toBe(1_999)
  })

  it('of all tokens have a number and a size, and those used last stay', () => {
    const plans = createPlans()
    for (const number of range(0, 1_000)) {
      plans.keep(number, tokens[number % tokens.length] ?? '', 1, plan())
      plans.get(0)
    }
    expect(kept(plans, range(0, 1_000))).toHaveLength(500)
    expect(plans.get(0)).toBeDefined()
    for (const number of range(1_000, 2_000)) plans.keep(number, tokens[number % tokens.length] ?? '', 300, plan())
    expect(kept(plans, range(0, 2_000))).toEqual(range(2_000 - 123, 2_000))
  })
})
