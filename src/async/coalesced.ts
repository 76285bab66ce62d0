/**
 * Makes one call for all callers that come at the same time, and one at a time. A caller that comes while a call is under way
 * waits for the next one, so that no caller gets a result that is older than its call. A failure goes to all who share the call.
 */
export function coalesced<T>(call: () => Promise<T>): () => Promise<T> {
  let current: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | null = null
  const callNext = async () => {
    await current.catch(() => {})
    next = null
    const result = call()
    current = result
    return result
  }
  return () => (next ??= callNext())
}
