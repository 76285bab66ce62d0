import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, mutations, run } from '../../support/api.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import type { Told } from '../../support/transports.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const BURST = 60
const leftOf = ({ extensions }: Told) =>
  (extensions?.['cost'] as { throttleStatus: { currentlyAvailable: number } } | undefined)?.throttleStatus
    .currentlyAvailable

/** Costs 51, whatever it finds: what was read does not show. */
const PAGE = '{ vehicles { totalCount } }'
/** Requests 21 points, and costs 2 where there are no vehicles. */
const SHOWN = '{ vehicles(first: 20) { nodes { id } } }'

let server: TestServer
let world: World
let fresh: (fleet?: string) => Promise<string>
beforeAll(async () => {
  server = await startServer({ env: { RATE_LIMIT: '1', RATE_LIMIT_BURST: `${BURST}` } })
  world = await makeWorld(server)
  let lifetime = 3600
  // One that lasts as long as another, and is made in the same second, is the same.
  fresh = (fleet = world.owner) => server.token(fleet, 'manager', ++lifetime)
})
afterAll(() => server.close())

describe.each(TRANSPORTS)('a token without points left, over %s', (transport) => {
  const send = (token: string, query: string) => sendOver(transport)(server.url, token, { query })

  it('is refused with the time to wait, and is served again after it', async () => {
    const token = await fresh()
    const first = await sendOver('GET')(server.url, token, { query: PAGE })
    expect(first.extensions).toEqual({
      cost: {
        requestedQueryCost: 51,
        actualQueryCost: 51,
        throttleStatus: { maximumAvailable: BURST, currentlyAvailable: 9, restoreRate: 1 },
      },
    })
    expect(first.headers?.get('RateLimit-Policy')).toBe('"points";q=60;w=60')
    expect(first.headers?.get('RateLimit')).toBe('"points";r=9;t=51')
    const { data, errors, extensions, status, headers } = await send(token, PAGE)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^This costs 51 points, .* Try again in 4\d s\.$/),
        extensions: { code: 'RATE_LIMITED' },
      },
    ])
    expect(errors?.[0]?.extensions).toEqual({ code: 'RATE_LIMITED' })
    const throttleStatus = { maximumAvailable: BURST, restoreRate: 1 }
    // A socket has an `error` message for what is refused before it begins, and that has room for errors alone.
    expect(extensions?.['cost']).toMatchObject({ requestedQueryCost: 51, actualQueryCost: null, throttleStatus })
    if (transport !== 'WebSocket') {
      expect(status).toBe(429)
      expect(Number(headers?.get('Retry-After'))).toBeGreaterThan(38)
      expect(headers?.get('RateLimit')).toMatch(/^"points";r=\d+;t=\d+$/)
    }
    // What costs less than is left goes on, and so do other tokens.
    expect((await send(token, '{ viewer { roles } }')).data).toEqual({ viewer: { roles: ['MANAGER'] } })
    expect((await send(await fresh(), '{ viewer { fleet { id } } }')).errors).toBeUndefined()
  })
})

it.each(TRANSPORTS)('what an answer does not hold is given back, over %s', async (transport) => {
  const token = await fresh(world.stranger)
  const sent = transport === 'POST again' ? 3 : 1
  for (let time = 1; time <= 5; time++) {
    const answer = await sendOver(transport)(server.url, token, { query: SHOWN })
    expect(answer.data).toEqual({ vehicles: { nodes: [] } })
    expect(answer.extensions?.['cost']).toMatchObject({ requestedQueryCost: 21, actualQueryCost: 2 })
    const left = leftOf(answer)
    expect(left).toBeGreaterThanOrEqual(BURST - 2 * sent * time)
    expect(left).toBeLessThanOrEqual(BURST - 2)
    if (answer.headers) expect(answer.headers.get('RateLimit')).toMatch(`"points";r=${left};`)
  }
})

it('points come back at the rate', async () => {
  const quick = await startServer({ env: { RATE_LIMIT: '50', RATE_LIMIT_BURST: '60' } })
  const { as } = await makeWorld(quick)
  const send = () => sendOver('POST')(quick.url, as.partner, { query: PAGE })
  expect((await send()).errors).toBeUndefined()
  const { headers } = await send()
  const seconds = Number(headers?.get('Retry-After'))
  expect(seconds).toBe(1)
  await sleep(seconds * 1000)
  expect((await send()).errors).toBeUndefined()
  await quick.close()
})

it.each([
  // 10, one for the vehicle and one for its fleet.
  ['a mutation', { query: mutations.updateVehicle, variables: { input: { id: 'NONE' } } }, 12],
  ['a query', { query: '{ vehicles(first: 11) { totalCount } }' }, 12],
  ['a query that fails', { query: '{ vehicles(first: 11, after: "nowhere") { nodes { id } } }' }, 12],
])('%s costs the same each time, and is paid once, also where it came before', async (_what, params, points) => {
  const token = await fresh()
  let left: number | undefined
  for (let time = 0; time < 4; time++) left = leftOf(await sendOver('POST')(server.url, token, params))
  expect(left).toBeGreaterThanOrEqual(BURST - 4 * points)
  // A few may have come back meanwhile.
  expect(left).toBeLessThan(BURST - 3 * points)
})

it.each([
  ['server-sent events', subscribeSse],
  ['WebSocket', subscribe],
])('a subscription over %s is paid when it is opened, and its events are not', async (_, open) => {
  const token = await fresh()
  await run(server.url, await fresh(), 'createVehicle', {})
  const place = '{ vehicleEvents(first: 1) { pageInfo { endCursor } } }'
  const { vehicleEvents } = await ask(server.url, await fresh(), place)
  const after: string = vehicleEvents.pageInfo.endCursor
  const following = await open(server.url, token, FOLLOW, { after })
  for (let n = 0; n < 3; n++) await run(server.url, await fresh(), 'createVehicle', {})
  await following.received(3)
  expect(following.results[0].extensions).toBeUndefined()
  following.stop()
  expect(leftOf(await sendOver('POST')(server.url, token, { query: '{ __typename }' }))).toBeGreaterThanOrEqual(
    BURST - 15,
  )
})

it('an operation that costs more than the burst is refused for good', async () => {
  for (const transport of TRANSPORTS) {
    const query = '{ vehicles(first: 60) { nodes { id } } }'
    const { errors } = await sendOver(transport)(server.url, await fresh(), { query })
    expect(errors).toMatchObject([
      { message: expect.stringContaining('61 points'), extensions: { code: 'BAD_USER_INPUT' } },
    ])
  }
})
