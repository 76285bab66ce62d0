import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below those that systems hand out themselves: one of those may be somebody else's before it is used. */
const FIRST = 10_000
const LAST = 32_000

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** A port that is free. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, LAST)
  return (await isFree(port)) ? port : freePort()
}

/** A port that is free together with the one after it. */
export async function freePair(): Promise<number> {
  const port = await freePort()
  return (await isFree(port + 1)) ? port : freePair()
}
