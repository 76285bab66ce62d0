import { exportSPKI, importJWK, exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { post } from '../../support/api.ts'
import { newKey, startProvider, withUsual } from '../../support/provider.ts'
import type { SigningKey, TestProvider, TokenClaims } from '../../support/provider.ts'
import { connectWith } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { sendOver, TRANSPORTS } from '../../support/transports.ts'
import { at, iso, makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const VIEWER = '{ viewer { fleet { id } roles tokenExpiresAt } }'
const seconds = () => Math.floor(Date.now() / 1000)

let keys: Readonly<Record<'RS256' | 'ES256' | 'EdDSA', SigningKey>>
let provider: TestProvider
let server: TestServer
let world: World

/** A manager of the owner's, with what a test adds. */
const manager = (claims: TokenClaims = {}) => ({ fleet_id: world.owner, roles: ['manager'], ...claims })
const ask = (token: string | null) => post(server.url, token, VIEWER)

beforeAll(async () => {
  keys = {
    RS256: await newKey('RS256', 'rsa'),
    ES256: await newKey('ES256', 'ec'),
    EdDSA: await newKey('EdDSA', 'ed'),
  }
  // Not every provider says in its set which algorithm a key is for.
  const { alg: _alg, ...jwk } = keys.RS256.jwk
  provider = await startProvider({ ...keys.RS256, jwk }, keys.ES256, keys.EdDSA)
  server = await startServer({ env: provider.env })
  world = await makeWorld({
    ...server,
    token: (fleetId, roles, lifetime = 3600) =>
      keys.ES256.sign({ fleet_id: fleetId ?? undefined, roles, exp: seconds() + lifetime }),
  })
})
afterAll(async () => {
  await server.close()
  await provider.stop()
})

describe('a token that is trusted', () => {
  it.each(['RS256', 'ES256', 'EdDSA'] as const)('may be signed with %s', async (alg) => {
    const exp = seconds() + 60
    const { status, data } = await ask(await keys[alg].sign(manager({ exp })))
    expect(status).toBe(200)
    const viewer = { fleet: { id: world.owner }, roles: ['MANAGER'], tokenExpiresAt: iso(exp * 1000) }
    expect(data).toEqual({ viewer })
    expect(await connectWith(server.url, { Authorization: `Bearer ${await keys[alg].sign(manager())}` })).toBe(
      'connection_ack',
    )
  })

  it('may name several audiences', async () => {
    const token = await keys.ES256.sign(manager({ aud: ['another', provider.env['AUTH_AUDIENCE']] }))
    expect((await ask(token)).status).toBe(200)
  })

  it('may come with a scheme in any case', async () => {
    const token = await keys.ES256.sign(manager())
    const { status } = await post(server.url, null, VIEWER, {}, { authorization: `bEARER ${token}` })
    expect(status).toBe(200)
  })

  it('is refused for the operation, not for the token', async () => {
    const strangers = [
      manager({ fleet_id: 'NOSUCH' }),
      manager({ roles: ['manager', 'admin'] }),
      { roles: ['manager'] },
    ]
    for (const claims of strangers) {
      const { status, errors } = await ask(await keys.ES256.sign(claims))
      expect([status, errors?.[0]?.extensions.code]).toEqual([200, 'FORBIDDEN'])
    }
  })
})

describe('a token whose fleet is not registered', () => {
  it('is told so, and what to do, on every transport, until the fleet is registered', async () => {
    const token = await keys.ES256.sign(manager({ fleet_id: 'NEWCOMER' }))
    const refusal = {
      message:
        'The fleet of this token, "NEWCOMER", is not registered on this server. An ADMIN registers it with createFleet.',
      extensions: { code: 'FORBIDDEN' },
    }
    const follow = 'subscription { vehicleEvents { id } }'
    const operations = [
      ...TRANSPORTS.map((transport) => [transport, VIEWER] as const),
      ...(['SSE', 'WebSocket'] as const).map((transport) => [transport, follow] as const),
    ]
    for (const [transport, query] of operations) {
      const { data, errors } = await sendOver(transport)(server.url, token, { query })
      expect([transport, query, data, errors]).toEqual([transport, query, undefined, [refusal]])
    }
    await server.app.prisma.fleet.register('NEWCOMER', 'Newcomer')
    expect((await ask(token)).data).toMatchObject({ viewer: { fleet: { id: 'NEWCOMER' } } })
  })

  it('is not named where the claims contradict each other', async () => {
    const { errors } = await ask(await keys.ES256.sign(manager({ fleet_id: 'NEVER', roles: ['manager', 'admin'] })))
    expect(errors).toEqual([{ message: 'The token does not allow this.', extensions: { code: 'FORBIDDEN' } }])
  })
})

describe('a token that is not trusted', () => {
  const untrusted: Readonly<Record<string, () => Promise<string> | string>> = {
    'is not signed': () => new UnsecuredJWT(withUsual(manager())).encode(),
    'is signed with HS256 and the public key as its secret': async () =>
      new SignJWT(withUsual(manager()))
        .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
        .sign(new TextEncoder().encode(await exportSPKI(keys.RS256.publicKey))),
    'is not signed, and says so in another case': () => {
      const [, payload] = new UnsecuredJWT(withUsual(manager())).encode().split('.')
      return [Buffer.from('{"alg":"nOnE"}').toString('base64url'), payload, ''].join('.')
    },
    'is signed with HS256 and the public key as it stands in the key set': async () =>
      new SignJWT(withUsual(manager()))
        .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
        .sign(new TextEncoder().encode(JSON.stringify(keys.RS256.jwk))),
    "is signed with an algorithm that is not among the three, by the provider's own key": async () =>
      new SignJWT(withUsual(manager()))
        .setProtectedHeader({ alg: 'RS512', kid: 'rsa' })
        .sign(await importJWK(await exportJWK(keys.RS256.privateKey), 'RS512')),
    "is signed by a stranger under the provider's key id": async () => (await newKey('ES256', 'ec')).sign(manager()),
    'brings its own key': async () => {
      const own = await newKey('ES256', 'own')
      return own.sign(manager(), { jwk: own.jwk })
    },
    'was changed after it was signed': async () => {
      const [header, , signature] = (await keys.ES256.sign(manager())).split('.')
      const payload = Buffer.from(JSON.stringify(withUsual(manager({ roles: ['admin'] })))).toString('base64url')
      return [header, payload, signature].join('.')
    },
    'comes from another issuer': () => keys.ES256.sign(manager({ iss: 'https://elsewhere.example' })),
    'is for another audience': () => keys.ES256.sign(manager({ aud: 'elsewhere' })),
    'has no exp': () => keys.ES256.sign(manager({ exp: undefined })),
    'has no iss': () => keys.ES256.sign(manager({ iss: undefined })),
    'has no aud': () => keys.ES256.sign(manager({ aud: undefined })),
    'has an exp that is no number': () => keys.ES256.sign(manager({ exp: String(seconds() + 3600) })),
    'has an exp that is null': () => keys.ES256.sign(manager({ exp: null })),
    'has an iss that is a list': () => keys.ES256.sign(manager({ iss: [provider.env['AUTH_ISSUER']] })),
    'has an aud that is an object': () => keys.ES256.sign(manager({ aud: { a: provider.env['AUTH_AUDIENCE'] } })),
    'has an nbf that is no number': () => keys.ES256.sign(manager({ nbf: '0' })),
    'has an iat that is no number': () => keys.ES256.sign(manager({ iat: String(seconds()) })),
    'has a sub that is no text': () => keys.ES256.sign(manager({ sub: 7 })),
    'is not valid yet': () => keys.ES256.sign(manager({ nbf: seconds() + 600 })),
    'names an unknown key': async () => (await newKey('ES256', 'unknown')).sign(manager()),
    'is no token at all': () => 'not.a.token',
  }

  it.each(Object.keys(untrusted))('%s: 401, and 4401 on a socket', async (name) => {
    const token = (await untrusted[name]?.()) ?? ''
    const { status, headers, data, errors } = await ask(token)
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(4401)
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'Token abc', 'Bearer a b'])(
    'has to be a bearer token, not "%s"',
    async (authorization) => {
      const { status, headers, errors } = await post(server.url, null, VIEWER, {}, { authorization })
      expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
      expect(headers.get('www-authenticate')).toBe('Bearer')
    },
  )

  it('has to be there', async () => {
    const { status, headers, errors } = await ask(null)
    expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(headers.get('www-authenticate')).toBe('Bearer')
  })
})

describe('a token that has ended', () => {
  it('is 401 over HTTP, and 4403 on a socket, where a client may come back with a fresh one', async () => {
    const token = await keys.ES256.sign(manager({ exp: seconds() - 1 }))
    const { status, headers, errors } = await ask(token)
    expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(4403)
  })

  it.each([0, 0.25])('ended at its exp, without leeway, whole or with a fraction (%d)', async (fraction) => {
    const exp = seconds() + 3 + fraction
    const token = await keys.ES256.sign(manager({ exp }))
    expect((await ask(token)).data).toMatchObject({ viewer: { tokenExpiresAt: iso(exp * 1000) } })
    await at(exp * 1000)
    expect((await ask(token)).status).toBe(401)
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(4403)
  })

  it('ends in the year 9999 at the latest, as all that is written as a DateTime', async () => {
    const { data } = await ask(await keys.ES256.sign(manager({ exp: 1e15 })))
    expect(data.viewer.tokenExpiresAt).toBe('9999-12-31T23:59:59.999Z')
  })
})

describe('claims', () => {
  const FLEET = 'https://fleet.example/fleet'
  let mapped: TestServer
  beforeAll(async () => {
    const names = { AUTH_FLEET_CLAIM: FLEET, AUTH_ROLES_CLAIM: 'scope' }
    const { databaseUrl } = server.settings
    mapped = await startServer({ env: { ...provider.env, ...names }, databaseUrl: databaseUrl ?? '' })
  })
  afterAll(() => mapped.close())

  const askMapped = async (claims: TokenClaims) => {
    const token = await keys.EdDSA.sign(claims)
    return { token, ...(await post(mapped.url, token, VIEWER)) }
  }

  it.each<[string, unknown, readonly string[]]>([
    ['an array', ['viewer', 'operator'], ['VIEWER', 'OPERATOR']],
    ['an array in any case', ['Manager', 'VIEWER', 'oPERATOR'], ['MANAGER', 'VIEWER', 'OPERATOR']],
    ['one word', 'manager', ['MANAGER']],
    ['words between spaces', 'openid  Manager email viewer', ['MANAGER', 'VIEWER']],
    ['an array with roles of other systems', ['billing', 'operator', ''], ['OPERATOR']],
    ['an empty string', '', []],
    ['an empty array', [], []],
    ['null', null, []],
    ['absent', undefined, []],
  ])('carry the roles as %s', async (_what, scope, roles) => {
    const { status, data } = await askMapped({ [FLEET]: world.owner, scope })
    expect([status, data]).toMatchObject([200, { viewer: { fleet: { id: world.owner }, roles } }])
  })

  it('may leave the fleet out, or null, for roles without a fleet', async () => {
    for (const fleet of [undefined, null]) {
      const { data } = await askMapped({ [FLEET]: fleet, scope: 'admin' })
      expect(data).toMatchObject({ viewer: { fleet: null, roles: ['ADMIN'] } })
    }
  })

  it('are looked for under the names of the settings, and no others', async () => {
    const { errors } = await askMapped({ fleet_id: world.owner, roles: ['manager'] })
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  it.each<[string, TokenClaims]>([
    ['a fleet that is a number', { [FLEET]: 78, scope: 'manager' }],
    ['a fleet that is a list', { [FLEET]: ['78LMK'], scope: 'manager' }],
    ['a fleet that is an object', { [FLEET]: {}, scope: 'manager' }],
    ['a fleet that is false', { [FLEET]: false, scope: 'admin' }],
    ['roles that are a number', { [FLEET]: '78LMK', scope: 1 }],
    ['roles that are an object', { [FLEET]: '78LMK', scope: { manager: true } }],
    ['roles that are true', { [FLEET]: '78LMK', scope: true }],
    ['a role that is a number', { [FLEET]: '78LMK', scope: ['manager', 1] }],
    ['a role that is null', { [FLEET]: '78LMK', scope: [null] }],
  ])('make a token untrusted when they have a wrong type: %s', async (_what, claims) => {
    const { token, status, headers, errors } = await askMapped(claims)
    expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(headers.get('www-authenticate')).toBe('Bearer')
    expect(await connectWith(mapped.url, { Authorization: `Bearer ${token}` })).toBe(4401)
  })
})
