import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** @returns the port if it is free (any free one for 0), else null */
const listens = (port: number) =>
  new Promise<number | null>((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const found = (server.address() as AddressInfo).port
      server.close(() => resolve(found))
    })
  })

/** A port that is free. */
export const freePort = async (): Promise<number> => (await listens(0)) ?? freePort()

/** A port that is free together with the one after it. */
export async function freePair(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port < 65_535 && (await listens(port + 1)) !== null) return port
  }
}
