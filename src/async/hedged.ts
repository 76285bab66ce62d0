/**
 * Asks once more where there is no answer yet after some time, and takes the first that comes. A failure counts once no other
 * answer is awaited.
 * @param afterMs milliseconds
 */
export function hedged<T>(ask: () => Promise<T>, afterMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let awaited = 1
    const fail = (error: Error) => {
      clearTimeout(timer)
      if (--awaited === 0) reject(error)
    }
    const take = (answer: T) => {
      clearTimeout(timer)
      resolve(answer)
    }
    const timer = setTimeout(() => {
      awaited++
      ask().then(take, fail)
    }, afterMs)
    ask().then(take, fail)
  })
}
