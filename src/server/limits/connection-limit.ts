/** Takes one of the connections of a key. @returns a function that gives it back, once; null if none is left */
export type TakeConnection = (key: string) => (() => void) | null

/** Connections that may be open with each key at a time. */
export function createConnectionLimit(most: number): TakeConnection {
  const open = new Map<string, number>()
  return (key) => {
    const count = open.get(key) ?? 0
    if (count >= most) return null
    open.set(key, count + 1)
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      const left = (open.get(key) ?? 1) - 1
      if (left === 0) open.delete(key)
      else open.set(key, left)
    }
  }
}
