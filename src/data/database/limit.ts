import { UnavailableError } from './unavailable.ts'

/** Runs work, at most so much of it at a time. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>

/** Too much waits already. */
export class BusyError extends UnavailableError {}

export type LimitRules = {
  readonly most: number
  /** Further work that may wait. */
  readonly waiting: number
  /** How long it may wait. Milliseconds. */
  readonly waitMs: number
  /** The message of a refusal. */
  readonly reason: string
}

/** A limit that knows whether there is work under it, and can be ended: what waits is refused then, and all that would wait. */
export type EndableLimit = Limit & { readonly isIdle: () => boolean; readonly end: () => void }

/** @returns a limit that refuses, by a BusyError, what would wait in too long a queue or for too long */
export function createLimit({ most, waiting, waitMs, reason }: LimitRules): EndableLimit {
  const queue: { readonly go: () => void; readonly refuse: () => void }[] = []
  let running = 0
  let isEnded = false
  const refused = () => new BusyError(reason)

  const waitForPlace = () =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(place), 1)
        reject(refused())
      }, waitMs)
      const place = {
        go: () => {
          clearTimeout(timer)
          resolve()
        },
        refuse: () => {
          clearTimeout(timer)
          reject(refused())
        },
      }
      queue.push(place)
    })

  const limit: Limit = async (work) => {
    if (running < most) running++
    // The place of the work that ends is handed over.
    else if (isEnded || queue.length >= waiting) throw refused()
    else await waitForPlace()
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next.go()
      else running--
    }
  }
  const end = () => {
    isEnded = true
    for (const { refuse } of queue.splice(0)) refuse()
  }
  return Object.assign(limit, { isIdle: () => running === 0, end })
}

/** @returns a limit for each key, as long as there is work under it */
export function createKeyedLimit(rules: LimitRules): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const limits = new Map<string, ReturnType<typeof createLimit>>()
  return async (key, work) => {
    const limit = limits.get(key) ?? createLimit(rules)
    limits.set(key, limit)
    try {
      return await limit(work)
    } finally {
      if (limit.isIdle() && limits.get(key) === limit) limits.delete(key)
    }
  }
}
