import { describe, expect, it } from 'vitest'
import { ask, mutations } from '../../support/api.ts'
import { exchange } from '../../support/raw-http.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { stored } from '../../support/stored.ts'
import { makeWorld } from '../../support/world.ts'

const text = JSON.stringify({
  query:
    'mutation ($name: String) { createVehicle(input: { name: $name }) { ... on CreateVehicleSuccess { vehicle { name } } } }',
  variables: { name: 'MÜ-AB 1' },
})
const utf16 = (bigEndian: boolean, mark: string) => {
  const bytes = Buffer.from(mark + text, 'utf16le')
  return bigEndian ? bytes.swap16() : bytes
}

describe.each(DATABASE_KINDS)('on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeWorld(server)
  const HOST = `Host: ${new URL(server.url).host}`
  const AUTH = `Authorization: Bearer ${world.as.owner}`

  const send = (body: Uint8Array, { type = 'application/json', accept = 'application/json', chunked = false } = {}) => {
    const headers = [HOST, AUTH, `Content-Type: ${type}`, `Accept: ${accept}`]
    if (!chunked) return exchange(server.url, 'POST /graphql HTTP/1.1', headers, body)
    return fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${world.as.owner}`, 'Content-Type': type, Accept: accept },
      body: new Blob([new Uint8Array(body)]).stream(),
      duplex: 'half',
    } as RequestInit).then(async (response) => ({ status: response.status, body: await response.text() }))
  }

  const WAYS = [
    ['as it is', {}],
    ['in pieces', { chunked: true }],
    ['for a stream', { accept: 'text/event-stream' }],
  ] as const

  describe.each(WAYS)('a body, %s,', (_way, way) => {
    it.each<[string, Uint8Array]>([
      ['in Latin-1', Buffer.from(text, 'latin1')],
      ['in UTF-16', utf16(false, '\ufeff')],
      ['in UTF-16, big end first', utf16(true, '\ufeff')],
      ['in UTF-16 without a mark', utf16(false, '')],
      ['cut within a character', Buffer.from(text).subarray(0, Buffer.from(text).indexOf(0xc3) + 1)],
      ['with an overlong form', Buffer.from(text.replace('Ü', '\xc0\xaf'), 'latin1')],
      ['with half a character', Buffer.from(text.replace('Ü', '\xed\xa0\x80'), 'latin1')],
      ['with a code point beyond Unicode', Buffer.from(text.replace('Ü', '\xf4\x90\x80\x80'), 'latin1')],
    ])('%s is 400, and has no effect, however often it comes', async (_what, body) => {
      const before = await stored(server)
      for (let time = 0; time < 3; time++) {
        const answer = await send(body, way)
        // A client that reads a status only where it asks for it gets 200 from the pipeline: for JSON that is none.
        expect(answer.body).toContain('"BAD_USER_INPUT"')
        expect(answer.body).not.toContain('"data"')
      }
      expect(await stored(server)).toEqual(before)
    })

    it.each(['', '\ufeff'])('in UTF-8 is taken, with or without a mark: %j', async (mark) => {
      for (let time = 0; time < 3; time++) {
        const { status, body } = await send(Buffer.from(mark + text), way)
        expect([status, body.includes('"name":"MÜ-AB 1"')]).toEqual([200, true])
      }
    })
  })

  it('two messages that differ in one byte only are not taken for one', async () => {
    const before = await stored(server)
    for (const byte of ['\xe4', '\xf6']) {
      const { status } = await send(Buffer.from(text.replace('Ü', byte), 'latin1'))
      expect(status).toBe(400)
    }
    expect(await stored(server)).toEqual(before)
  })

  it.each(['latin1', 'iso-8859-1', 'utf-16', 'UTF-16LE', 'windows-1252', 'us-ascii', '"latin1"', 'x', ''])(
    'the charset %s is 415',
    async (charset) => {
      const before = await stored(server)
      for (const type of [`application/json; charset=${charset}`, `application/json;x=y ;CHARSET=${charset}`]) {
        expect((await send(Buffer.from(text), { type })).status).toBe(415)
      }
      expect(await stored(server)).toEqual(before)
    },
  )

  it.each(['utf-8', 'UTF-8', 'utf8', '"utf-8"', '"UTF-8"'])('the charset %s is taken', async (charset) => {
    for (let time = 0; time < 3; time++) {
      const { status, body } = await send(Buffer.from(text), { type: `application/json; charset=${charset}` })
      expect([status, JSON.parse(body)]).toMatchObject([200, { data: { createVehicle: {} } }])
    }
  })

  describe('a GET', () => {
    const QUERY = 'query Q($id: ID!) { vehicle(id: $id) { name } }'
    const get = (query: string) => exchange(server.url, `GET /graphql?${query} HTTP/1.1`, [HOST, AUTH])
    const latin1 = (value: string) =>
      Array.from(Buffer.from(value, 'latin1'), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

    it('is taken in UTF-8, and refused in another encoding', async () => {
      const { id } = (await ask(server.url, world.as.owner, mutations.createVehicle, { input: { name: 'Ü' } }))
        .createVehicle.vehicle
      const query = encodeURIComponent(`${QUERY} # ü`)
      const right = await get(`query=${query}&variables=${encodeURIComponent(JSON.stringify({ id }))}`)
      expect([right.status, JSON.parse(right.body)]).toEqual([200, { data: { vehicle: { name: 'Ü' } } }])
      for (const wrong of [`query=${latin1(`${QUERY} # ü`)}`, `query=${query}&variables=${latin1('{"id":"ü"}')}`]) {
        const { status, body, headers } = await get(wrong)
        expect(status).toBe(400)
        expect(JSON.parse(body)).toMatchObject({
          errors: [{ extensions: { code: 'BAD_USER_INPUT', requestId: headers.get('x-request-id') } }],
        })
      }
    })

    it.each(
      ['variables', 'extensions'].flatMap((name) =>
        ['undefined', '{', '[]', '"x"', '1', 'true', '[{}]', '%7B%22a%22'].map((value) => [name, value] as const),
      ),
    )('with %s=%s is 400 with a request id', async (name, value) => {
      for (const accept of ['application/json', 'application/graphql-response+json', 'text/event-stream']) {
        const answer = await exchange(
          server.url,
          `GET /graphql?query=${encodeURIComponent('{ viewer { roles } }')}&${name}=${value} HTTP/1.1`,
          [HOST, AUTH, `Accept: ${accept}`],
        )
        expect(answer.status).toBe(400)
        const requestId = answer.headers.get('x-request-id')
        expect(requestId).toMatch(/^[\w-]{36}$/)
        expect(JSON.parse(answer.body)).toMatchObject({
          errors: [
            { message: expect.stringContaining(name) as string, extensions: { code: 'BAD_USER_INPUT', requestId } },
          ],
        })
      }
    })

    it.each(['', '{}', 'null', '{"a":1}'])('with variables=%s and extensions alike is taken', async (value) => {
      const query = encodeURIComponent('{ viewer { roles } }')
      const { status, body } = await get(`query=${query}&variables=${value}&extensions=${value}`)
      expect([status, JSON.parse(body)]).toEqual([200, { data: { viewer: { roles: ['MANAGER'] } } }])
    })
  })
})
