import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A way to a server that can be interrupted. */
export type Forward = {
  readonly url: string
  /** Breaks all connections, and takes no more. */
  readonly cut: () => void
  /** Takes connections again, at the same address. */
  readonly open: () => Promise<void>
  readonly close: () => void
}

/** Forwards TCP connections to a server. */
export async function forward(url: string): Promise<Forward> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = (server.address() as AddressInfo).port
  const cut = () => {
    server.close()
    sockets.forEach((socket) => socket.destroy())
  }
  return {
    url: `http://127.0.0.1:${own}`,
    cut,
    open: async () => {
      server.listen(own, '127.0.0.1')
      await once(server, 'listening')
    },
    close: cut,
  }
}
