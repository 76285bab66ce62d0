import type { Reader } from './subscribers.ts'

/** The times that the log was set back while this instance ran. Few, for each is an accident of the database. */
export type Rewinds = {
  readonly count: () => number
  readonly add: (position: number) => void
  /**
   * Has a reader go back to where the log still is as it was read. To be asked before a position is used or moved on that
   * was taken before a wait.
   * @returns whether the log was set back since that was last asked for the reader: what it has read after may be void
   */
  readonly rewound: (reader: Reader) => boolean
}

export function createRewinds(): Rewinds {
  const positions: number[] = []
  return {
    count: () => positions.length,
    add: (position) => void positions.push(position),
    rewound(reader) {
      if (reader.rewinds === positions.length) return false
      reader.position = Math.min(reader.position, ...positions.slice(reader.rewinds))
      reader.rewinds = positions.length
      return true
    },
  }
}
