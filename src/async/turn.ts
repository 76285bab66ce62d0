/** Calls functions once the present turn of the event loop has no more to do, before anything else has its turn. */
export type AtTurnEnd = (call: () => void) => void

/** The most functions that wait: one more, and they are called at once. */
const MOST_WAITING = 64

export function createTurnEnd(): AtTurnEnd {
  let waiting: (() => void)[] = []
  let isAwaited = false
  const callAll = () => {
    const due = waiting
    waiting = []
    for (const call of due) call()
  }
  const end = () => {
    isAwaited = false
    callAll()
  }
  return (call) => {
    if (waiting.length === MOST_WAITING) callAll()
    waiting.push(call)
    if (!isAwaited) process.nextTick(end)
    isAwaited = true
  }
}
