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

/** @returns a limit that refuses, by a BusyError, what would wait in too long a queue or for too long */
export function createLimit({ most, waiting, waitMs, reason }: LimitRules): Limit & { readonly isIdle: () => boolean } {
  const queue: (() => void)[] = []
  let running = 0
  const refused = () => new BusyError(reason)

  const place = () =>
    new Promise<void>((resolve, reject) => {
      const go = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(go), 1)
        reject(refused())
      }, waitMs)
      queue.push(go)
    })

  const limit: Limit = async (work) => {
    if (running < most) running++
    // The place of the work that ends is handed over.
    else if (queue.length >= waiting) throw refused()
    else await place()
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }
  return Object.assign(limit, { isIdle: () => running === 0 })
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
