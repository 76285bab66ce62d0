import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../../support/api.ts'
import { serverForAll, startSecond } from '../../support/server.ts'
import { sign } from '../../support/signing.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll({ env: { SOCKETS_PER_TOKEN: '1' } })
const world = await makeWorld(server)
const query = 'subscription { vehicleEvents { id } }'

/** Clients that do not name server-sent events, and get them all the same. */
const WAYS: readonly [method: string, accept: string][] = [
  ['POST', '*/*'],
  ['POST', 'text/*'],
  ['POST', 'application/json, */*;q=0.5'],
  ['GET', '*/*'],
]

async function open(url: string, token: string, method: string, accept: string) {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const isPost = method === 'POST'
  const target = isPost ? '/graphql' : `/graphql?query=${encodeURIComponent(query)}`
  const headers = {
    Accept: accept,
    Authorization: `Bearer ${token}`,
    ...(isPost && { 'Content-Type': 'application/json' }),
  }
  const body = isPost ? JSON.stringify({ query }) : null
  return { stop, response: await fetch(url + target, { method, headers, body, signal: stop.signal }) }
}

let made = 0
const newToken = async () =>
  sign(server, {
    fleet_id: world.owner,
    roles: ['VIEWER'],
    iat: Math.floor(Date.now() / 1000),
    sub: `reader ${++made}`,
  })

/** Resolves with the text once the stream is over: cut, unless it says that it is complete. */
async function textOf(response: Response): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  } catch {
    return `${text}cut`
  }
  return text
}

it.each(WAYS)('a %s that accepts %s is counted among the streams of its token', async (method, accept) => {
  const token = await newToken()
  const { response, stop } = await open(server.url, token, method, accept)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(response.headers.get('x-accel-buffering')).toBe('no')
  const refused = await open(server.url, token, method, accept)
  expect(refused.response.status).toBe(429)
  expect(await refused.response.text()).toContain('BAD_USER_INPUT')
  stop.abort()
  while ((await open(server.url, token, method, accept)).response.status !== 200);
})

it.each(WAYS)('a %s that accepts %s is cut off when its token is revoked', async (method, accept) => {
  const { response } = await open(server.url, await newToken(), method, accept)
  const input = { fleetId: world.owner, subject: `reader ${made}` }
  const revoke = 'mutation ($input: RevokeTokensInput!) { revokeTokens(input: $input) { __typename } }'
  expect(await ask(server.url, world.as.admin, revoke, { input })).toMatchObject({
    revokeTokens: { __typename: 'RevokeTokensSuccess' },
  })
  expect(await textOf(response)).toMatch(/cut$/)
})

it.each(WAYS)('a %s that accepts %s is cut off when the server stops', async (method, accept) => {
  const second = await startSecond(server)
  const { response } = await open(second.url, await newToken(), method, accept)
  const started = Date.now()
  await second.close()
  expect(await textOf(response)).toMatch(/cut$/)
  // Streams that are not known as such would be waited for like any request.
  expect(Date.now() - started).toBeLessThan(7_000)
})
