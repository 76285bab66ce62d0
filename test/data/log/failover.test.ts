import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { post, run } from '../../support/api.ts'
import { newDataDir, sql } from '../../support/databases.ts'
import { connect, follow, insertEvents, readAll } from '../../support/events.ts'
import { commandDispatches, sendCommand } from '../../support/gateway.ts'
import { startServer } from '../../support/server.ts'
import { timelines } from '../../support/set-back.ts'
import { HISTORY } from '../../support/sockets.ts'
import { startStandby } from '../../support/standby.ts'
import { findTools, startCluster } from '../../support/tools.ts'
import type { Cluster } from '../../support/tools.ts'
import { makeWorld } from '../../support/world.ts'

const TOOLS = await findTools()
if (TOOLS === null) {
  console.warn('SKIPPED: no PostgreSQL server with its tools is installed: a failover to a standby is not tested')
}

const kill = async ({ folder }: Cluster) => {
  const [pid] = (await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGKILL')
}

// 5 are lost from the positions that the standby's sequence has skipped ahead to anyway; of 300 the positions come again.
it.skipIf(TOOLS === null).each([5, 300])(
  'a failover that loses the last %i events leaves no gap, and gives none of their ids again',
  { timeout: 60_000 },
  async (count) => {
    const primary = await startCluster(TOOLS ?? '')
    await sql(`${primary.url}/postgres`, 'CREATE DATABASE fleetshare')
    const dataDir = await newDataDir(null)
    const server = await startServer({ databaseUrl: `${primary.url}/fleetshare`, dataDir })
    onTestFinished(async () => {
      await server.close()
      await rm(dataDir, { recursive: true, force: true })
    })
    const world = await makeWorld(server)
    const { owner } = world.as
    const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    const standby = await startStandby(primary)
    const subscriber = await follow(server.url, owner)
    const dispatches = await commandDispatches(server.url, await server.token(null, 'gateway'))
    await run(server.url, owner, 'updateVehicle', { id: vehicle.vehicleId, name: 'kept' })
    await subscriber.events(1)
    await standby.caughtUp()
    await standby.stop()
    const kept = await readAll(server.url, owner)
    const writer = await connect(server)
    for (let n = 0; n < 5; n++) await insertEvents(writer, `lost ${n}`, vehicle, count / 5)
    await writer.end().catch(() => {})
    await subscriber.events(1 + count)
    const lost = (await readAll(server.url, owner)).slice(kept.length)
    expect(lost).toHaveLength(count)

    await kill(primary)
    await expect
      .poll(
        () =>
          standby.promote().then(
            () => true,
            () => false,
          ),
        { timeout: 20_000, interval: 200 },
      )
      .toBe(true)
    const later = await connect(server)
    onTestFinished(() => later.end())
    for (let n = 0; n < 10; n++) await insertEvents(later, `new ${n}`, vehicle, 60)

    const seen = await subscriber.events(1 + count + 600)
    expect(seen.slice(1, 1 + count).map(({ id }) => id)).toEqual(lost.map(({ id }) => id))
    const all = await readAll(server.url, owner)
    expect(all.slice(0, kept.length).map(({ id }) => id)).toEqual(kept.map(({ id }) => id))
    expect(seen.slice(1 + count).map(({ id }) => id)).toEqual(all.slice(kept.length).map(({ id }) => id))
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
    const command = (await sendCommand(server.url, owner, { vehicleId: vehicle.vehicleId, type: 'DRAW_ATTENTION' }))
      .command
    expect((await dispatches.received(1))[0].data.commandDispatches.commandId).toBe(command.id)

    const code = async (after: string | undefined) =>
      (await post(server.url, owner, HISTORY, { after })).errors?.[0]?.extensions.code ?? 'good'
    for (const event of [lost[0], lost.at(-1)]) expect(await code(event?.cursor)).toBe('CURSOR_EXPIRED')
    expect(await code(kept.at(-1)?.cursor)).toBe('good')
    expect(await timelines(server)).toBe(1)
    subscriber.stop()
    dispatches.stop()
  },
)
