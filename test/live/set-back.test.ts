import { pino } from 'pino'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { post, run } from '../support/api.ts'
import { follow, readAll, TRANSPORTS } from '../support/events.ts'
import type { SeenEvent } from '../support/events.ts'
import { commandDispatches, sendCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll, startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { anew, lastPosition, setBack, timelines } from '../support/set-back.ts'
import { FOLLOW, HISTORY } from '../support/sockets.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const LOST = 50

const cursorsOf = (events: readonly SeenEvent[]) => events.map(({ cursor }) => cursor)
const requestsOf = (events: readonly SeenEvent[]) => events.map(({ requestId }) => requestId)

/** How the history and both transports answer a cursor: 'good', or codes. For a good one there is an event behind it. */
async function answers({ url }: TestServer, token: string, after: string): Promise<string[]> {
  const history = await post(url, token, HISTORY, { after })
  const codes: string[] = [history.errors?.[0]?.extensions.code ?? 'good']
  for (const [, open] of TRANSPORTS) {
    const { received, ended, stop } = await open(url, token, FOLLOW, { after })
    const outcome = await received(1).then(
      ([result]) => (result.errors?.[0].extensions.code as string | undefined) ?? 'good',
      async () => ((await ended) as readonly { extensions: { code: string } }[])[0]?.extensions.code ?? 'nothing',
    )
    codes.push(outcome)
    stop()
  }
  return [...new Set(codes)]
}

const change = async (server: TestServer, world: World, id: string, times: number) => {
  for (let n = 0; n < times; n++) await run(server.url, world.as.owner, 'updateVehicle', { id, name: `${n}` })
}

describe.each(DATABASE_KINDS)('a log that was set back, on %s', async (database) => {
  const lines: { readonly level: number; readonly msg: string }[] = []
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) })
  const server = await serverForAll({ database, log })
  const world = await makeWorld(server)
  const { owner } = world.as
  const gateway = await server.token(null, 'gateway')
  let vehicle: { vehicleId: string; ownerId: string }
  let events: SeenEvent[]
  beforeAll(async () => {
    vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
  })

  it('goes on for subscribers and gateways with all new events, each once, and is logged once', async () => {
    const { vehicleId } = vehicle
    await change(server, world, vehicleId, 3)
    const subscribers = await Promise.all(TRANSPORTS.map(([, open]) => follow(server.url, owner, { open })))
    const dispatches = await commandDispatches(server.url, gateway, [vehicleId])
    const send = async () =>
      (await sendCommand(server.url, owner, { vehicleId, type: 'DRAW_ATTENTION' })).command.id as string
    const given = async (count: number) =>
      (await dispatches.received(count)).map(({ data }) => data.commandDispatches.commandId as string)
    const first = await send()
    expect(await given(1)).toEqual([first])
    const kept = await lastPosition(server)
    const before = await readAll(server.url, owner)
    await change(server, world, vehicleId, LOST)
    events = await readAll(server.url, owner)
    for (const { events: received } of subscribers) await received(2 + LOST)

    await setBack(server, kept, vehicle)
    await change(server, world, vehicleId, 20)
    const second = await send()
    await change(server, world, vehicleId, 2 * LOST)

    expect(await given(2)).toEqual([first, second])
    const after = await readAll(server.url, owner)
    expect(after.slice(0, before.length).map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    const fresh = after.slice(before.length)
    // Two of the command.
    expect(fresh).toHaveLength(20 + 2 + 2 * LOST)
    for (const subscriber of subscribers) {
      const all = await subscriber.events(2 + LOST + fresh.length)
      expect(requestsOf(all.slice(2 + LOST))).toEqual(requestsOf(fresh))
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
      subscriber.stop()
    }
    dispatches.stop()
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('set back')])
    expect(await timelines(server)).toBe(1)
  })

  it('refuses cursors of lost events, also where others have their positions now, and no others', async () => {
    const lost = events.slice(-LOST)
    for (const { cursor } of [lost[0], lost[LOST / 2], lost.at(-1)] as SeenEvent[]) {
      expect(await answers(server, owner, cursor)).toEqual(['CURSOR_EXPIRED'])
    }
    const kept = events.slice(0, -LOST)
    const now = await readAll(server.url, owner)
    for (const [index, { cursor }] of kept.entries()) {
      expect(cursorsOf(await readAll(server.url, owner, { after: cursor }))).toEqual(cursorsOf(now.slice(index + 1)))
    }
    expect(await answers(server, owner, kept.at(-1)?.cursor ?? '')).toEqual(['good'])
    expect(await timelines(server)).toBe(1)
  })

  it('is found set back where new events took the positions of the lost ones before anybody looked', async () => {
    await change(server, world, vehicle.vehicleId, 3)
    const subscribers = await Promise.all(TRANSPORTS.map(([, open]) => follow(server.url, owner, { open })))
    const kept = await lastPosition(server)
    await change(server, world, vehicle.vehicleId, LOST)
    for (const { events: received } of subscribers) await received(LOST)
    const lost = (await readAll(server.url, owner)).slice(-LOST)
    await setBack(server, kept, vehicle, 3 * LOST)
    for (const subscriber of subscribers) {
      expect(requestsOf((await subscriber.events(4 * LOST)).slice(LOST))).toEqual(anew(3 * LOST))
    }
    await change(server, world, vehicle.vehicleId, 1)
    for (const subscriber of subscribers) {
      expect(new Set((await subscriber.events(4 * LOST + 1)).map(({ id }) => id)).size).toBe(4 * LOST + 1)
      subscriber.stop()
    }
    for (const { cursor } of lost.slice(-2)) {
      expect(await answers(server, owner, cursor)).toEqual(['CURSOR_EXPIRED'])
    }
  })

  it('refuses cursors of lost events that nobody followed, beyond its end and after it has passed them', async () => {
    await change(server, world, vehicle.vehicleId, 1)
    const kept = await lastPosition(server)
    const place = (await readAll(server.url, owner)).at(-1)?.cursor ?? ''
    await change(server, world, vehicle.vehicleId, 4)
    const lost = (await readAll(server.url, owner)).at(-2)?.cursor ?? ''
    await setBack(server, kept, vehicle, 1)
    expect(await answers(server, owner, lost)).toEqual(['CURSOR_EXPIRED'])
    expect(await answers(server, owner, place)).toEqual(['good'])
    await change(server, world, vehicle.vehicleId, 10)
    expect(await answers(server, owner, lost)).toEqual(['CURSOR_EXPIRED'])
    expect(requestsOf(await readAll(server.url, owner, { after: place }))).toHaveLength(11)
  })

  it('tells what has been removed for its age from what was lost', async () => {
    const { prisma } = server.app
    const age = () => prisma.$executeRaw`UPDATE event SET recorded_at = recorded_at - interval '40 days'`
    const prune = async () => {
      while (await prisma.event.prune(30 * 86_400_000));
    }
    const create = () => run(server.url, world.as.stranger, 'createVehicle', {})
    await create()
    const quiet = (await readAll(server.url, world.as.stranger)).at(-1)?.cursor ?? ''
    await change(server, world, vehicle.vehicleId, 3)
    await age()
    await change(server, world, vehicle.vehicleId, 3)
    await prune()
    const kept = await lastPosition(server)
    // The quiet fleet's next event is lost, and one that it has not seen takes the place before it.
    await change(server, world, vehicle.vehicleId, 3)
    await create()
    const lost = (await readAll(server.url, world.as.stranger)).at(-1)?.cursor ?? ''
    await setBack(server, kept, vehicle)
    await create()
    expect(await readAll(server.url, world.as.stranger, { after: quiet })).toHaveLength(1)
    await change(server, world, vehicle.vehicleId, 5)
    await age()
    await prune()
    await create()
    expect(await answers(server, world.as.stranger, lost)).toEqual(['CURSOR_EXPIRED'])
    // It has missed what was removed behind it.
    expect(await answers(server, world.as.stranger, quiet)).toEqual(['CURSOR_EXPIRED'])
    expect(await readAll(server.url, world.as.stranger)).toHaveLength(1)
  })
})

