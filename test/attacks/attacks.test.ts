import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../support/api.ts'
import { startProduction } from '../support/production.ts'
import type { Production } from '../support/production.ts'
import { sendOver, TRANSPORTS } from '../support/transports.ts'
import { ATTACKS } from './corpus.ts'

let server: Production
let token: string
beforeAll(async () => {
  server = await startProduction()
  token = await server.token(server.owner, 'manager')
})
afterAll(() => server.close())

/** Words that only the inside knows, and those of helpful servers. */
const INSIDE =
  /prisma|postgres|sql|syntax error at|relation "|\bat \w+.*:\d+:\d+|\.ts\b|\.js\b|node_modules|Did you mean|stack/i
const LONG = 2_000

const refusals = ATTACKS.filter(({ outcome }) => outcome === 'refused')
const answers = ATTACKS.filter(({ outcome }) => outcome === 'answered')

describe.each(TRANSPORTS)('over %s', (transport) => {
  const send = async (params: (typeof ATTACKS)[number]['params']) => {
    const started = performance.now()
    const told = await sendOver(transport)(server.url, token, params)
    expect(performance.now() - started).toBeLessThan(LONG)
    const { data, errors, extensions, headers } = told
    expect(JSON.stringify({ data, errors, extensions })).not.toMatch(INSIDE)
    expect(extensions).toBeUndefined()
    expect(headers?.has('X-Injected') ?? false).toBe(false)
    return told
  }

  it.each(refusals)('$name is refused', async ({ params }) => {
    const { data, errors } = await send(params)
    expect(data ?? null).toBeNull()
    expect(errors?.length).toBeGreaterThan(0)
    expect(errors?.length).toBeLessThanOrEqual(5)
    for (const { extensions } of errors ?? []) expect(extensions).toEqual({ code: 'BAD_USER_INPUT' })
  })

  it.each(answers)('$name finds nothing', async ({ params }) => {
    const { data, errors } = await send(params)
    expect(errors).toBeUndefined()
    expect([{ vehicle: null }, { vehicles: { nodes: [] } }]).toContainEqual(data)
  })

  it('the server is as it was', async () => {
    expect(await ask(server.url, token, '{ viewer { fleet { id } } vehicles { nodes { id } } }')).toEqual({
      viewer: { fleet: { id: server.owner } },
      vehicles: { nodes: [] },
    })
  })
})
