import { Agent, request } from 'node:http'
import { expect, inject, it, onTestFinished } from 'vitest'
import { post } from './support/api.ts'
import { newPostgresDatabase } from './support/databases.ts'
import { DOCUMENTED, NGINX, startNginx } from './support/nginx.ts'
import { freePair } from './support/ports.ts'
import { startNode } from './support/process.ts'
import type { Program } from './support/process.ts'
import { newKey, startProvider } from './support/provider.ts'

if (NGINX === null) console.warn('SKIPPED: nginx is not installed: that a roll-out loses no request is not tested')

/** Requests per second, and the time between two batches of them. */
const RATE = 1_000
const BATCH_MS = 10

type Load = { readonly stop: () => Promise<{ readonly answered: number; readonly failures: readonly string[] }> }

/** Keeps a rate, however fast the answers come. Every tenth request is a mutation. */
function load(url: string, token: string): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 100 })
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
  const query = JSON.stringify({ query: '{ viewer { roles } }' })
  const mutation = JSON.stringify({
    query: 'mutation { createVehicle(input: {}) { ... on CreateVehicleSuccess { vehicle { id } } } }',
  })
  const failures: string[] = []
  let answered = 0
  const ask = (body: string) =>
    new Promise<void>((resolve) => {
      const fail = (reason: string) => resolve(void failures.push(reason))
      const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
        let text = ''
        response.on('data', (part: Buffer) => (text += part.toString()))
        response.on('error', ({ message }) => fail(message))
        response.on('end', () => {
          if (response.statusCode !== 200 || text.includes('"errors"')) return fail(`${response.statusCode} ${text}`)
          answered++
          resolve()
        })
      })
      sent.on('error', ({ message }) => fail(message))
      sent.end(body)
    })
  const asked: Promise<void>[] = []
  const began = performance.now()
  const timer = setInterval(() => {
    const due = ((performance.now() - began) * RATE) / 1000
    while (asked.length < due) asked.push(ask(asked.length % 10 === 0 ? mutation : query))
  }, BATCH_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(asked)
      agent.destroy()
      return { answered, failures }
    },
  }
}

it.skipIf(NGINX === null)(
  'two instances behind nginx, restarted in turn, leave no request without its answer',
  async () => {
    const key = await newKey('ES256', 'key')
    const provider = await startProvider(key)
    onTestFinished(() => provider.stop())
    const port = await freePair()
    const urls = [port, port + 1].map((own) => `http://127.0.0.1:${own}`)
    const env = {
      ...provider.env,
      NODE_ENV: 'production',
      DATABASE_URL: await newPostgresDatabase(inject('postgresUrl')),
      SHUTDOWN_DELAY_SECONDS: '2',
    }
    const start = async (url: string): Promise<Program> => {
      const program = startNode('src/main.ts', { ...env, PORT: new URL(url).port })
      await program.line(/FleetShare listens on/)
      return program
    }
    const programs = await Promise.all(urls.map(start))
    const admin = await key.sign({ roles: ['admin'] })
    await post(
      urls[0] ?? '',
      admin,
      'mutation { createFleet(input: { id: "NW4LS", name: "NewWheels" }) { __typename } }',
    )

    const url = await startNginx(urls, DOCUMENTED)
    const token = await key.sign({ fleet_id: 'NW4LS', roles: ['manager'] })
    const { stop } = load(url, token)
    for (const [nth, program] of programs.entries()) {
      const own = urls[nth] ?? ''
      program.child.kill('SIGTERM')
      await program.line(/\/ready answers 503/)
      expect((await fetch(`${own}/ready`)).status).toBe(503)
      expect((await post(own, token, '{ viewer { roles } }')).status).toBe(200)
      expect(await program.ended).toEqual({ code: 0, signal: null })
      await start(own)
    }
    const { answered, failures } = await stop()
    expect(failures).toEqual([])
    expect(answered).toBeGreaterThan(1_000)
  },
)
