import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, mutations } from './support/api.ts'
import { endOfLog } from './support/events.ts'
import { freePort } from './support/ports.ts'
import { upgradeStatus } from './support/raw.ts'
import { blocksOf, ROOT } from './support/readme.ts'
import { serverForAll, startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from './support/sockets.ts'
import { makeWorld } from './support/world.ts'

const NGINX = find('nginx')
if (NGINX === null) console.warn('SKIPPED: nginx is not installed: that the server runs behind it is not tested')

function find(program: string): string | null {
  try {
    const found = execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${program}`])
    return found.toString().trim()
  } catch {
    return null
  }
}

/** With nothing but what it takes to reach the server. */
const BARE = 'server { listen 8080; location / { proxy_pass http://127.0.0.1:4000; } }'
const page = await readFile(join(ROOT, 'docs/proxies.md'), 'utf8')
/** As the page says. */
const DOCUMENTED = blocksOf(page)
  .filter(({ tag }) => tag === 'nginx')
  .map(({ text }) => text)
  .join('\n')

/** nginx before a server, for one test. @returns its URL */
async function startNginx(server: TestServer, servers: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-nginx-'))
  const port = await freePort()
  const own = servers
    .replaceAll('127.0.0.1:4000', new URL(server.url).host)
    .replaceAll('listen 8080', `listen 127.0.0.1:${port}`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder};`)
  const settings = join(folder, 'nginx.conf')
  await writeFile(
    settings,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr notice;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http { access_log off; ${temporary.join(' ')}
${own} }`,
  )
  const nginx = spawn(NGINX ?? '', ['-e', 'stderr', '-c', settings], { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(async () => {
    if (nginx.exitCode === null) {
      nginx.kill('SIGTERM')
      await once(nginx, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })
  const said: string[] = []
  for await (const line of createInterface(nginx.stderr)) {
    said.push(line)
    if (line.includes('start worker process ')) {
      nginx.stderr.resume()
      return `http://127.0.0.1:${port}`
    }
  }
  throw new Error(`nginx did not start: ${said.join('\n')}`)
}

describe.skipIf(NGINX === null)('behind nginx', async () => {
  const server = await serverForAll()
  const world = await makeWorld(server)
  const create = (url: string) => ask(url, world.as.owner, mutations.createVehicle, { input: {} })

  it.each([
    ['bare', BARE],
    ['as documented', DOCUMENTED],
  ])('%s, queries, mutations and streams of events come through, each event at once', async (_how, servers) => {
    const url = await startNginx(server, servers)
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
    const url = await startNginx(server, servers)
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
    const url = await startNginx(server, servers)
    const token = await server.token(world.owner, 'manager', 3)
    const follow = await subscribeSse(url, token, FOLLOW)
    expect(await follow.ended).toBeNull()
    expect(Date.now()).toBeGreaterThanOrEqual((decodeJwt(token).exp ?? 0) * 1000)
  })

  it('as documented, WebSockets come through, also those of a page at its own address', async () => {
    const url = await startNginx(server, DOCUMENTED)
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
    const url = await startNginx(server, rewriting)
    expect(await upgradeStatus(`${url}/graphql`, { origin: url })).toBe(403)
    expect(await upgradeStatus(`${url}/graphql`)).toBe(101)
  })
})

it.skipIf(NGINX === null)('with ALLOWED_ORIGINS a page may connect through a proxy that rewrites Host', async () => {
  const origin = 'https://fleet.example'
  const server = await startServer({ env: { ALLOWED_ORIGINS: origin } })
  onTestFinished(server.close)
  const url = await startNginx(server, DOCUMENTED.replace('$http_host', 'backend.internal'))
  expect(await upgradeStatus(`${url}/graphql`, { origin })).toBe(101)
})
