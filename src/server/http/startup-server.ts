import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathOf, requestIdOf } from '../engine/endpoint.ts'
import { HEALTHY, setCommonHeaders } from './responses.ts'

/** A server that answers while the real one waits for its database. */
export type StartupServer = {
  readonly port: number
  readonly close: () => Promise<void>
}

/** Alive, and not ready: everything but /health is 503. Each connection is closed, so that the next one meets the real server. */
export async function openStartupServer({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): Promise<StartupServer> {
  const server = createServer((request, response) => {
    const isHealth = pathOf(request) === '/health'
    setCommonHeaders(response, requestIdOf(request))
    response.writeHead(isHealth ? 200 : 503, {
      'Content-Type': 'application/json; charset=utf-8',
      Connection: 'close',
      ...(isHealth ? {} : { 'Retry-After': '1' }),
    })
    const failed = { message: 'The database is not available at present. Try again soon.' }
    const extensions = { code: 'SERVICE_UNAVAILABLE' }
    const answer = isHealth ? HEALTHY : { status: 'unavailable', errors: [{ ...failed, extensions }] }
    response.end(JSON.stringify(answer))
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
