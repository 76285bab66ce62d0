import type { Reader } from './subscribers.ts'

/** The times that the log was set back while this instance ran. They are few: each is an accident of the database. */
export type Rewinds = {
  readonly count: () => number
  readonly add: (position: number) => void
  /**
   * Moves a reader back to where the log still is as it was read. To be called after each wait, before the reader's position is
   * used or moved on.
   * @returns whether the log was set back since the last call for this reader: events that it has read since may be void
   */
  readonly applyRewinds: (reader: Reader) => boolean
}

export function createRewinds(): Rewinds {
  const positions: number[] = []
  return {
    count: () => positions.length,
    add: (position) => void positions.push(position),
    applyRewinds(reader) {
      if (reader.rewinds === positions.length) return false
      reader.position = Math.min(reader.position, ...positions.slice(reader.rewinds))
      reader.rewinds = positions.length
      return true
    },
  }
}
