import { readFile } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { SCHEMA_FILE } from '../../src/graphql/print.ts'
import { startProduction } from '../support/production.ts'
import { startServer } from '../support/server.ts'

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
