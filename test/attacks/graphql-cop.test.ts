import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProduction } from '../support/production.ts'
import type { Production } from '../support/production.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** graphql-cop 1.15's checks: what it sends, and by which answer it finds something. */
type Check = {
  readonly name: string
  readonly send: (ask: Ask) => Promise<Response>
  readonly finds: (answer: Answer) => boolean
  /** What development has on purpose. */
  readonly isForPeople?: true
}
type Ask = (init: RequestInit, params?: Readonly<Record<string, string>>) => Promise<Response>
// What comes is anybody's guess.
// oxlint-disable-next-line typescript/no-explicit-any
type Answer = { readonly text: string; readonly json: any }

const JSON_TYPE = { 'Content-Type': 'application/json' }
const query = (text: string) => (ask: Ask) =>
  ask({ method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ query: text, operationName: 'cop' }) })
const get = (text: string) => (ask: Ask) => ask({}, { query: text })
const isAnswered = ({ json }: Answer) => Boolean(json?.data?.__typename)
const aliases = Array.from({ length: 101 }, (_, n) => `alias${n}:__typename`).join(' \n')
const circle = `{ __schema { types ${'{ fields { type '.repeat(4)} { name } ${'} }'.repeat(4)} } }`

const CHECKS: readonly Check[] = [
  {
    name: 'Field Suggestions',
    send: query('query cop { __schema { directive } }'),
    finds: ({ text }) => text.includes('Did you mean'),
    isForPeople: true,
  },
  {
    name: 'Introspection',
    send: query('query cop { __schema { types { name fields { name } } } }'),
    finds: ({ json }) => Boolean(json?.data?.__schema?.types),
    isForPeople: true,
  },
  {
    name: 'GraphQL IDE',
    send: (ask) => ask({ headers: { Accept: 'text/html' } }),
    finds: ({ text }) => /graphiql\.min\.css|GraphQL Playground|GraphiQL|graphql-playground/.test(text),
    isForPeople: true,
  },
  {
    name: 'Alias Overloading',
    send: query(`query cop { ${aliases} }`),
    finds: ({ json }) => Boolean(json?.data?.alias100),
  },
  {
    name: 'Array-based Query Batching',
    send: (ask) => {
      const batch = Array.from({ length: 10 }, () => ({ query: 'query cop { __typename }' }))
      return ask({ method: 'POST', headers: JSON_TYPE, body: JSON.stringify(batch) })
    },
    finds: ({ json }) => json?.length >= 10,
  },
  {
    name: 'Trace Mode',
    send: query('query cop { __typename }'),
    finds: ({ text }) => text.includes('tracing'),
  },
  {
    name: 'Directive Overloading',
    send: query(`query cop { __typename ${'@aa'.repeat(10)} }`),
    finds: ({ json }) => json?.errors?.length >= 10,
  },
  {
    name: 'Introspection-based Circular Query',
    send: query(`query cop ${circle}`),
    finds: ({ json }) => json?.data?.__schema?.types?.length > 25,
  },
  {
    name: 'Field Duplication',
    send: query(`query cop { ${'__typename \n'.repeat(500)} }`),
    finds: isAnswered,
  },
  { name: 'Mutation is allowed over GET (possible CSRF)', send: get('mutation cop {__typename}'), finds: isAnswered },
  {
    name: 'POST based url-encoded query (possible CSRF)',
    send: (ask) => ask({ method: 'POST', body: new URLSearchParams({ query: 'query cop { __typename }' }) }),
    finds: isAnswered,
  },
  {
    name: 'Unhandled Errors Detection',
    send: query('qwerty cop { abc }'),
    finds: ({ text }) => text.includes('exception'),
  },
]

let production: Production
let development: TestServer
let owner: string
let admin: string
beforeAll(async () => {
  production = await startProduction()
  development = await startServer()
  owner = await production.token(production.owner, 'manager')
  admin = await development.token(null, 'admin')
})
afterAll(() => Promise.all([production.close(), development.close()]))

async function hasFinding({ send, finds }: Check, url: string, token: string | null): Promise<boolean> {
  const response = await send((init, params = {}) => {
    const headers = new Headers(init.headers)
    if (token !== null) headers.set('Authorization', `Bearer ${token}`)
    return fetch(`${url}/graphql?${new URLSearchParams(params).toString()}`, { ...init, headers })
  })
  const text = await response.text()
  return finds({ text, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : null })
}

describe('graphql-cop finds nothing in production', () => {
  it.each(CHECKS)('$name', async (check) => {
    expect(await hasFinding(check, production.url, null)).toBe(false)
    expect(await hasFinding(check, production.url, owner)).toBe(false)
  })

  // It takes any query by GET for a chance of forgery. That is one where a browser adds what lets it in by itself, which it
  // never does with a token in a header: what a page can make it send is not let in.
  it('GET Method Query Support, as another page could make use of it', async () => {
    const check = { name: '', send: get('query cop {__typename}'), finds: isAnswered }
    expect(await hasFinding(check, production.url, null)).toBe(false)
  })
})

describe('graphql-cop finds in development', () => {
  it.each(CHECKS)('$name only if that is there for people', async (check) => {
    expect(await hasFinding(check, development.url, admin)).toBe(check.isForPeople ?? false)
  })
})
