import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../../support/api.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const CREATE = 'mutation { createVehicle(input: {}) { __typename } }'
const VIEWER = '{ viewer { roles } }'
const MEBIBYTE = 1024 * 1024

let server: TestServer
let world: World
beforeAll(async () => {
  server = await startServer()
  world = await makeWorld(server)
})
afterAll(() => server.close())

type Refusal = { readonly errors?: readonly { readonly extensions: { readonly code: string } }[] }

async function send(body: BodyInit | null, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      // With plain application/json, GraphQL over HTTP wants 200 for a document that is wrong.
      Accept: 'application/graphql-response+json',
      Authorization: `Bearer ${world.as.owner}`,
      'Content-Type': 'application/json',
      ...headers,
    },
    body,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  })
  const answer = (await response.json()) as Refusal
  return { status: response.status, answer, code: answer.errors?.[0]?.extensions.code }
}

const countVehicles = async () =>
  (await ask(server.url, world.as.owner, '{ vehicles(first: 100) { nodes { id } } }')).vehicles.nodes.length as number

describe('a POST', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/json ;charset=UTF-8',
  ])('may be %s', async (type) => {
    const { status, answer } = await send(JSON.stringify({ query: VIEWER }), { 'Content-Type': type })
    expect([status, answer]).toEqual([200, { data: { viewer: { roles: ['MANAGER'] } } }])
  })

  const json = JSON.stringify({ query: CREATE })
  it.each([
    ['application/x-www-form-urlencoded', new URLSearchParams({ query: CREATE }).toString()],
    [
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n${CREATE}\r\n--x--`,
    ],
    [
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${json}\r\n` +
        `--x\r\nContent-Disposition: form-data; name="map"\r\n\r\n{}\r\n--x--`,
    ],
    ['text/plain', json],
    ['text/plain; application/json', json],
    ['application/graphql', CREATE],
    ['application/graphql+json', json],
    ['application/jsonx', json],
    ['application/xml', json],
    ['', json],
  ])('of another media type is 415, and has no effect: %s', async (type, body) => {
    const before = await countVehicles()
    const { status, code } = await send(body, { 'Content-Type': type })
    expect([status, code]).toEqual([415, 'BAD_USER_INPUT'])
    expect(await countVehicles()).toBe(before)
  })

  it.each(['gzip', 'deflate', 'br', 'gzip, identity'])('that is compressed (%s) is 415', async (encoding) => {
    const before = await countVehicles()
    const { status, code } = await send(gzipSync(json), { 'Content-Encoding': encoding })
    expect([status, code]).toEqual([415, 'BAD_USER_INPUT'])
    expect(await countVehicles()).toBe(before)
  })

  /** A request of exactly so many bytes. */
  const sized = (bytes: number) => {
    const frame = JSON.stringify({ query: VIEWER, variables: { pad: '' } })
    return JSON.stringify({ query: VIEWER, variables: { pad: 'x'.repeat(bytes - frame.length) } })
  }

  it('may be 1 MiB', async () => {
    expect(Buffer.byteLength(sized(MEBIBYTE))).toBe(MEBIBYTE)
    expect((await send(sized(MEBIBYTE))).status).toBe(200)
  })

  it('above 1 MiB is 413, whether it says so first or not', async () => {
    expect((await send(sized(MEBIBYTE + 1))).status).toBe(413)
    expect((await send(new Blob([sized(MEBIBYTE + 1)]).stream())).status).toBe(413)
    const { status, answer, code } = await send(sized(2 * MEBIBYTE))
    expect([status, code]).toEqual([413, 'BAD_USER_INPUT'])
    expect(answer).not.toHaveProperty('data')
  })

  it.each([
    ['two operations', [{ query: CREATE }, { query: VIEWER }]],
    ['one operation', [{ query: CREATE }]],
    ['none', []],
  ])('of a batch with %s is 400, and has no effect', async (_what, batch) => {
    const before = await countVehicles()
    const { status, code } = await send(JSON.stringify(batch))
    expect([status, code]).toEqual([400, 'BAD_USER_INPUT'])
    expect(await countVehicles()).toBe(before)
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{"query":"{ viewer'],
    ['no JSON', 'query { viewer { roles } }'],
    ['a text', '"{ viewer { roles } }"'],
    ['null', 'null'],
    ['a number', '1'],
    ['an object without a query', '{}'],
    ['a query that is null', '{"query":null}'],
    ['a query that is a number', '{"query":1}'],
    ['an empty query', '{"query":""}'],
    ['variables that are a list', JSON.stringify({ query: VIEWER, variables: [] })],
    ['variables that are a text', JSON.stringify({ query: VIEWER, variables: '{}' })],
    ['an operation name that is a number', JSON.stringify({ query: VIEWER, operationName: 1 })],
    ['extensions that are a text', JSON.stringify({ query: VIEWER, extensions: 'x' })],
    ['a document that does not parse', JSON.stringify({ query: '{ viewer' })],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ])('of %s is 400', async (_what, body) => {
    const { status, code } = await send(body)
    expect([status, code]).toEqual([400, 'BAD_USER_INPUT'])
  })
})
