import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ask, post } from '../../support/api.ts'
import { openConnection } from '../../support/connection.ts'
import type { RawConnection } from '../../support/connection.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

/** Answered at once, after a look into the database, and by changing it. */
const TYPENAME = '{ __typename }'
const VEHICLES = '{ vehicles(first: 100) { nodes { name } } }'
const CREATE = 'mutation ($name: String) { createVehicle(input: { name: $name }) { __typename } }'

let server: TestServer
let world: World
beforeAll(async () => {
  server = await startServer()
  world = await makeWorld(server)
  // What comes for the third time is answered the short way.
  for (let time = 0; time < 3; time++) {
    for (const query of [TYPENAME, VEHICLES, CREATE]) await post(server.url, world.as.owner, query)
  }
})
afterAll(() => server.close())

async function open(): Promise<RawConnection> {
  const connection = await openConnection(server.url)
  onTestFinished(() => void connection.socket.destroy())
  return connection
}

type Asking = {
  readonly token?: string
  readonly id?: string
  readonly variables?: object
  readonly headers?: string
  readonly length?: number
}

function asking(
  query: string,
  { token = world.as.owner, id = 'one', variables = {}, headers = '', length }: Asking = {},
) {
  const body = JSON.stringify({ query, variables })
  const head =
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nX-Request-Id: ${id}\r\n${headers}` +
    `Content-Length: ${length ?? Buffer.byteLength(body)}\r\n\r\n`
  return { head, body, all: head + body }
}

const TYPENAME_ANSWER = '{"data":{"__typename":"Query"}}'
const told = ({ head, status, body }: { head: string; status: number; body: string }) => ({
  id: /^x-request-id: *(.*)$/im.exec(head)?.[1],
  status,
  body,
})

const namesOf = async () => {
  const { vehicles } = await ask(server.url, world.as.owner, VEHICLES)
  return vehicles.nodes.map(({ name }: { name: string | null }) => name) as (string | null)[]
}

/** Resolves when the server has seen what was sent before: it has answered what came later. */
const settle = () => post(server.url, world.as.owner, TYPENAME)

describe('requests on one connection', () => {
  it('are answered one after the other', async () => {
    const { socket, answers } = await open()
    for (let n = 1; n <= 50; n++) {
      // Also with documents that are new, and so go the other way.
      const query = n % 3 === 0 ? `# ${n}\n${TYPENAME}` : TYPENAME
      socket.write(asking(query, { id: `n${n}` }).all)
      const last = (await answers(n)).at(-1)
      expect(last && told(last)).toEqual({ id: `n${n}`, status: 200, body: TYPENAME_ANSWER })
    }
  })

  it.each([
    ['at once', TYPENAME, TYPENAME],
    ['one later than the other', VEHICLES, TYPENAME],
    ['both later', VEHICLES, VEHICLES],
    ['in different ways', `# new\n${TYPENAME}`, TYPENAME],
  ])('that come in one piece are answered in their order: %s', async (_how, first, second) => {
    const { socket, answers } = await open()
    const queries = [first, second, first, second]
    socket.write(queries.map((query, n) => asking(query, { id: `n${n}` }).all).join(''))
    const all = (await answers(4)).map(told)
    expect(all.map(({ id, status }) => [id, status])).toEqual(queries.map((_query, n) => [`n${n}`, 200]))
    for (const [n, { body }] of all.entries()) {
      expect(body).toMatch(queries[n] === VEHICLES ? /^\{"data":\{"vehicles"/ : /"Query"/)
    }
  })

  it('may begin in the same piece as another ends', async () => {
    const { socket, answers } = await open()
    const [first, second] = [asking(TYPENAME, { id: 'first' }), asking(TYPENAME, { id: 'second' })]
    socket.write(first.all + second.all.slice(0, 30))
    expect((await answers(1)).map(told)).toMatchObject([{ id: 'first', status: 200 }])
    socket.write(second.all.slice(30))
    expect((await answers(2)).map(told)).toMatchObject([{ id: 'first' }, { id: 'second', status: 200 }])
  })

  it('that say Connection: close are the last', async () => {
    const { socket, closed } = await open()
    socket.write(asking(TYPENAME, { headers: 'Connection: close\r\n' }).all)
    expect((await closed).map(told)).toEqual([{ id: 'one', status: 200, body: TYPENAME_ANSWER }])
  })
})

