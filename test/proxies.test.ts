import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, mutations } from './support/api.ts'
import { endOfLog } from './support/events.ts'
import { DOCUMENTED, NGINX, startNginx } from './support/nginx.ts'
import { upgradeStatus } from './support/raw.ts'
import { serverForAll, startServer } from './support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from './support/sockets.ts'
import { makeWorld } from './support/world.ts'

if (NGINX === null) console.warn('SKIPPED: nginx is not installed: that the server runs behind it is not tested')

/** With nothing but what it takes to reach the server. */
const BARE = 'server { listen 8080; location / { proxy_pass http://127.0.0.1:4000; } }'
describe.skipIf(NGINX === null)('behind nginx', async () => {
  const server = await serverForAll()
  const world = await makeWorld(server)
  const create = (url: string) => ask(url, world.as.owner, mutations.createVehicle, { input: {} })

  it.each([
    ['bare', BARE],
    ['as documented', DOCUMENTED],
  ])('%s, queries, mutations and streams of events come through, each event at once', async (_how, servers) => {
    const url = await startNginx([server.url], servers)
    // The headers come before anything happens; else this would not resolve.
    const follow = await subscribeSse(url, world.as.owner, FOLLOW)
    for (let nth = 0; nth < 3; nth++) {
      const { createVehicle } = await create(url)
      const results = await follow.received(nth + 1)
      expect(results.at(-1).data.vehicleEvents.vehicleId).toBe(createVehicle.vehicle.id)
    }
    follow.stop()
    expect(await ask(url, world.as.owner, '{ viewer { roles } }')).toEqual({ viewer: { roles: ['MANAGER'] } })
  })

  it.each([
    ['bare', BARE],
    ['as documented', DOCUMENTED],
  ])('%s, a stream by GET begins at once, too', async (_how, servers) => {
    const url = await startNginx([server.url], servers)
    const after = await endOfLog(server.url, world.as.owner)
    const target = new URL(`${url}/graphql`)
    target.searchParams.set('query', FOLLOW)
    target.searchParams.set('variables', JSON.stringify({ after }))
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${world.as.owner}` }
    const response = await fetch(target, { headers, signal: abort.signal })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const { createVehicle } = await create(server.url)
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text.includes('event: next')) break
    }
    expect(text).toContain(createVehicle.vehicle.id)
  })

  it.each([
    ['bare', BARE],
    ['as documented', DOCUMENTED],
  ])('%s, a stream ends for its reader when it ends', async (_how, servers) => {
    const url = await startNginx([server.url], servers)
    const token = await server.token(world.owner, 'manager', 3)
    const follow = await subscribeSse(url, token, FOLLOW)
    expect(await follow.ended).toBeNull()
    expect(Date.now()).toBeGreaterThanOrEqual((decodeJwt(token).exp ?? 0) * 1000)
  })

  it('as documented, WebSockets come through, also those of a page at its own address', async () => {
    const url = await startNginx([server.url], DOCUMENTED)
    const after = await endOfLog(server.url, world.as.owner)
    const follow = await subscribe(url, world.as.owner, FOLLOW, { after })
    const { createVehicle } = await create(url)
    const [result] = await follow.received(1)
    expect(result.data.vehicleEvents.vehicleId).toBe(createVehicle.vehicle.id)
    follow.stop()
    expect(await upgradeStatus(`${url}/graphql`, { origin: url })).toBe(101)
    expect(await upgradeStatus(`${url}/graphql/`, { origin: url })).toBe(101)
    expect(await upgradeStatus(`${url}/graphql`, { origin: 'https://elsewhere.example' })).toBe(403)
  })

  it('with another Host, a page needs ALLOWED_ORIGINS', async () => {
    const rewriting = DOCUMENTED.replace(/^ *proxy_set_header Host .*$/m, '')
    expect(rewriting).not.toBe(DOCUMENTED)
    const url = await startNginx([server.url], rewriting)
    const headers = { host: 'fleets.example' }
    expect(await upgradeStatus(`${url}/graphql`, { headers, origin: 'http://fleets.example' })).toBe(403)
    expect(await upgradeStatus(`${url}/graphql`, { headers })).toBe(101)
    const documented = await startNginx([server.url], DOCUMENTED)
    expect(await upgradeStatus(`${documented}/graphql`, { headers, origin: 'http://fleets.example' })).toBe(101)
  })
})

it.skipIf(NGINX === null)('with ALLOWED_ORIGINS a page may connect through a proxy that rewrites Host', async () => {
  const origin = 'https://fleet.example'
  const server = await startServer({ env: { ALLOWED_ORIGINS: origin } })
  onTestFinished(server.close)
  const url = await startNginx([server.url], DOCUMENTED.replace('$http_host', 'backend.internal'))
  expect(await upgradeStatus(`${url}/graphql`, { origin })).toBe(101)
})
