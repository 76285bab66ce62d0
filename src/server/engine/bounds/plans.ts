import { LRUCache } from 'lru-cache'
import { createRateLimiter } from '../../limits/rate-limit.ts'
import type { Compiled } from '../compile/compile.ts'

/** The compiled operations that are kept, by the numbers of the operations; those that are used least go first. */
export type Plans = {
  readonly get: (number: number) => Compiled | undefined
  /**
   * Whether a token may have one more compiled now, with so many fields. Takes of what the token may, and of what all may
   * together: time of the event loop.
   */
  readonly mayCompile: (tokenId: string, fields: number) => boolean
  /** Keeps a plan. Of what its token's other plans take, no more than its share is kept. */
  readonly keep: (number: number, tokenId: string, fields: number, plan: Compiled) => void
}

/** Compilations a second, and at once after an idle time, of which a larger operation counts as several. */
const OF_TOKEN = { perSecond: 10, burst: 100 }
const OF_ALL = { perSecond: 20, burst: 200 }
/** The fields of one compilation: compiling so many takes 3 ms. */
const FIELDS = 30

/** Estimated bytes, somewhat more than is measured. */
const sizeOf = (fields: number): number => 70_000 + 1_500 * fields

const MOST = { max: 500, maxSize: 64_000_000 }
/** The most that is kept of one token's plans. */
const SHARE = MOST.maxSize / 4

type Kept = { readonly plan: Compiled; readonly tokenId: string; readonly size: number }

/** @param now milliseconds, of a monotonic clock */
export function createPlans(now: () => number = () => performance.now()): Plans {
  const ofToken = createRateLimiter(OF_TOKEN, now)
  const ofAll = createRateLimiter(OF_ALL, now)
  /** For each token the numbers of its plans, oldest first, and their size. */
  const shares = new Map<string, { size: number; readonly numbers: Set<number> }>()
  const plans = new LRUCache<number, Kept>({
    ...MOST,
    sizeCalculation: ({ size }) => size,
    dispose: ({ tokenId, size }, number) => {
      const share = shares.get(tokenId)
      if (!share) return
      share.numbers.delete(number)
      share.size -= size
      if (share.numbers.size === 0) shares.delete(tokenId)
    },
  })
  return {
    get: (number) => plans.get(number)?.plan,
    mayCompile: (tokenId, fields) => {
      const count = Math.max(1, Math.floor(fields / FIELDS))
      if (ofToken.take(tokenId, count) > 0) return false
      if (ofAll.take('', count) === 0) return true
      ofToken.giveBack(tokenId, count)
      return false
    },
    keep: (number, tokenId, fields, plan) => {
      const size = sizeOf(fields)
      const share = shares.get(tokenId) ?? { size: 0, numbers: new Set<number>() }
      for (const oldest of share.numbers) {
        if (share.size + size <= SHARE) break
        plans.delete(oldest)
      }
      share.size += size
      share.numbers.add(number)
      shares.set(tokenId, share)
      plans.set(number, { plan, tokenId, size })
    },
  }
}
