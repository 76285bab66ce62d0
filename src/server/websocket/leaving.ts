/**
 * Results of which nothing more is heard once their reader has left: to graphql-ws an end is the end of whichever operation
 * has that name by then, and a client may give it to the next one at once.
 */
export function untilLeft<T>(results: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = results[Symbol.asyncIterator]()
  let left = false
  const leave = async (): Promise<IteratorResult<T, void>> => {
    left = true
    await iterator.return?.()
    return { done: true, value: undefined }
  }
  return {
    next: () =>
      new Promise((resolve, reject) => {
        iterator.next().then(
          (result) => void (left || resolve(result)),
          (error: unknown) => void (left || reject(error)),
        )
      }),
    return: leave,
    throw: leave,
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: async () => void (await leave()),
  }
}

/** What stands for an operation while it is prepared, and whether its reader has left meanwhile. */
export function reserve(): { readonly place: AsyncGenerator<never, void>; readonly isLeft: () => boolean } {
  let left = false
  const done: IteratorResult<never, void> = { done: true, value: undefined }
  const leave = async () => {
    left = true
    return done
  }
  return {
    place: untilLeft<never>({ [Symbol.asyncIterator]: () => ({ next: async () => done, return: leave }) }),
    isLeft: () => left,
  }
}
