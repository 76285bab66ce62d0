import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { post } from '../../support/api.ts'
import { newDataDir } from '../../support/databases.ts'
import { AUDIENCE, ISSUER, newKey, startProvider } from '../../support/provider.ts'
import type { SigningKey, TestProvider } from '../../support/provider.ts'
import { connectWith } from '../../support/raw.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { at } from '../../support/world.ts'
import { createAuthenticate } from '../../../src/server/auth/authenticate.ts'
import type { AuthenticationError } from '../../../src/server/auth/authenticate.ts'
import { developmentKeys, developmentToken, providerKeys } from '../../../src/server/auth/keys.ts'
import { readSettings } from '../../../src/settings.ts'

const VIEWER = '{ viewer { roles } }'
const ADMIN = { roles: ['admin'] }

let key: SigningKey
let next: SigningKey
beforeAll(async () => {
  key = await newKey('ES256', 'first')
  next = await newKey('ES256', 'next')
})

async function providerOf(...keys: readonly SigningKey[]): Promise<TestProvider> {
  const provider = await startProvider(...keys)
  onTestFinished(() => provider.stop())
  return provider
}

async function serverOf(provider: TestProvider): Promise<TestServer> {
  const server = await startServer({ env: provider.env })
  onTestFinished(() => server.close())
  return server
}

