/** Timers count in 32 bits; an instant further ahead takes several timers. Milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Acts once an instant of this machine's clock has come, to the millisecond that timers allow; at once if it has. Keeps no
 * process alive.
 * @returns a function that cancels it
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
