import { afterEach, expect, it } from 'vitest'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

let server: TestServer
afterEach(() => server.close())

async function page(): Promise<string> {
  const response = await fetch(`${server.url}/graphql`, { headers: { Accept: 'text/html' } })
  expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8'])
  return response.text()
}

const TOKEN = /Bearer ey[\w-]+\.[\w-]+\.[\w-]+/

it('has development tokens in its tabs, as long as the server makes them', async () => {
  server = await startServer()
  expect(await page()).toMatch(TOKEN)
})

it('is there beside an identity provider, too, whose tokens it cannot make', async () => {
  const provider = { AUTH_JWKS_URL: 'http://127.0.0.1:9/', AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'audience' }
  server = await startServer({ env: provider })
  const html = await page()
  expect(html).toContain('Step1_Follow')
  expect(html).not.toMatch(TOKEN)
})
