import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProduction } from '../../support/production.ts'
import type { Production } from '../../support/production.ts'
import { serverForAll } from '../../support/server.ts'

/** The working group's audits of GraphQL over HTTP, which know nothing of tokens. */
const auditsOf = (target: () => { url: string; token: string }, rewrite = (text: string) => text) =>
  serverAudits({
    url: () => `${target().url}/graphql`,
    fetchFn: (input: string, init: RequestInit = {}) => {
      const headers = new Headers(init.headers)
      headers.set('Authorization', `Bearer ${target().token}`)
      const url = new URL(input)
      for (const [name, value] of url.searchParams) url.searchParams.set(name, rewrite(value))
      const body = typeof init.body === 'string' ? { body: rewrite(init.body) } : {}
      return fetch(url, { ...init, ...body, headers })
    },
  })

describe('GraphQL over HTTP, in development', async () => {
  const server = await serverForAll()
  const token = await server.token(null, 'admin')

  const audits = auditsOf(() => ({ url: server.url, token }))
  it('has 61 audits', () => {
    expect(audits).toHaveLength(61)
  })
  it.each(audits)('$name ($id)', async (audit) => {
    expect(await audit.fn()).toMatchObject({ status: 'ok' })
  })
})

describe('GraphQL over HTTP, in production', () => {
  let server: Production
  let token: string
  beforeAll(async () => {
    server = await startProduction()
    token = await server.token(server.owner, 'manager')
  })
  afterAll(() => server.close())

  /** Production answers no introspection: what asks for a type asks for a vehicle. */
  const rewrite = (text: string) =>
    text.replace('__type(name: ', 'vehicle(id: ').replace('query Type($name: String!)', 'query Type($name: ID!)')
  const audits = auditsOf(() => ({ url: server.url, token }), rewrite)
  it.each(audits)('$name ($id)', async (audit) => {
    expect(await audit.fn()).toMatchObject({ status: 'ok' })
  })
})
