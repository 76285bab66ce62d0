import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../support/api.ts'
import { placeBefore } from '../../support/following.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW, subscribeSse } from '../../support/sockets.ts'
import { at, makeWorld } from '../../support/world.ts'

// A sign of life soon, not only every 12 s.
const server = await serverForAll({ pingMs: 300 })
const world = await makeWorld(server)

/** The answer as it comes, without a client in between. */
async function open(token: string | null, query: string, variables: object = {}, accept = 'text/event-stream') {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  return fetch(`${server.url}/graphql`, {
    method: 'POST',
    signal: abort.signal,
    headers: {
      'Content-Type': 'application/json',
      Accept: accept,
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
}

const vehicleIds = (results: readonly { data: { vehicleEvents: { vehicleId: string } } }[]) =>
  results.map(({ data }) => data.vehicleEvents.vehicleId)

describe('server-sent events', () => {
  it('carry a query as one next and complete', async () => {
    const response = await open(world.as.owner, '{ viewer { roles } }')
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const text = (await response.text()).replaceAll(/^:\n\n/gm, '')
    expect(text).toBe('event: next\ndata: {"data":{"viewer":{"roles":["MANAGER"]}}}\n\nevent: complete\ndata:\n\n')
  })

  it('follow the log: past events, and new ones', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const follow = await subscribeSse(server.url, world.as.owner, FOLLOW, { after })
    expect(vehicleIds(await follow.received(1))).toEqual([vehicleId])
    const next = await world.newVehicle()
    expect(vehicleIds(await follow.received(2))).toEqual([vehicleId, next])
    follow.stop()
  })

  it('go on behind the last one when a client comes back', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const follow = await subscribeSse(server.url, world.as.owner, FOLLOW, { after })
    const [first] = await follow.received(1)
    follow.stop()
    const missed = await world.newVehicle()
    const { cursor } = first.data.vehicleEvents
    const resumed = await subscribeSse(server.url, world.as.owner, FOLLOW, { after: cursor })
    expect(vehicleIds(await resumed.received(1))).toEqual([missed])
    const live = await world.newVehicle()
    expect(vehicleIds(await resumed.received(2))).toEqual([missed, live])
    expect(vehicleIds(await follow.received(1))).toEqual([vehicleId])
    resumed.stop()
  })

  it('are comments while nothing happens, so that no proxy takes the connection for dead', async () => {
    const response = await open(world.as.stranger, FOLLOW)
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      // The first comes with the headers; one more is a sign of life.
      if (text.length >= ':\n\n:\n\n'.length) break
    }
    expect(text).toBe(':\n\n:\n\n')
  })

  it('end with their token, and nothing that comes after is in them', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const token = await server.token(world.owner, 'manager', 3)
    const ends = (decodeJwt(token).exp ?? 0) * 1000
    const follow = await subscribeSse(server.url, token, FOLLOW, { after })
    await follow.received(1)
    await at(ends)
    await world.newVehicle()
    await follow.ended
    expect(Date.now()).toBeGreaterThanOrEqual(ends)
    expect(vehicleIds(follow.results)).toEqual([vehicleId])
  })

  it('end with their token also when nothing happens', async () => {
    const follow = await subscribeSse(server.url, await server.token(world.owner, 'manager', 3), FOLLOW)
    await follow.ended
    expect(follow.results).toEqual([])
  })

  it('are for each client alone: a stream that ends leaves others open', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const [one, other] = [
      await subscribeSse(server.url, world.as.owner, FOLLOW, { after }),
      await subscribeSse(server.url, world.as.owner, FOLLOW, { after }),
    ]
    await Promise.all([one.received(1), other.received(1)])
    one.stop()
    await one.ended
    await run(server.url, world.as.owner, 'createVehicle', {})
    await other.received(2)
    expect(one.results).toHaveLength(1)
    other.stop()
  })
})

describe('a refused subscription over server-sent events', () => {
  it('without a token is an ordinary answer', async () => {
    const response = await open(null, FOLLOW)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })

  it.each<[string, string, object, 'owner' | 'admin', string]>([
    ['from a cursor that is none', FOLLOW, { after: 'nowhere' }, 'owner', 'BAD_USER_INPUT'],
    ['of what is not there', 'subscription { nothing }', {}, 'owner', 'BAD_USER_INPUT'],
    ['with variables of a wrong type', FOLLOW, { filter: 1 }, 'owner', 'BAD_USER_INPUT'],
    ['that does not parse', 'subscription {', {}, 'owner', 'BAD_USER_INPUT'],
    ['by an admin', FOLLOW, {}, 'admin', 'FORBIDDEN'],
  ])('%s is one next with errors, and complete', async (_what, query, variables, who, code) => {
    const follow = await subscribeSse(server.url, world.as[who], query, { ...variables })
    expect(await follow.ended).toBeNull()
    expect(follow.results).toMatchObject([{ errors: [{ extensions: { code } }] }])
    expect(follow.results[0].data ?? null).toBeNull()
  })
})

describe('a subscription over plain HTTP', () => {
  it.each([
    ['by an admin', {}, 'admin', 'FORBIDDEN'],
    ['with a cursor that is none', { after: 'none' }, 'owner', 'BAD_USER_INPUT'],
  ] as const)('%s is refused by an ordinary answer', async (_what, variables, who, code) => {
    const response = await open(world.as[who], FOLLOW, variables, 'application/json')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] })
  })

  it.each(['application/json', 'application/graphql-response+json'])(
    'is 406 to a client that does not accept a stream, and says so in %s',
    async (accept) => {
      const response = await open(world.as.owner, FOLLOW, {}, accept)
      expect(response.status).toBe(406)
      const errors = [{ message: expect.stringContaining('text/event-stream'), extensions: { code: 'BAD_USER_INPUT' } }]
      expect(await response.json()).toMatchObject({ errors })
    },
  )
})
