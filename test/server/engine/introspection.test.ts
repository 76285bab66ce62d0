import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql'
import type { IntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../../src/graphql/schema.ts'
import { post } from '../../support/api.ts'
import { startProduction } from '../../support/production.ts'
import { connectWith } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const INTROSPECTION = getIntrospectionQuery().replaceAll(/\s+/g, ' ')
const OF_SCHEMA = [
  INTROSPECTION,
  '{ __type(name: "Vehicle") { name } }',
  'query Q { ...F } fragment F on Query { ... on Query { __typename innocent: __schema { queryType { name } } } }',
]
const MORE = [
  '{ viewer { roles } }',
  '{ __typename }',
  '{ __schema { queryType { name } } viewer { roles } }',
  '{ __schema: viewer { roles } }',
  '{ __schema { queryType { name } } ...F } fragment F on Query { ... on Query { innocent: viewer { roles } } }',
  '{ ...F } fragment F on Query { ...F viewer { roles } }',
  'mutation { createVehicle(input: {}) { __typename } }',
  'mutation { __schema { queryType { name } } }',
  'subscription { __schema { queryType { name } } }',
  'query A { __schema { queryType { name } } } query B { viewer { roles } }',
  'fragment F on Query { __schema { queryType { name } } }',
  '',
  '{',
]

let server: TestServer
let production: TestServer
beforeAll(async () => {
  server = await startServer()
  production = await startProduction()
})
afterAll(() => Promise.all([server?.close(), production?.close()]))

const byGet = async (url: string, query: string, headers: Readonly<Record<string, string>> = {}) => {
  const params = new URLSearchParams({ query })
  const response = await fetch(`${url}/graphql?${params.toString()}`, { headers })
  return { status: response.status, body: (await response.json()) as { data?: unknown; errors?: unknown } }
}
const UNAUTHENTICATED = [{ extensions: { code: 'UNAUTHENTICATED' } }]

describe('a program without a token', () => {
  it('reads in development the same schema as schema.graphql has', async () => {
    const { data, errors } = await post(server.url, null, INTROSPECTION)
    expect(errors).toBeUndefined()
    expect(printSchema(buildClientSchema(data as IntrospectionQuery))).toBe(printSchema(schema))
  })

  it.each(OF_SCHEMA)('asks for the schema, by POST and by GET, once and again: %s', async (query) => {
    for (let times = 0; times < 3; times++) {
      const { status, data, errors } = await post(server.url, null, query)
      expect([status, errors]).toEqual([200, undefined])
      expect(await byGet(server.url, query)).toEqual({ status: 200, body: { data } })
    }
  })

  it.each(MORE)('gets nothing else: %s', async (query) => {
    const { status, headers, data, errors } = await post(server.url, null, query)
    expect([status, headers.get('www-authenticate'), data]).toEqual([401, 'Bearer', undefined])
    expect(errors).toMatchObject(UNAUTHENTICATED)
    expect(await byGet(server.url, query)).toMatchObject({ status: 401, body: { errors: UNAUTHENTICATED } })
  })

  it.each(OF_SCHEMA)(
    'gets no schema with a token that is not trusted, as a stream, or over a WebSocket: %s',
    async (query) => {
      expect(await post(server.url, 'wrong', query)).toMatchObject({ status: 401, errors: UNAUTHENTICATED })
      expect(await byGet(server.url, query, { Accept: 'text/event-stream' })).toMatchObject({ status: 401 })
      expect(await connectWith(server.url, {})).toBe(4401)
    },
  )

  it.each(OF_SCHEMA)('gets none in production: %s', async (query) => {
    expect(await post(production.url, null, query)).toMatchObject({ status: 401, errors: UNAUTHENTICATED })
    expect(await byGet(production.url, query)).toMatchObject({ status: 401, body: { errors: UNAUTHENTICATED } })
  })

  it('may be a page of this machine', async () => {
    const { status, headers } = await post(server.url, null, INTROSPECTION, {}, { Origin: 'http://localhost:5173' })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, 'http://localhost:5173'])
  })

  it('is told what is wrong with its question for the schema', async () => {
    const { status, errors } = await post(server.url, null, '{ __schema { wrong } }')
    expect([status, errors?.[0]?.extensions.code]).toEqual([200, 'BAD_USER_INPUT'])
  })
})
