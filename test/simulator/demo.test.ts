import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { developmentToken } from '../../src/server/auth/keys.ts'
import { readSettings } from '../../src/settings.ts'
import { simulate } from '../../src/simulator/simulation.ts'
import { connectGateway } from '../../src/simulator/gateway.ts'
import { ask, post } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { isRunning, startNode } from '../support/process.ts'
import { freePort } from '../support/ports.ts'
import { startServer } from '../support/server.ts'
import { FOLLOW, subscribe } from '../support/sockets.ts'

const STATES = `query ($ids: [ID!]) { vehicles(filter: { ids: $ids }) { nodes { id state {
  position { latitude longitude } speedKmh { value } energyPercent { value } centralLock { value } ignition { value } } } } }`
const SIMULATED = { speedKmh: {}, energyPercent: {}, centralLock: {}, ignition: {}, position: {} }

/** The time between two reports of a simulated vehicle in these tests, in milliseconds. */
const EVERY_MS = 100

describe('the simulator against a server', () => {
  it('gives every vehicle a state and every command an outcome, although reports are repeated or late', async () => {
    const server = await startServer()
    onTestFinished(() => server.close())
    const world = await makeControlWorld(server)
    const { url } = server
    const ids = await Promise.all(Array.from({ length: 8 }, () => world.newVehicle()))
    const faults = { repeated: 0.3, late: 0.3, failed: 0.2, lost: 0 }
    const simulation = simulate(ids, 7, 'test', faults)
    const executing: Promise<void>[] = []
    const gateway = connectGateway(url, world.gateway, ids, (dispatch) =>
      executing.push(simulation.execute(gateway, dispatch)),
    )
    onTestFinished(() => gateway.close())

    const sent: { id: string; vehicleId: string }[] = []
    let recorded = 0
    for (let tick = 0; tick < 20; tick++) {
      recorded += await simulation.tick(gateway, 30)
      if (tick < 8) sent.push(await world.send(ids[tick] ?? ''))
      await sleep(EVERY_MS)
    }
    const nodes = (await ask(url, world.as.owner, STATES, { ids })).vehicles.nodes
    expect(nodes).toHaveLength(ids.length)
    for (const { state } of nodes) expect(state).toMatchObject(mapValues(SIMULATED))

    const isOpen = { id: { in: sent.map(({ id }) => id) }, status: { in: ['PENDING', 'DISPATCHED'] } }
    const { prisma } = server.app
    while ((await prisma.command.count({ where: isOpen })) > 0) await sleep(50)
    await Promise.all(executing)
    for (const { id, vehicleId } of sent) {
      const [, dispatched, final] = storyOf(await world.log(vehicleId), id)
      expect([dispatched, ['SUCCEEDED', 'FAILED'].includes(final ?? '')]).toEqual(['DISPATCHED', true])
    }
    // Each message is in the log once, even if it was sent twice.
    recorded += await simulation.tick(gateway, 1)
    const inLog = await prisma.event.count({ where: { type: 'STATE_RECORDED' } })
    expect(inLog).toBe(recorded)
    expect(inLog).toBe(await prisma.event.count({ where: { messageId: { not: null } } }))
  })

  it('reconnects by itself when the server restarts, and receives each command once', async () => {
    const server = await startServer()
    onTestFinished(() => server.close())
    const world = await makeControlWorld(server)
    const vehicleId = await world.newVehicle()
    const given: string[] = []
    const gateway = connectGateway(server.url, world.gateway, [vehicleId], ({ commandId }) => given.push(commandId))
    const first = await world.send(vehicleId, { timeoutSeconds: 300 })
    while (given.length < 1) await sleep(20)
    await server.app.close()
    const { databaseUrl, dataDir } = server.settings
    const env = { PORT: new URL(server.url).port }
    const again = await startServer({ databaseUrl: databaseUrl ?? '', dataDir, env })
    onTestFinished(() => again.close())
    onTestFinished(() => gateway.close())
    const second = await world.send(vehicleId, { timeoutSeconds: 300 })
    while (given.length < 2) await sleep(20)
    expect(given).toEqual([first.id, second.id])
  })

  it("fails with the server's reason when it is refused", async () => {
    const server = await startServer()
    onTestFinished(() => server.close())
    const world = await makeControlWorld(server)
    const gateway = connectGateway(server.url, world.as.owner, [], () => {})
    onTestFinished(() => gateway.close())
    await expect(
      gateway.report([{ vehicleId: 'A', messageId: 'm', occurredAt: new Date().toISOString() }]),
    ).rejects.toThrow('The token does not allow this.')
    const allowed = connectGateway(server.url, world.gateway, [], () => {})
    onTestFinished(() => allowed.close())
    await expect(allowed.report([])).rejects.toThrow('INVALID_INPUT')
  })
})

const mapValues = (names: object) =>
  Object.fromEntries(Object.keys(names).map((name) => [name, expect.anything() as unknown]))

describe('the demo', () => {
  it('starts a server and a simulated fleet, and ends both on SIGTERM', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-demo-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const env = { PORT: String(await freePort()), DATA_DIR: folder }
    const demo = startNode('src/cli/demo.ts', env)
    await demo.line(/^simulator: \d+ vehicles report/)
    const url = `http://127.0.0.1:${env.PORT}`
    const settings = readSettings(env)
    const token = await developmentToken(settings, '78LMK', ['manager'], 600)
    const stream = await subscribe(url, token, FOLLOW, { filter: { vehicleIds: ['FK852'], types: ['STATE_RECORDED'] } })
    await stream.received(1)
    stream.stop()
    const { vehicle } = await ask(url, token, '{ vehicle(id: "FK852") { state { position { latitude longitude } } } }')
    expect(vehicle.state.position).toEqual({ latitude: expect.closeTo(53.55, 0), longitude: expect.closeTo(10, 0) })

    // A command sent as from the playground reaches the simulated vehicle.
    const send = `mutation { sendCommand(input: { vehicleId: "FK852", type: DRAW_ATTENTION }) {
      ... on SendCommandSuccess { command { id } } } }`
    const { id } = (await ask(url, token, send)).sendCommand.command
    const status = async () =>
      (await ask(url, token, 'query ($id: ID!) { command(id: $id) { status } }', { id })).command.status
    while ((await status()) === 'PENDING') await sleep(50)
    expect(['DISPATCHED', 'SUCCEEDED', 'FAILED']).toContain(await status())

    demo.child.kill('SIGTERM')
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    expect(isRunning(demo)).toBe(false)
    await expect(post(url, token, '{ viewer { roles } }')).rejects.toThrow()
    expect(demo.complaints).toEqual([])
  })

  it('does not start with the settings of an identity provider', async () => {
    const provider = {
      AUTH_JWKS_URL: 'https://id.example/jwks',
      AUTH_ISSUER: 'https://id.example',
      AUTH_AUDIENCE: 'fleet',
    }
    const demo = startNode('src/cli/demo.ts', provider)
    expect(await demo.ended).toEqual({ code: 1, signal: null })
    expect(demo.complaints.join()).toContain('AUTH_*')
  })

  it('ends when its server cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    onTestFinished(() => void taken.close())
    const folder = await mkdtemp(join(tmpdir(), 'fleetshare-demo-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const { port } = taken.address() as AddressInfo
    const demo = startNode('src/cli/demo.ts', { PORT: String(port), DATA_DIR: folder })
    expect((await demo.ended).code).toBe(1)
    expect(isRunning(demo)).toBe(false)
  })
})
