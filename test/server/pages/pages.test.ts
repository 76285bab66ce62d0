import { readFile } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { SCHEMA_FILE } from '../../../src/graphql/print.ts'
import { startProduction } from '../../support/production.ts'
import { startServer } from '../../support/server.ts'

let server: { readonly url: string; readonly close: () => Promise<void> }
afterEach(() => server.close())

it('hands out the schema in development, to read and to generate code from', async () => {
  server = await startServer()
  const response = await fetch(`${server.url}/schema.graphql`)
  expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/plain; charset=utf-8'])
  expect(await response.text()).toBe(await readFile(SCHEMA_FILE, 'utf8'))
  expect((await fetch(`${server.url}/schema.graphql`, { method: 'POST' })).status).toBe(404)
})

it('does not hand it out in production', async () => {
  server = await startProduction()
  expect((await fetch(`${server.url}/schema.graphql`)).status).toBe(404)
})

const HTML = 'text/html; charset=utf-8'

it('has the console with tokens of the demo fleets in it, as long as the server makes them', async () => {
  server = await startServer()
  const response = await fetch(`${server.url}/console`)
  expect([response.status, response.headers.get('Content-Type')]).toEqual([200, HTML])
  const [, offers = ''] =
    /<script id="offers" type="application\/json">(.*?)<\/script>/s.exec(await response.text()) ?? []
  expect(JSON.parse(offers)).toEqual([
    { name: 'ShareOne', token: expect.stringMatching(/^ey/) },
    { name: 'ShareTwo', token: expect.stringMatching(/^ey/) },
  ])
})

it('lets the console load nothing but its own script and style, and talk to this server alone', async () => {
  server = await startServer()
  const response = await fetch(`${server.url}/console`)
  const policy = response.headers.get('Content-Security-Policy')?.split('; ')
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]),
  )
  const html = await response.text()
  const own = Array.from(html.matchAll(/(?:src|href)="([^"]+)"/g), ([, address = '']) => address)
  expect(own.toSorted()).toEqual(['/console/console.css', '/console/console.js', 'data:,'])
  for (const address of own.filter((one) => one.startsWith('/'))) {
    const file = await fetch(`${server.url}${address}`)
    expect([file.status, file.headers.get('Content-Type')]).toEqual([200, expect.stringMatching(/^text\/(css|java)/)])
  }
})

it('has no console in production, unless it is switched on; then without tokens', async () => {
  server = await startProduction()
  expect((await fetch(`${server.url}/console`)).status).toBe(404)
  await server.close()
  server = await startProduction({ env: { CONSOLE: 'on' } })
  const html = await (await fetch(`${server.url}/console`)).text()
  expect(html).toMatch(/<script id="offers" type="application\/json">\[\]<\/script>/)
})
