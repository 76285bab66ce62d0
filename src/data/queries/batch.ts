import DataLoader from 'dataloader'

/** Keys per statement, and concurrent statements of a kind. Later keys wait and share the next statement. */
const BATCH = 500
const AT_ONCE = 2

/** Batches loads across requests, without a cache. */
export function batched<K, V>(find: (keys: readonly K[]) => Promise<readonly V[]>): DataLoader<K, V> {
  let running = 0
  const waiting: (() => void)[] = []
  const start = () => {
    while (running < AT_ONCE && waiting.length > 0) {
      running++
      waiting.shift()?.()
    }
  }
  return new DataLoader<K, V>(
    async (keys) => {
      try {
        return await find(keys)
      } finally {
        running--
        start()
      }
    },
    {
      cache: false,
      maxBatchSize: BATCH,
      batchScheduleFn: (dispatch) => {
        waiting.push(dispatch)
        // After all requests that have arrived were processed.
        setImmediate(start)
      },
    },
  )
}
