/** Timers count in 32 bits; what is further ahead is looked at again. Milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Acts once an instant of this machine's clock has come, to the millisecond that timers allow; at once if it has. Keeps no
 * process alive.
 * @returns how to call it off
 */
export function atInstant(instant: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const look = () => {
    const left = instant - Date.now()
    if (left <= 0) act()
    else timer = setTimeout(look, Math.min(left, LONGEST_MS)).unref()
  }
  look()
  return () => clearTimeout(timer)
}
