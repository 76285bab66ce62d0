import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { claimAt } from '../../../src/server/auth/claims.ts'
import { post } from '../../support/api.ts'
import { newKey, startProvider } from '../../support/provider.ts'
import { connectWith } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'

const VIEWER = '{ viewer { roles fleet { id } } }'
const NAMED = 'https://fleet.example/roles'

describe('a claim', () => {
  it.each<[string, object, string, unknown]>([
    ['by its name', { roles: ['a'] }, 'roles', ['a']],
    ['by its path', { realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
    ['by a long path', { a: { b: { c: { d: 1 } } } }, 'a.b.c.d', 1],
    ['by a name with dots', { [NAMED]: ['a'] }, NAMED, ['a']],
    ['by a name with dots before a path', { 'a.b': 1, a: { b: 2 } }, 'a.b', 1],
    ['within a claim whose name has dots', { x: { 'my.app': { roles: 1 } } }, 'x.my.app.roles', 1],
    ['by the longest name that leads there', { 'a.b': { c: 1 }, a: { 'b.c': 2 } }, 'a.b.c', 1],
    ['by another path where the longest ends', { 'a.b': { x: 1 }, a: { 'b.c': 2 } }, 'a.b.c', 2],
    ['that is null', { 'a.b': null, a: { b: 2 } }, 'a.b', null],
    ['that is not there', { realm_access: {} }, 'realm_access.roles', undefined],
    ['below a text', { realm_access: 'roles' }, 'realm_access.roles', undefined],
    ['below null', { realm_access: null }, 'realm_access.roles', undefined],
    ['below nothing', {}, 'realm_access.roles', undefined],
    ['that every object has', {}, 'constructor', undefined],
    ['that every object has, by a path', { a: {} }, 'a.constructor.name', undefined],
    ['of a prototype', {}, '__proto__.toString', undefined],
    ['with a dot in front', { a: 1 }, '.a', undefined],
    ['with a dot at its end', { a: 1 }, 'a.', undefined],
    ['with nothing between two dots', { a: { b: 1 } }, 'a..b', undefined],
  ])('is found %s', (_how, claims, path, found) => {
    expect(claimAt(claims, path)).toEqual(found)
  })
})

describe('a server', () => {
  async function start(env: Readonly<Record<string, string>>, level: 'debug' | 'error' = 'error') {
    const lines: { readonly msg: string; readonly [name: string]: unknown }[] = []
    const log = pino({ level }, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) })
    const key = await newKey('ES256', 'key')
    const provider = await startProvider(key)
    onTestFinished(() => provider.stop())
    const server = await startServer({ env: { ...provider.env, ...env }, log })
    onTestFinished(() => server.close())
    const ask = async (claims: Readonly<Record<string, unknown>>) =>
      post(server.url, await key.sign(claims), VIEWER).then(({ status, data, errors }) => ({ status, data, errors }))
    return { server, provider, key, ask, lines }
  }
  const admin = { status: 200, data: { viewer: { roles: ['ADMIN'], fleet: null } } }

  it('finds roles and fleet where Keycloak has them', async () => {
    const { ask, server, key } = await start({
      AUTH_ROLES_CLAIM: 'realm_access.roles',
      AUTH_FLEET_CLAIM: 'organization.fleet',
    })
    const roles = ['offline_access', 'Admin', 'uma_authorization']
    expect(await ask({ realm_access: { roles } })).toMatchObject(admin)
    const token = await key.sign({ realm_access: { roles } })
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe('connection_ack')
    // A fleet beside the role of a platform contradicts it, so it was found.
    const contradictory = await ask({ realm_access: { roles }, organization: { fleet: 'X' } })
    expect(contradictory.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    expect(await ask({ realm_access: { roles: { admin: true } } })).toMatchObject({ status: 401 })
    expect(await ask({ realm_access: { roles: 'openid admin' } })).toMatchObject(admin)
  })

  it('finds roles under a name with dots', async () => {
    const { ask } = await start({ AUTH_ROLES_CLAIM: NAMED })
    expect(await ask({ [NAMED]: ['admin'] })).toMatchObject(admin)
  })

  it('logs at debug the claim that it did not find in a trusted token', async () => {
    const { ask, lines } = await start({ AUTH_ROLES_CLAIM: 'realm_access.roles' }, 'debug')
    const said = () => lines.filter(({ msg }) => msg === 'a token that is trusted has no known role')
    const known = ['VIEWER', 'OPERATOR', 'MANAGER', 'ADMIN', 'GATEWAY']
    await ask({ roles: ['admin'] })
    expect(said()).toMatchObject([
      { claim: 'realm_access.roles', found: null, known: expect.arrayContaining(known) as unknown },
    ])
    await ask({ realm_access: { roles: ['fleet-admin', 'x'.repeat(1_000)] } })
    expect(said()[1]).toMatchObject({ found: ['fleet-admin', 'x'.repeat(100)] })
    await ask({ realm_access: { roles: ['admin'] } })
    expect(said()).toHaveLength(2)
  })

  it('says that the keys of its provider are out of reach, sparingly', async () => {
    const { provider, ask, lines } = await start({})
    await provider.stop()
    for (let time = 0; time < 5; time++) expect(await ask({ roles: ['admin'] })).toMatchObject({ status: 503 })
    expect(lines).toMatchObject([
      { level: 50, msg: expect.stringContaining("identity provider's keys from 127.0.0.1:") as string },
    ])
  })

  it('says so of a provider that answers something else', async () => {
    const { provider, ask, lines } = await start({})
    provider.answer = { status: 500, body: 'broken' }
    expect(await ask({ roles: ['admin'] })).toMatchObject({ status: 503 })
    expect(lines).toHaveLength(1)
  })

  it('believes a token up to 5 s before its nbf, and no token after its exp', async () => {
    const { ask } = await start({})
    const now = () => Math.floor(Date.now() / 1000)
    expect(await ask({ roles: ['admin'], nbf: now() + 4 })).toMatchObject(admin)
    expect(await ask({ roles: ['admin'], nbf: now() + 60 })).toMatchObject({ status: 401 })
    expect(await ask({ roles: ['admin'], exp: now() - 1 })).toMatchObject({ status: 401 })
    expect(await ask({ roles: ['admin'], exp: Date.now() / 1000 - 0.001 })).toMatchObject({ status: 401 })
    const expired = await ask({ roles: ['admin'], exp: now() - 3, fleet_id: 7 })
    expect(expired.errors?.[0]?.message).toBe('The access token has expired.')
  })
})
