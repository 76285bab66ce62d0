/** The parts of an async iterator. */
export type IteratorParts<T> = {
  readonly next: () => Promise<IteratorResult<T, void>>
  /** Ends the iterator, when its reader returns or throws; a call of `next` may be under way. */
  readonly stop: () => Promise<unknown>
}

/** The result of an iterator that has ended. */
export const DONE: IteratorReturnResult<void> = { done: true, value: undefined }

/**
 * An async iterator that can be ended while a value is awaited: an `async function*` would go on until it has the next value.
 */
export function stopOnReturn<T>({ next, stop }: IteratorParts<T>): AsyncGenerator<T, void> {
  const end = async () => {
    await stop()
    return DONE
  }
  return {
    next,
    return: end,
    throw: end,
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await end()),
  }
}