describe.each(DATABASE_KINDS)('a cursor of the version before, without a tag, on %s', (database) => {
  it('is good up to where the log was kept, also for an event of before there were tags', async () => {
    const server = await startServer({ database })
    onTestFinished(server.close)
    const { prisma } = server.app
    const world = await makeWorld(server)
    const { owner } = world.as
    const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    await change(server, world, vehicle.vehicleId, 2)
    const kept = await lastPosition(server)
    const old = (position: number) => prisma.event.cursor(position)
    await prisma.$executeRaw`UPDATE event SET tag = NULL WHERE position < ${kept}::bigint`
    const untagged = (await readAll(server.url, owner)).slice(0, -1)
    expect(untagged.map(({ id, cursor }) => [id, cursor])).toEqual([kept - 2, kept - 1].map((at) => [old(at), old(at)]))
    await change(server, world, vehicle.vehicleId, 5)
    expect(await readAll(server.url, owner, { after: old(kept + 2) })).toHaveLength(3)
    await setBack(server, kept, vehicle, 10)
    for (const [at, rest] of [
      [kept - 1, 1],
      [kept, 0],
    ] as const) {
      expect(await answers(server, owner, old(at))).toEqual(['good'])
      expect(requestsOf(await readAll(server.url, owner, { after: old(at) })).slice(rest)).toEqual(anew(10))
    }
    for (const lost of [kept + 1, kept + 5, 1_000_000]) {
      expect(await answers(server, owner, old(lost))).toEqual(['CURSOR_EXPIRED'])
    }
  })
})

