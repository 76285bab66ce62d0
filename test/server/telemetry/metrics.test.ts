import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { VERSION } from '../../../src/version.ts'
import { ask, mutations, post, run } from '../../support/api.ts'
import { endOfLog, TRANSPORTS } from '../../support/events.ts'
import { sendCommand } from '../../support/gateway.ts'
import { freePort } from '../../support/ports.ts'
import { ROOT, tableOf } from '../../support/readme.ts'
import { DATABASE_KINDS, serverForAll, startServer } from '../../support/server.ts'
import { FOLLOW, subscribe, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const VIEWER = '{ viewer { roles } }'

/** The samples by name and labels, such as `fleetshare_errors_total{code="FORBIDDEN"}`. */
async function scrape(port: number): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, sample = '', value] = /^(\S+?(?:\{.*\})?) (\S+)$/.exec(line) ?? []
      return [sample, Number(value)]
    }),
  )
}

describe('metrics', async () => {
  const port = await freePort()
  const server = await serverForAll({ env: { METRICS_PORT: `${port}` } })
  const world = await makeWorld(server)

  /** By how much samples have grown by what is done. */
  async function growth(names: readonly string[], act: () => Promise<unknown>): Promise<number[]> {
    const before = await scrape(port)
    await act()
    const after = await scrape(port)
    return names.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0))
  }

  const operations = (transport: string, type: string, outcome = 'ok') =>
    `fleetshare_operations_total{transport="${transport}",type="${type}",outcome="${outcome}"}`
  const durations = (transport: string, type: string) =>
    `fleetshare_operation_duration_seconds_count{transport="${transport}",type="${type}"}`
  const errors = (code: string) => `fleetshare_errors_total{code="${code}"}`

  it('are on a port of their own, and nowhere else', async () => {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/graphql`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/metrics?format=prometheus`)).status).toBe(200)
    const names = [...(await scrape(port)).keys()].map((sample) => sample.split('{')[0])
    expect(names).toEqual(expect.arrayContaining(['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds']))
  })

  it('are exactly those of the page for operators', async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const served = Array.from(text.matchAll(/^# TYPE (fleetshare_\w+) (\w+)$/gm), ([, name, type]) => `${name} ${type}`)
    const table = tableOf(readFileSync(join(ROOT, 'docs/operate.md'), 'utf8'), 'metric')
    const named = table.flatMap(([names = '', type]) =>
      Array.from(names.matchAll(/`(\w+)`/g), ([, name]) => `${name} ${type}`),
    )
    expect(new Set(named)).toEqual(new Set(served))
  })

  it('say which build runs', async () => {
    const build = [...(await scrape(port)).keys()].filter((sample) => sample.startsWith('fleetshare_build_info'))
    expect(build).toEqual([`fleetshare_build_info{version="${VERSION}",node="${process.version}"}`])
  })

  it('count each query over HTTP once, whether it goes the short way or the long one', async () => {
    const names = [operations('http', 'query'), durations('http', 'query')]
    expect(
      await growth(names, async () => {
        for (let nth = 0; nth < 5; nth++) await ask(server.url, world.as.owner, VIEWER)
      }),
    ).toEqual([5, 5])
  })

  it('count each mutation over HTTP once, and its refusal', async () => {
    const refused = 'fleetshare_refusals_total{code="VEHICLE_NOT_FOUND"}'
    const names = [operations('http', 'mutation'), durations('http', 'mutation'), refused]
    const end = () => run(server.url, world.as.owner, 'endSharing', { vehicleId: 'NONE' })
    expect(
      await growth(names, async () => {
        for (let nth = 0; nth < 4; nth++) await end()
      }),
    ).toEqual([4, 4, 4])
  })

  it('count an operation with wrong variables as an error, and not as executed', async () => {
    const names = [operations('http', 'mutation', 'failed'), errors('BAD_USER_INPUT')]
    const wrong = () => post(server.url, world.as.owner, mutations.endSharing, { input: {} })
    expect(
      await growth(names, async () => {
        for (let nth = 0; nth < 3; nth++) await wrong()
      }),
    ).toEqual([0, 3])
  })

  it.each(TRANSPORTS)('count queries and mutations over %s', async (name, open) => {
    const transport = name === 'WebSocket' ? 'websocket' : 'sse'
    const names = [operations(transport, 'query'), operations(transport, 'mutation'), durations(transport, 'query')]
    expect(
      await growth(names, async () => {
        for (const query of [VIEWER, VIEWER]) await (await open(server.url, world.as.owner, query)).ended
        await (
          await open(server.url, world.as.owner, mutations.createVehicle, { input: {} })
        ).ended
      }),
    ).toEqual([2, 1, 2])
  })

  it('count refusals by code, once on each transport', async () => {
    const wrong = '{ nothing }'
    const { url } = server
    const refusals: readonly [string, () => Promise<unknown>][] = [
      ['UNAUTHENTICATED', () => post(url, null, VIEWER)],
      ['FORBIDDEN', () => post(url, world.as.admin, '{ vehicles { nodes { id } } }')],
      ['FORBIDDEN', async () => (await subscribe(url, world.as.admin, FOLLOW)).ended],
      ['FORBIDDEN', async () => (await subscribeSse(url, world.as.admin, FOLLOW)).ended],
      ['BAD_USER_INPUT', () => post(url, world.as.owner, wrong)],
      ['BAD_USER_INPUT', () => post(url, world.as.owner, '{')],
      ['BAD_USER_INPUT', async () => (await subscribe(url, world.as.owner, wrong)).ended],
      ['BAD_USER_INPUT', async () => (await subscribe(url, world.as.owner, '{')).ended],
      ['BAD_USER_INPUT', async () => (await subscribeSse(url, world.as.owner, wrong)).ended],
    ]
    for (const [code, act] of refusals) expect([code, await growth([errors(code)], act)]).toEqual([code, [1]])
  })

  it('count a query that fails, each time and on each transport', async () => {
    const failing = '{ vehicles(first: 101) { nodes { id } } }'
    const failed = (transport: string) => [operations(transport, 'query', 'failed'), errors('BAD_USER_INPUT')]
    expect(
      await growth(failed('http'), async () => {
        for (let nth = 0; nth < 4; nth++) await post(server.url, world.as.owner, failing)
      }),
    ).toEqual([4, 4])
    for (const [name, open] of TRANSPORTS) {
      const act = async () => (await open(server.url, world.as.owner, failing)).ended
      expect(await growth(failed(name === 'WebSocket' ? 'websocket' : 'sse'), act)).toEqual([1, 1])
    }
  })

  it.each(TRANSPORTS)('show the subscriptions over %s, and count deliveries', async (name, open) => {
    const transport = name === 'WebSocket' ? 'websocket' : 'sse'
    const connections = transport === 'sse' ? 'fleetshare_streams_open' : 'fleetshare_websockets_open'
    const gauges = ['fleetshare_subscriptions_open', connections]
    const names = [operations(transport, 'subscription'), `fleetshare_delivered_total{transport="${transport}"}`]
    await world.newVehicle()
    const after = await endOfLog(server.url, world.as.owner)
    const followers = await Promise.all(
      Array.from({ length: 3 }, () => open(server.url, world.as.owner, FOLLOW, { after })),
    )
    const before = await scrape(port)
    await Promise.all([world.newVehicle(), world.newVehicle(), ...followers.map(({ received }) => received(2))])
    const during = await scrape(port)
    expect(gauges.map((gauge) => during.get(gauge))).toEqual([3, 3])
    expect(names.map((of) => during.get(of))).toEqual([3, (before.get(names[1] ?? '') ?? 0) + 6])
    followers.forEach(({ stop }) => stop())
    await expect
      .poll(async () =>
        gauges.map(
          (
            (now) => (gauge: string) =>
              now.get(gauge)
          )(await scrape(port)),
        ),
      )
      .toEqual([0, 0])
  })

  it('count commits, by type', async () => {
    const names = ['VEHICLE_CHANGED', 'SHARING_STARTED', 'SHARING_ENDED', 'COMMAND_UPDATED'].map(
      (type) => `fleetshare_events_total{type="${type}"}`,
    )
    const commands = ['PENDING', 'CANCELLED_BY_HANDOVER'].map(
      (status) => `fleetshare_commands_total{status="${status}"}`,
    )
    expect(
      await growth([...names, ...commands], async () => {
        const vehicleId = await world.newVehicle({ supportedCommands: ['LOCK_CENTRAL_LOCK'] })
        await sendCommand(server.url, world.as.owner, { vehicleId, type: 'LOCK_CENTRAL_LOCK' })
        await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
        await run(server.url, world.as.partner, 'endSharing', { vehicleId })
      }),
    ).toEqual([1, 1, 1, 2, 1, 1])
  })

  it('show the pool', async () => {
    const samples = await scrape(port)
    const [inUse, idle, waiting] = ['in_use', 'idle', 'waiting'].map((what) => samples.get(`fleetshare_pool_${what}`))
    expect(inUse).toBeGreaterThanOrEqual(0)
    expect(idle).toBeGreaterThan(0)
    expect(waiting).toBe(0)
  })
})

it.each(DATABASE_KINDS)('of %s are there without anybody asking the database', async (database) => {
  const port = await freePort()
  const statements: string[] = []
  const onStatement = (text: string) => statements.push(text)
  const server = await startServer({ database, announce: false, env: { METRICS_PORT: `${port}` }, onStatement })
  statements.length = 0
  const samples = await scrape(port)
  expect(samples.get('fleetshare_log_behind')).toBe(0)
  expect(samples.has('fleetshare_pool_idle')).toBe(database === 'postgres')
  expect(statements).toEqual([])
  await server.close()
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow()
})
