import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placeBefore } from '../../support/following.ts'
import { startSecond, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const QUERY = 'query Viewer($with: Boolean = true) { viewer { roles @include(if: $with) } }'
const WRONG = '{ nothing }'
const CREATE = 'mutation { createVehicle(input: {}) { __typename } }'
const idOf = (algorithm: 'sha1' | 'sha256', text: string) => createHash(algorithm).update(text).digest('hex')
const answered = { viewer: { roles: ['MANAGER'] } }

let open: TestServer
let server: TestServer
let world: World
let folder: string
const manifest = async (content: unknown) => {
  const path = join(folder, `${Math.random()}.json`)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetshare-trusted-'))
  open = await startServer()
  world = await makeWorld(open)
  const documents = {
    [idOf('sha256', QUERY)]: QUERY,
    [idOf('sha1', FOLLOW)]: FOLLOW,
    [`sha256:${idOf('sha256', CREATE)}`]: CREATE,
    [idOf('sha256', WRONG)]: WRONG,
  }
  server = await startSecond(open, { env: { TRUSTED_DOCUMENTS: await manifest(documents) } })
})
afterAll(async () => {
  await server.close()
  await open.close()
  await rm(folder, { recursive: true })
})

const persisted = (sha256Hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } })
const id = idOf('sha256', QUERY)

describe.each(TRANSPORTS)('where documents have to be trusted, over %s', (transport) => {
  const send = (params: object) => sendOver(transport)(server.url, world.as.owner, { ...params })

  it.each<[string, object]>([
    ['its id', { documentId: id }],
    ['its id, which says how it was made', { documentId: `sha256:${id}` }],
    ["its hash, as Apollo's clients say it", persisted(id)],
    ['its hash, beside nothing', { query: '', ...persisted(id) }],
    ['its very text', { query: QUERY }],
    ['its id, whatever text is beside it', { query: WRONG, documentId: id }],
  ])('a known one is admitted by %s', async (_how, params) => {
    expect(await send(params)).toMatchObject({ data: answered, errors: undefined })
    const without = { variables: { with: false }, operationName: 'Viewer' }
    expect((await send({ ...params, ...without })).data).toEqual({ viewer: {} })
  })

  it.each<[string, object]>([
    ['another id', { documentId: idOf('sha256', '{ viewer { roles } }') }],
    ['an id of another algorithm', { documentId: idOf('sha1', QUERY) }],
    ['an id that every object has', { documentId: 'constructor' }],
    ['another hash', persisted('0'.repeat(64))],
    [
      'an unknown hash beside its text, to have it known from now on',
      { query: '{ viewer { roles } }', ...persisted(idOf('sha256', '{ viewer { roles } }')) },
    ],
    ['a text', { query: '{ viewer { roles } }' }],
    ['nearly a known text', { query: `${QUERY} ` }],
    ['the question what there is', { query: getIntrospectionQuery({ descriptions: false }).replaceAll(/\s+/g, ' ') }],
    ['what does not parse', { query: '{' }],
  ])('%s is refused', async (_what, params) => {
    const { data, errors, status } = await send(params)
    expect(data).toBeUndefined()
    expect(errors).toEqual([
      {
        message: 'Only documents that this server knows are admitted, and this is none of them.',
        extensions: { code: 'DOCUMENT_NOT_TRUSTED' },
      },
    ])
    expect(status).toBe({ POST: 400, 'POST again': 400, GET: 400, SSE: 200, WebSocket: null }[transport])
  })

  it('a trusted one is held to the schema all the same', async () => {
    expect((await send({ documentId: idOf('sha256', WRONG) })).errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ])
  })

  it('a mutation is one by its id, too', async () => {
    const { data, status } = await send({ documentId: idOf('sha256', CREATE) })
    if (transport === 'GET') expect([status, data]).toEqual([405, undefined])
    else expect(data).toEqual({ createVehicle: { __typename: 'CreateVehicleSuccess' } })
  })

  it("Apollo's hash in place of a document is refused in Apollo's words, so that the document is sent", async () => {
    const hash = { extensions: { persistedQuery: { version: 1, sha256Hash: idOf('sha256', QUERY) } } }
    const answer = await sendOver(transport)(open.url, world.as.owner, hash)
    expect(answer.errors).toEqual([
      { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
    ])
    expect(answer.data).toBeUndefined()
    expect(answer.status).toBe(transport === 'WebSocket' ? null : 200)
    const both = await sendOver(transport)(open.url, world.as.owner, { ...hash, query: '{ viewer { roles } }' })
    expect(both.data).toEqual({ viewer: { roles: ['MANAGER'] } })
  })

  it('an id is nothing to a server that trusts any document', async () => {
    // Over WebSocket and GET what nobody knows is not looked at.
    const { data, errors } = await sendOver(transport)(open.url, world.as.owner, { documentId: id })
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })
})

it.each([
  ['WebSocket', subscribe],
  ['server-sent events', subscribeSse],
])('a trusted subscription is served over %s, and no other', async (_, follow) => {
  const { after, vehicleId } = await placeBefore(open.url, world.as.owner)
  const stream = await follow(server.url, world.as.owner, FOLLOW, { after })
  expect((await stream.received(1))[0].data?.vehicleEvents).toMatchObject({ vehicleId })
  stream.stop()
  const other = await follow(server.url, world.as.owner, 'subscription { vehicleEvents { id } }')
  const ended = await other.ended
  expect(JSON.stringify(other.results[0]?.errors ?? ended)).toContain('DOCUMENT_NOT_TRUSTED')
})

it.each([
  ['nothing', '', /takes a file with JSON/],
  ['no JSON', 'query { viewer }', /takes a file with JSON/],
  ['no documents', '{}', /takes a JSON object of documents by their hashes/],
  ['a list', '[{"id": "a"}]', /takes a JSON object of documents by their hashes/],
  ['what is no document', '{"a": 1}', /takes a JSON object of documents by their hashes/],
])('a manifest with %s stops the start, and is named', async (_what, content, complaint) => {
  const path = await manifest(content)
  const starting = startServer({ env: { TRUSTED_DOCUMENTS: path } })
  await expect(starting).rejects.toThrow(complaint)
  await expect(starting).rejects.toThrow(path)
})

it('a manifest that is not there stops the start', async () => {
  await expect(startServer({ env: { TRUSTED_DOCUMENTS: join(folder, 'none') } })).rejects.toThrow(/TRUSTED_DOCUMENTS/)
})
