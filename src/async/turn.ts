/** Calls functions once the present turn of the event loop has no more to do, before anything else has its turn. */
export type AtTurnEnd = (call: () => void) => void

export function createTurnEnd(): AtTurnEnd {
  let calls: (() => void)[] = []
  const end = () => {
    const due = calls
    calls = []
    for (const call of due) call()
  }
  return (call) => {
    if (calls.push(call) === 1) process.nextTick(end)
  }
}
