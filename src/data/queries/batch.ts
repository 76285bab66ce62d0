import DataLoader from 'dataloader'

/** Keys per statement, and concurrent statements of a kind. Later keys wait and share the next statement. */
const BATCH = 500
const AT_ONCE = 2
/** A statement that takes longer gives its place to another: its session may have stalled. Milliseconds. */
const SLOW_MS = 250
/** Places that are given away at a time: where all statements are slow, more of them would take the connections of other kinds. */
const GIVEN_AWAY = 2

/**
 * Batches loads across requests, without a cache.
 * @param find gets an answer for each key, or an error for that key alone
 * @param most keys per statement
 */
export function batched<K, V>(
  find: (keys: readonly K[]) => Promise<readonly (V | Error)[]>,
  most = BATCH,
): DataLoader<K, V> {
  let running = 0
  let slow = 0
  const waiting: (() => void)[] = []
  const start = () => {
    while (running < AT_ONCE && waiting.length > 0) {
      running++
      waiting.shift()?.()
    }
  }
  return new DataLoader<K, V>(
    async (keys) => {
      let isSlow = false
      const timer = setTimeout(() => {
        if (slow === GIVEN_AWAY) return
        isSlow = true
        slow++
        running--
        start()
      }, SLOW_MS)
      try {
        return await find(keys)
      } finally {
        clearTimeout(timer)
        if (isSlow) slow--
        else running--
        start()
      }
    },
    {
      cache: false,
      maxBatchSize: most,
      batchScheduleFn: (dispatch) => {
        waiting.push(dispatch)
        // After all requests that have arrived were processed.
        setImmediate(start)
      },
    },
  )
}
