/** Takes a place for a key. @returns how to give it back, once; null if there is none left */
export type TakeSlot = (key: string) => (() => void) | null

/** So many places for each key at a time. */
export function createSlots(most: number): TakeSlot {
  const taken = new Map<string, number>()
  return (key) => {
    const count = taken.get(key) ?? 0
    if (count >= most) return null
    taken.set(key, count + 1)
    let given = false
    return () => {
      if (given) return
      given = true
      const left = (taken.get(key) ?? 1) - 1
      if (left === 0) taken.delete(key)
      else taken.set(key, left)
    }
  }
}
