/**
 * Asks once for all callers at the same time. A call that comes while a question is under way waits for the next one, for its
 * answer has to be younger than the call.
 */
export function coalesced<T>(ask: () => Promise<T>): () => Promise<T> {
  let current: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | null = null
  const askNext = async () => {
    await current.catch(() => {})
    next = null
    const answer = ask()
    current = answer
    return answer
  }
  return () => (next ??= askNext())
}
