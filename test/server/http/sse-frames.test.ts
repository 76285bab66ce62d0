import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../support/api.ts'
import { connect } from '../../support/events.ts'
import { everyEvent } from '../../support/every-event.ts'
import { placeBefore } from '../../support/following.ts'
import { READINGS } from '../../support/gateway.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)
const limited = await serverForAll({ env: { RATE_LIMIT: '1', RATE_LIMIT_BURST: '15' } })

const KEPT = `__typename id cursor type vehicleId occurredAt recordedAt requestId
  ... on SharingEvent { endsAt endReason sharing { id partner { name } } } ... on CommandEvent { status command { id type } }
  ... on StateEvent { state { ${READINGS} } }`
const REFUSED = `id vehicle { a: sharings(after: "nowhere") { nodes { id } } b: sharings(after: "") { nodes { id } } }`
const follow = (selected: string) => `subscription ($after: String) { vehicleEvents(after: $after) { ${selected} } }`

type Params = { readonly query: string; readonly variables?: object }

/** Delivered by this server to POST, and by Yoga to GET. */
const WAYS = ['POST', 'GET'] as const

async function open(method: (typeof WAYS)[number], url: string, token: string, { query, variables = {} }: Params) {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, 'X-Request-Id': 'the-same' }
  const target = new URL(`${url}/graphql`)
  if (method === 'GET') {
    target.searchParams.set('query', query)
    target.searchParams.set('variables', JSON.stringify(variables))
  }
  const response = await fetch(target, {
    method,
    signal: abort.signal,
    headers: method === 'GET' ? headers : { ...headers, 'Content-Type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify({ query, variables }) }),
  })
  const told = [...response.headers].filter(([name]) => name !== 'date')
  let text = ''
  let failure: unknown = null
  const decoder = new TextDecoder()
  const read = async () => {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  }
  const ended = read().catch((error: unknown) => (failure = error))
  /** Without the comments that show that it lives. */
  const frames = () => text.replaceAll(/^:\n\n/gm, '')
  return {
    head: { status: response.status, headers: Object.fromEntries(told) },
    frames,
    upTo: async (part: string) => {
      await expect.poll(frames, { timeout: 10_000 }).toContain(part)
      return frames().slice(0, frames().indexOf('\n\n', frames().indexOf(part)))
    },
    begins: () => expect.poll(() => text).toMatch(/^:\n\n/),
    end: async () => {
      await ended
      return { frames: frames(), failed: failure !== null }
    },
  }
}

describe('a stream of server-sent events is the same to the byte as that of Yoga', () => {
  it('live and again, for all that can happen', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const openAll = () =>
      Promise.all(
        WAYS.map((way) => open(way, server.url, world.as.owner, { query: follow(KEPT), variables: { after } })),
      )
    const live = await openAll()
    await everyEvent(server, world)
    const end = await world.newVehicle()
    const all = [...live, ...(await openAll())]
    for (const { begins } of all) await begins()
    const [first, ...others] = await Promise.all(all.map(({ upTo }) => upTo(end)))
    expect(first?.split('event: next').length).toBeGreaterThan(20)
    for (const frames of others) expect(frames).toEqual(first)
    for (const { head } of all) expect(head).toEqual(all[0]?.head)
  })

  it('where fields of an event are refused', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const params = { query: follow(REFUSED), variables: { after } }
    const all = await Promise.all(WAYS.map((way) => open(way, server.url, world.as.owner, params)))
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'live' })
    const [first, second] = await Promise.all(all.map(({ upTo }) => upTo('"errors"')))
    expect(first).toContain('BAD_USER_INPUT')
    expect(second).toEqual(first)
  })

  it.each<[string, Params, 'owner' | 'admin']>([
    ['from a cursor that is none', { query: FOLLOW, variables: { after: 'nowhere' } }, 'owner'],
    ['with variables of a wrong type', { query: FOLLOW, variables: { filter: 1 } }, 'owner'],
    ['of what is not there', { query: 'subscription { nothing }' }, 'owner'],
    ['that does not parse', { query: 'subscription {' }, 'owner'],
    ['by an admin', { query: FOLLOW }, 'admin'],
    ['as a query', { query: '{ viewer { roles } }' }, 'owner'],
  ])('refused or at once: %s', async (_what, params, who) => {
    const all = await Promise.all(WAYS.map((way) => open(way, server.url, world.as[who], params)))
    const [first, second] = await Promise.all(all.map(async ({ head, end }) => ({ head, ...(await end()) })))
    expect(first?.frames).toContain('event: complete')
    expect(second).toEqual(first)
  })

  it('where the rate limit refuses, with its status and headers', async () => {
    const token = await limited.token(null, 'admin')
    const tokens = [token, await limited.token(null, 'gateway')]
    const seen = await Promise.all(
      WAYS.map(async (way, n) => {
        const spend = () =>
          open(way, limited.url, tokens[n] ?? '', { query: 'subscription { commandDispatches { commandId } }' })
        await spend()
        const { head, end } = await spend()
        return { head, ...(await end()) }
      }),
    )
    expect(seen[0]?.head).toMatchObject({ status: 429, headers: { 'retry-after': expect.any(String) } })
    expect(seen[1]).toEqual(seen[0])
  })

  it('where its reading fails', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const client = await connect(server)
    await client.query('ALTER TABLE event RENAME TO event_away')
    onTestFinished(async () => {
      await client.query('ALTER TABLE event_away RENAME TO event')
      await client.end()
    })
    const params = { query: FOLLOW, variables: { after } }
    const all = await Promise.all(WAYS.map((way) => open(way, server.url, world.as.owner, params)))
    const [first, second] = await Promise.all(all.map(async ({ head, end }) => ({ head, ...(await end()) })))
    expect(first).toMatchObject({ frames: expect.stringContaining('INTERNAL_SERVER_ERROR'), failed: false })
    expect(second).toEqual(first)
  })
})
