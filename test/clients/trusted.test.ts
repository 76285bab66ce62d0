import { readFile } from 'node:fs/promises'
import { gql } from '@apollo/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { post } from '../support/api.ts'
import { endOfLog } from '../support/events.ts'
import { startProduction } from '../support/production.ts'
import type { Production } from '../support/production.ts'
import { createApollo, known, lend, roster, stories } from './apollo.ts'
import { MANIFEST } from './generate.ts'
import { createUrql, steps, unlock, whyNot } from './urql.ts'

/** A server as its operator runs it, which trusts what the clients here were built with, and nothing else. */
let server: Production
let token: string
let partner: string
let [lent, unlocked] = ['', '']
let after: string | null
beforeAll(async () => {
  server = await startProduction({ env: { TRUSTED_DOCUMENTS: MANIFEST } }, async (world, open) => {
    ;[lent, unlocked] = [await world.newVehicle({ name: 'Zoe' }), await world.newVehicle({ name: 'Ada' })]
    partner = world.partner
    after = await endOfLog(open.url, world.as.owner)
  })
  token = await server.token(server.owner, ['MANAGER'])
})
afterAll(() => server?.close())

/** What was posted, as it was. */
let sent: { readonly query?: unknown; readonly extensions?: unknown }[]
beforeEach(() => {
  sent = []
  const send = globalThis.fetch
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    // The server is in this process, and asks its identity provider for the keys.
    if (typeof init?.body === 'string') sent.push(JSON.parse(init.body) as object)
    return send(input, init)
  })
  return () => spy.mockRestore()
})
const hashed = {
  extensions: { persistedQuery: { version: 1, sha256Hash: expect.stringMatching(/^sha256:/) as unknown } },
}

function expectOnlyHashes(count: number) {
  expect(sent).toHaveLength(count)
  for (const body of sent) {
    expect(body).toMatchObject(hashed)
    expect(body.query ?? '').toBe('')
  }
}

describe('a server that trusts the manifest of the client preset', () => {
  it('serves Apollo Client by hashes alone: lists, a mutation, the cache, and a subscription over WebSocket', async () => {
    const { client, close } = createApollo(server.url, () => token, { byHash: true })
    const story = Promise.withResolvers<string>()
    const following = stories(client, after, story.resolve)
    expect((await roster(client)).toSorted()).toEqual(['Ada: at home', 'Zoe: at home'])
    expect(await lend(client, lent, partner)).toMatchObject({ endsAt: null })
    expect(known(client, lent)).toMatchObject({ name: 'Zoe', sharing: { partner: { name: 'Partner' } } })
    expect(await story.promise).toBe('sharing goes on')
    await expect(lend(client, lent, partner)).rejects.toMatchObject({ code: 'ALREADY_SHARED' })
    expectOnlyHashes(3)
    following.unsubscribe()
    await close()
  })

  it('serves urql by hashes alone: a query, a refusal, and a subscription over server-sent events', async () => {
    const client = createUrql(server.url, () => token, { byHash: true })
    expect(await whyNot(client, unlocked)).toBe(null)
    const step = Promise.withResolvers<readonly [string, string]>()
    const following = steps(client, unlocked, after, (...told) => step.resolve(told))
    const { id } = await unlock(client, unlocked)
    expect(await step.promise).toEqual([id, 'PENDING'])
    const looker = createUrql(server.url, () => server.token(server.owner, ['VIEWER']), { byHash: true })
    await expect(unlock(looker, unlocked)).rejects.toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
    expectOnlyHashes(4)
    following.unsubscribe()
  })

  it('refuses the same clients when they send texts, and all other documents', async () => {
    const apollo = createApollo(server.url, () => token)
    const untrusted = { errors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }] }
    await expect(roster(apollo.client)).rejects.toMatchObject(untrusted)
    await expect(apollo.client.query({ query: gql('{ viewer { roles } }') })).rejects.toMatchObject(untrusted)
    await apollo.close()
    await expect(
      whyNot(
        createUrql(server.url, () => token),
        unlocked,
      ),
    ).rejects.toMatchObject({
      graphQLErrors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }],
    })
    expect(sent.every(({ query }) => typeof query === 'string' && query !== '')).toBe(true)
  })

  it('admits each document of the manifest by its text, and none that is cut out of one', async () => {
    const manifest = Object.values(JSON.parse(await readFile(MANIFEST, 'utf8')) as Record<string, string>)
    expect(manifest).toHaveLength(6)
    for (const text of manifest.filter((text) => !text.startsWith('subscription'))) {
      // Without its variables it is one that is known, and wrong.
      const { errors = [] } = await post(server.url, token, text)
      expect(errors.map(({ extensions }) => extensions.code)).not.toContain('DOCUMENT_NOT_TRUSTED')
      const cut = await post(server.url, token, text.replace('__typename ', ''))
      expect(cut.errors?.map(({ extensions }) => extensions.code)).toEqual(['DOCUMENT_NOT_TRUSTED'])
    }
  })
})
