import DataLoader from 'dataloader'

/** How many keys one statement asks for, and how many statements of a kind run at once: who comes meanwhile goes together. */
const BATCH = 500
const AT_ONCE = 2

/** Loads across requests. It keeps nothing: what is asked for again is read again. */
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
        // Once all that has arrived by now has been looked at.
        setImmediate(start)
      },
    },
  )
}