describe('the key set of a provider, as a server uses it', () => {
  it('is fetched once for all requests at the same time, and kept', async () => {
    const provider = await providerOf(key)
    const server = await serverOf(provider)
    expect(provider.requests()).toBe(0)
    const token = await key.sign(ADMIN)
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(server.url, token, VIEWER)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect((await post(server.url, token, VIEWER)).status).toBe(200)
    expect(provider.requests()).toBe(1)
  })

  it('is not fetched for each of a crowd of unknown key ids', async () => {
    const provider = await providerOf(key)
    const server = await serverOf(provider)
    await post(server.url, await key.sign(ADMIN), VIEWER)
    for (let round = 0; round < 3; round++) {
      const tokens = await Promise.all(
        Array.from({ length: 10 }, (_, nth) => key.sign(ADMIN, { kid: `${round}-${nth}` })),
      )
      const answers = await Promise.all(tokens.map((token) => post(server.url, token, VIEWER)))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    }
    expect(provider.requests()).toBeLessThanOrEqual(2)
    expect((await post(server.url, await key.sign(ADMIN), VIEWER)).status).toBe(200)
  })

  it('refuses all tokens before it was ever fetched, with 503, or 1013 on a socket', async () => {
    const provider = await providerOf(key)
    await provider.stop()
    const server = await serverOf(provider)
    const token = await key.sign(ADMIN)
    const { status, headers, errors } = await post(server.url, token, VIEWER)
    const failedAt = Date.now()
    expect([status, errors?.[0]?.extensions.code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
    expect(headers.get('www-authenticate')).toBeNull()
    expect(await connectWith(server.url, { Authorization: `Bearer ${token}` })).toBe(1013)
    // What needs no key is told at once.
    expect((await post(server.url, null, VIEWER)).status).toBe(401)
    await provider.restart()
    await at(failedAt + 1_100)
    expect((await post(server.url, token, VIEWER)).status).toBe(200)
  })

  it.each([
    { status: 500, body: 'no' },
    { status: 200, body: '<html>a login page</html>' },
    { status: 200, body: '{"error":"no"}' },
  ])('is not had from an answer such as $status $body', async (answer) => {
    const provider = await providerOf(key)
    provider.answer = answer
    const server = await serverOf(provider)
    const { status, errors } = await post(server.url, await key.sign(ADMIN), VIEWER)
    expect([status, errors?.[0]?.extensions.code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
  })

  it('goes on serving when the provider is down later', async () => {
    const provider = await providerOf(key)
    const server = await serverOf(provider)
    expect((await post(server.url, await key.sign(ADMIN), VIEWER)).status).toBe(200)
    await provider.stop()
    expect((await post(server.url, await key.sign(ADMIN), VIEWER)).status).toBe(200)
    expect((await post(server.url, await next.sign(ADMIN), VIEWER)).status).toBe(401)
  })
})

describe('the key set of a provider, as time goes by', () => {
  afterEach(() => vi.useRealTimers())

  /** Only what tells the time is false, and the timer of the refresh if asked for; sockets and their timers are real. */
  async function startKeys(provider: TestProvider, ...timers: readonly 'setInterval'[]) {
    vi.useFakeTimers({ toFake: ['Date', 'performance', ...timers] })
    const settings = readSettings(provider.env)
    const keys = providerKeys({ jwksUrl: new URL(provider.jwksUrl), issuer: ISSUER, audience: AUDIENCE }, settings)
    onTestFinished(keys.stop)
    const authenticate = createAuthenticate(keys.rules, {
      fleetExists: () => Promise.resolve(true),
      isRevoked: () => false,
    })
    const outcome = async (token: string) =>
      Promise.resolve(authenticate(`Bearer ${token}`)).then(
        ({ kind }) => kind,
        ({ reason }: AuthenticationError) => reason,
      )
    return { outcome, generation: keys.rules.generation }
  }

  it('has a new key after 30 s, with one fetch for any number of tokens that name it before', async () => {
    const provider = await providerOf(key)
    const { outcome } = await startKeys(provider)
    const [old, fresh] = [await key.sign(ADMIN), await next.sign(ADMIN)]
    expect(await outcome(old)).toBe('ADMIN')
    provider.keys = [next]
    for (let second = 0; second < 29; second++) {
      vi.advanceTimersByTime(1_000)
      expect(await outcome(fresh)).toBe('UNTRUSTED')
    }
    expect(provider.requests()).toBe(1)
    vi.advanceTimersByTime(1_000)
    expect(await Promise.all([outcome(fresh), outcome(fresh), outcome(fresh)])).toEqual(['ADMIN', 'ADMIN', 'ADMIN'])
    expect(provider.requests()).toBe(2)
    // The old key was taken out of the set, and with it the trust in what it signed.
    expect(await outcome(old)).toBe('UNTRUSTED')
  })

  it('is asked for again at most once in 30 s for a key that does not come', async () => {
    const provider = await providerOf(key)
    const { outcome } = await startKeys(provider)
    const stranger = await next.sign(ADMIN)
    expect(await outcome(await key.sign(ADMIN))).toBe('ADMIN')
    for (let second = 0; second < 120; second++) {
      vi.advanceTimersByTime(1_000)
      expect(await outcome(stranger)).toBe('UNTRUSTED')
    }
    expect(provider.requests()).toBe(1 + 4)
  })

  it('is fetched at most once in 30 s while the provider is down, and known keys go on serving', async () => {
    const provider = await providerOf(key)
    const { outcome } = await startKeys(provider)
    const [known, stranger] = [await key.sign(ADMIN), await next.sign(ADMIN)]
    expect(await outcome(known)).toBe('ADMIN')
    provider.answer = { status: 503, body: 'down' }
    for (let second = 0; second < 120; second++) {
      vi.advanceTimersByTime(1_000)
      expect(await outcome(stranger)).toBe('UNTRUSTED')
      expect(await outcome(known)).toBe('ADMIN')
    }
    expect(provider.requests()).toBe(1 + 4)
    provider.answer = null
    provider.keys = [key, next]
    vi.advanceTimersByTime(30_000)
    expect(await outcome(stranger)).toBe('ADMIN')
  })

  it('loses a key within a minute of its removal, also one that was fetched just before', async () => {
    const provider = await providerOf(key, next)
    const { outcome } = await startKeys(provider, 'setInterval')
    const [old, kept] = [await key.sign(ADMIN), await next.sign(ADMIN)]
    expect([await outcome(old), await outcome(kept)]).toEqual(['ADMIN', 'ADMIN'])
    const stranger = await newKey('ES256', 'unknown')
    // The least favourable moment: right behind a fetch that was made for an unknown key.
    await vi.advanceTimersByTimeAsync(31_000)
    expect(await outcome(await stranger.sign(ADMIN))).toBe('UNTRUSTED')
    expect(provider.requests()).toBe(2)
    provider.keys = [next]
    await vi.advanceTimersByTimeAsync(55_000)
    await expect.poll(() => outcome(old)).toBe('UNTRUSTED')
    expect(await outcome(kept)).toBe('ADMIN')
  })

  it('follows two rotations in a row', async () => {
    const last = await newKey('ES256', 'last')
    const provider = await providerOf(key)
    const { outcome } = await startKeys(provider, 'setInterval')
    const [first, second, third] = [await key.sign(ADMIN), await next.sign(ADMIN), await last.sign(ADMIN)]
    expect(await outcome(first)).toBe('ADMIN')
    await vi.advanceTimersByTimeAsync(30_000)
    provider.keys = [key, next]
    expect(await outcome(second)).toBe('ADMIN')
    provider.keys = [next, last]
    expect(await outcome(third)).toBe('UNTRUSTED')
    await vi.advanceTimersByTimeAsync(30_000)
    await expect.poll(() => outcome(third)).toBe('ADMIN')
    expect([await outcome(first), await outcome(second)]).toEqual(['UNTRUSTED', 'ADMIN'])
    provider.keys = [last]
    await vi.advanceTimersByTimeAsync(60_000)
    await expect.poll(() => outcome(second)).toBe('UNTRUSTED')
    expect(await outcome(third)).toBe('ADMIN')
  })

  it('has no token verified again while it stays the same', async () => {
    const provider = await providerOf(key)
    const { outcome, generation } = await startKeys(provider, 'setInterval')
    expect(await outcome(await key.sign(ADMIN))).toBe('ADMIN')
    await expect.poll(generation).toBe(2)
    for (const requests of [2, 3, 4]) {
      await vi.advanceTimersByTimeAsync(40_000)
      await expect.poll(provider.requests).toBe(requests)
    }
    provider.keys = [key, next]
    await vi.advanceTimersByTimeAsync(40_000)
    await expect.poll(generation).toBe(4)
  })
})

it('the key of the development issuer is waited for while another process writes it', async () => {
  const DATA_DIR = await newDataDir(null)
  onTestFinished(() => rm(DATA_DIR, { recursive: true, force: true }))
  const settings = readSettings({ DATA_DIR })
  await developmentToken(settings, null, ['admin'], 60)
  const file = join(settings.dataDir, 'development-key.json')
  const text = await readFile(file, 'utf8')
  await writeFile(file, '')
  const reading = developmentKeys(settings)
  reading.catch(() => {})
  // Reads that begin later end later.
  for (let nth = 0; nth < 5; nth++) expect(await readFile(file, 'utf8')).toBe('')
  await writeFile(file, text)
  expect(await reading).toMatchObject({ rules: { issuer: 'fleetshare-development' } })
})
