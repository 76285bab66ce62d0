import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../../support/api.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { endOfLog } from '../../support/events.ts'
import { FOLLOW, subscribe } from '../../support/sockets.ts'

const AUDIENCE = 'https://api.fleet.example'
const SECRET = 'a secret of the test'
const VIEWER = '{ viewer { fleet { id } roles } }'

/** The applications that the provider knows, and what it says of each in its access tokens. */
const CLAIMS: Readonly<Record<string, Record<string, string | string[]>>> = {
  admin: { roles: ['admin'] },
  manager: { fleet_id: 'OIDC1', roles: ['manager'] },
  viewer: { fleet_id: 'OIDC1', roles: 'openid Viewer' },
}

/** An OpenID provider whose applications ask for access tokens in their own name. */
async function startProvider(alg: 'RS256' | 'ES256') {
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const provider = new Provider(issuer, {
    clients: Object.keys(CLAIMS).map((client_id) => ({
      client_id,
      client_secret: SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      // The provider's own tokens for its clients; the access tokens are the resource server's.
      id_token_signed_response_alg: alg,
    })),
    ttl: { ClientCredentials: 600 },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `key-${alg}` }] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg } },
        }),
      },
    },
    extraTokenClaims: (_context, { clientId }) => CLAIMS[clientId ?? ''],
  })
  const handle = provider.callback()
  server.on('request', (request, response) => void handle(request, response))
  const discover = await fetch(`${issuer}/.well-known/openid-configuration`)
  const { token_endpoint, jwks_uri } = (await discover.json()) as { token_endpoint: string; jwks_uri: string }
  return {
    env: { AUTH_JWKS_URL: jwks_uri, AUTH_ISSUER: issuer, AUTH_AUDIENCE: AUDIENCE },
    /** The client credentials grant (RFC 6749, 4.4), for this API as its resource (RFC 8707). */
    tokenOf: async (clientId: keyof typeof CLAIMS): Promise<string> => {
      const response = await fetch(token_endpoint, {
        method: 'POST',
        headers: {
          Authorization: `Basic ${Buffer.from(`${clientId}:${encodeURIComponent(SECRET)}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE }),
      })
      const { access_token, ...rest } = (await response.json()) as { access_token?: string }
      if (access_token === undefined) throw new Error(`no token: ${JSON.stringify(rest)}`)
      return access_token
    },
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

describe.each(['RS256', 'ES256'] as const)('an OpenID provider that signs with %s', (alg) => {
  let provider: Awaited<ReturnType<typeof startProvider>>
  let server: TestServer
  beforeAll(async () => {
    provider = await startProvider(alg)
    server = await startServer({ env: provider.env })
    const created = await run(server.url, await provider.tokenOf('admin'), 'createFleet', {
      id: 'OIDC1',
      name: 'Fleet',
    })
    expect(created).toMatchObject({ fleet: { id: 'OIDC1' } })
  })
  afterAll(async () => {
    await server.close()
    await provider.stop()
  })

  it('gives tokens that say whom they speak for, over HTTP', async () => {
    expect(await ask(server.url, await provider.tokenOf('manager'), VIEWER)).toEqual({
      viewer: { fleet: { id: 'OIDC1' }, roles: ['MANAGER'] },
    })
    expect(await ask(server.url, await provider.tokenOf('viewer'), VIEWER)).toEqual({
      viewer: { fleet: { id: 'OIDC1' }, roles: ['VIEWER'] },
    })
  })

  it('gives tokens that let clients of graphql-ws ask and follow', async () => {
    const token = await provider.tokenOf('manager')
    const query = await subscribe(server.url, token, VIEWER)
    expect(await query.received(1)).toEqual([{ data: { viewer: { fleet: { id: 'OIDC1' }, roles: ['MANAGER'] } } }])
    // From a place that is known: without one it may begin after what happens next.
    await run(server.url, token, 'createVehicle', {})
    const after = await endOfLog(server.url, token)
    const follow = await subscribe(server.url, token, FOLLOW, { after })
    const { vehicle } = await run(server.url, token, 'createVehicle', {})
    const [event] = await follow.received(1)
    expect(event).toMatchObject({ data: { vehicleEvents: { type: 'VEHICLE_CHANGED', vehicleId: vehicle.id } } })
    follow.stop()
  })

  it('is the only one: a token of the development issuer is not trusted beside it', async () => {
    const { status, errors } = await post(server.url, await server.token('OIDC1', 'manager'), VIEWER)
    expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
  })
})
