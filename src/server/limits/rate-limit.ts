import { LRUCache } from 'lru-cache'

/** The points that come back each second, and the most that there are at a time. */
export type RateLimit = { readonly perSecond: number; readonly burst: number }

/** A token bucket for each key. */
export type RateLimiter = RateLimit & {
  /** @returns 0 if the points were taken; else the seconds until there are as many, if no others are taken */
  readonly take: (key: string, points: number) => number
  /** Gives points back that were taken. A bucket that is full meanwhile stays full: time has given them back before. */
  readonly giveBack: (key: string, points: number) => void
  readonly left: (key: string) => number
}

type Bucket = { left: number; at: number }

/** The most buckets; a key that comes back after so many others has a full bucket again. */
const BUCKETS = 10_000

/** @param clock milliseconds, of a monotonic clock */
export function createRateLimiter(
  { perSecond, burst }: RateLimit,
  clock: () => number = () => performance.now(),
): RateLimiter {
  const buckets = new LRUCache<string, Bucket>({ max: BUCKETS })
  const bucketOf = (key: string): Bucket => {
    const now = clock()
    let bucket = buckets.get(key)
    if (!bucket) {
      bucket = { left: burst, at: now }
      buckets.set(key, bucket)
    }
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    return bucket
  }
  return {
    perSecond,
    burst,
    take: (key, points) => {
      const bucket = bucketOf(key)
      if (bucket.left < points) return Math.ceil((points - bucket.left) / perSecond)
      bucket.left -= points
      return 0
    },
    giveBack: (key, points) => {
      const bucket = bucketOf(key)
      bucket.left = Math.min(burst, bucket.left + points)
    },
    left: (key) => Math.floor(bucketOf(key).left),
  }
}
