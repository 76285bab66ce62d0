import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** The network between clients and one instance: it can break, and it can hang. */
export type Proxy = {
  /** http://127.0.0.1:port */
  readonly url: string
  /** Destroys all connections. */
  readonly cut: () => void
  /** Forwards nothing for a while, in either direction; what was sent meanwhile comes afterwards. */
  readonly stall: (ms: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** @param port where the instance listens on this machine, now or later */
export async function startProxy(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let stalls = 0

  const flow = (socket: Socket) => {
    if (stalls === 0) socket.resume()
  }
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.pause()
    from.setNoDelay(true)
    from.on('data', (chunk) => {
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => flow(from))
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      // What it had sent may still be on its way.
      to.end()
    })
    flow(from)
  }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    forward(near, far)
    forward(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async stall(ms) {
      stalls++
      for (const socket of sockets) socket.pause()
      await sleep(ms)
      stalls--
      sockets.forEach(flow)
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