describe('a body', () => {
  const name = 'ü'.repeat(40)
  const created = { status: 200, body: '{"data":{"createVehicle":{"__typename":"CreateVehicleSuccess"}}}' }

  it.each([
    ['apart from its head', (head: string, body: Buffer) => [head, body]],
    ['in two pieces', (head: string, body: Buffer) => [head, body.subarray(0, 60), body.subarray(60)]],
    [
      'of which one comes with the head',
      (head: string, body: Buffer) => [Buffer.concat([Buffer.from(head), body.subarray(0, 60)]), body.subarray(60)],
    ],
    ['byte by byte', (head: string, body: Buffer) => [head, ...Array.from(body, (byte) => Buffer.of(byte))]],
  ])('may come %s', async (how, cut) => {
    const { socket, answers } = await open()
    const { head, body } = asking(CREATE, { variables: { name: name + how } })
    for (const piece of cut(head, Buffer.from(body))) {
      await new Promise((resolve) => socket.write(piece, resolve))
      // So that the server sees it alone.
      await settle()
    }
    expect((await answers(1)).map(told)).toEqual([{ id: 'one', ...created }])
    expect((await namesOf()).filter((found) => found === name + how)).toHaveLength(1)
  })

  it.each([10, 200_000])('of %s bytes and more may be there before its token is known', async (bytes) => {
    const { socket, answers } = await open()
    const token = await server.token(world.owner, 'viewer', 3_000 + bytes / 1_000)
    const variables = { more: 'x'.repeat(bytes) }
    for (const id of ['first', 'second']) socket.write(asking(TYPENAME, { token, id, variables }).all)
    expect((await answers(2)).map(told)).toEqual([
      { id: 'first', status: 200, body: TYPENAME_ANSWER },
      { id: 'second', status: 200, body: TYPENAME_ANSWER },
    ])
  })

  it.each([1, 60, 90])('that its client never ends, after %s bytes, is nothing', async (bytes) => {
    const before = await namesOf()
    const { socket } = await open()
    const { head, body } = asking(CREATE, { variables: { name: 'never whole' } })
    socket.write(head + body.slice(0, bytes))
    await settle()
    socket.destroy()
    await settle()
    expect(await namesOf()).toEqual(before)
  })

  it('ends at its content length, with any bytes behind it', async () => {
    const { socket, closed } = await open()
    const { all } = asking(TYPENAME)
    socket.write(`${all}\0 no request`)
    const [first, ...rest] = (await closed).map(told)
    expect(first).toEqual({ id: 'one', status: 200, body: TYPENAME_ANSWER })
    expect(rest.map(({ status }) => status)).toEqual([400])
  })

  it('longer than its content length is cut there', async () => {
    const { socket, closed } = await open()
    socket.write(asking(CREATE, { variables: { name: 'longer' }, length: 20 }).all)
    expect((await closed)[0]?.status).toBe(400)
    expect(await namesOf()).not.toContain('longer')
  })

  it('may have its length found out as it comes', async () => {
    const { socket, answers } = await open()
    const { head, body } = asking(TYPENAME)
    const chunked = head.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
    socket.write(`${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${asking(TYPENAME, { id: 'next' }).all}`)
    const [first, second] = (await answers(2)).map(told)
    expect([first, second]).toEqual([
      { id: 'one', status: 200, body: TYPENAME_ANSWER },
      { id: 'next', status: 200, body: TYPENAME_ANSWER },
    ])
  })

  it.each(['waits for the word', 'does not wait'])('may be announced by a client that %s', async (how) => {
    const { socket, answers } = await open()
    const { head, body, all } = asking(TYPENAME, { headers: 'Expect: 100-continue\r\n' })
    socket.write(how === 'does not wait' ? all : head)
    expect((await answers(1)).map(({ status }) => status)).toEqual([100])
    if (how !== 'does not wait') socket.write(body)
    expect((await answers(2)).map(told)[1]).toEqual({ id: 'one', status: 200, body: TYPENAME_ANSWER })
  })
})

describe('a client', () => {
  it('that says it sends nothing more is answered, and its connection closed', async () => {
    const { socket, closed } = await open()
    socket.end(asking(TYPENAME).all)
    expect((await closed).map(told)).toEqual([{ id: 'one', status: 200, body: TYPENAME_ANSWER }])
  })

  it('that leaves right after its request costs no other client anything', async () => {
    for (const query of [TYPENAME, VEHICLES, `# new\n${VEHICLES}`]) {
      for (let time = 0; time < 5; time++) {
        const { socket } = await open()
        await new Promise((resolve) => socket.write(asking(query).all, resolve))
        socket.resetAndDestroy()
      }
    }
    await settle()
    expect((await post(server.url, world.as.owner, TYPENAME)).data).toEqual({ __typename: 'Query' })
  })
})

it('a connection that has been answered, and is kept, does not hold up a stop', async () => {
  const stopping = await startServer()
  onTestFinished(stopping.close)
  const { as } = await makeWorld(stopping)
  const { socket, answers, closed } = await openConnection(stopping.url)
  for (let n = 1; n <= 4; n++) {
    socket.write(asking(TYPENAME, { token: as.owner }).all)
    await answers(n)
  }
  const begun = performance.now()
  await stopping.app.close()
  expect((await closed).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(performance.now() - begun).toBeLessThan(4_000)
})