describe.each(DATABASE_KINDS)('events that a writer handed over, on %s', (database) => {
  it('are missed if they are lost before the horizon is asked for, also behind events that took their positions', async () => {
    const server = await startServer({ database })
    onTestFinished(server.close)
    const { event } = server.app.prisma
    const world = await makeWorld(server)
    const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    const { end: kept } = await event.horizon()
    const handOver = async (from: number, count: number) => {
      await change(server, world, vehicle.vehicleId, count)
      const rows = await event.findMany({ where: { position: { gt: from } }, orderBy: { position: 'asc' } })
      event.addSeen(rows.map(({ position, tag }) => ({ position: Number(position), tag: tag ?? 0 })))
    }
    await handOver(kept, 3)
    await setBack(server, kept, vehicle, 3)
    await handOver(kept + 3, 1)
    expect(await timelines(server)).toBe(0)
    await event.horizon()
    expect(await timelines(server)).toBe(1)
    await handOver(kept + 4, 3)
    await event.horizon()
    expect(await timelines(server)).toBe(1)
  })
})

describe('several instances on a log that was set back', () => {
  it('each go on, whichever notices first, and begin one timeline', async () => {
    const server = await startServer()
    onTestFinished(server.close)
    const second = await startSecond(server)
    onTestFinished(second.close)
    const world = await makeWorld(server)
    const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    const followers = await Promise.all([server, second].map(({ url }) => follow(url, world.as.owner)))
    const kept = await lastPosition(server)
    await change(server, world, vehicle.vehicleId, 10)
    for (const { events } of followers) await events(10)
    await setBack(server, kept, vehicle, 30)
    for (const { events } of followers) expect(requestsOf((await events(40)).slice(10))).toEqual(anew(30))
    await change(second, world, vehicle.vehicleId, 1)
    const [a = [], b = []] = await Promise.all(followers.map(({ events }) => events(41)))
    expect(cursorsOf(a)).toEqual(cursorsOf(b))
    expect(await timelines(server)).toBe(1)
    for (const { stop } of followers) stop()
  })

  it('are restarted meanwhile, and know the lost cursors nevertheless', async () => {
    const server = await startServer()
    onTestFinished(server.close)
    const first = await startSecond(server)
    const world = await makeWorld(first)
    const { owner } = world.as
    const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    const kept = await lastPosition(first)
    const place = (await readAll(first.url, owner)).at(-1)?.cursor ?? ''
    await change(first, world, vehicle.vehicleId, 10)
    const lost = (await readAll(first.url, owner)).at(-3)?.cursor ?? ''
    await first.close()
    await setBack(server, kept, vehicle, 20)
    const later = await startSecond(server)
    onTestFinished(later.close)
    expect(await answers(later, owner, lost)).toEqual(['CURSOR_EXPIRED'])
    expect(await timelines(server)).toBe(1)
    expect(await answers(later, owner, lost)).toEqual(['CURSOR_EXPIRED'])
    expect(requestsOf(await readAll(later.url, owner, { after: place }))).toEqual(anew(20))
    expect(await answers(later, owner, place)).toEqual(['good'])
    expect(await timelines(server)).toBe(1)
  })
})
