import { describe, expect, it } from 'vitest'
import { startTail } from '../../src/live/tail.ts'
import { mutations, post, run } from '../support/api.ts'
import { connect, endOfLog, insertEvents, TRANSPORTS } from '../support/events.ts'
import { serverForAll, startServer } from '../support/server.ts'
import { FOLLOW } from '../support/sockets.ts'
import { makeWorld } from '../support/world.ts'

/** More than the tail keeps in memory. */
const BURST = 12_000

const LEAN = `subscription ($after: String) { vehicleEvents(after: $after) { cursor requestId } }`

describe('a subscriber', async () => {
  const server = await serverForAll()
  const world = await makeWorld(server)
  const vehicleId = await world.newVehicle()

  it('that is further behind than memory reaches catches up from the log, and joins live without a gap', async () => {
    const { url } = server
    const { owner: token, partner } = world.as
    const after = await endOfLog(url, token)
    const client = await connect(server)
    const [, open] = TRANSPORTS[0]
    // One that was there before: it keeps the tail going, which outruns it.
    const early = await open(url, token, LEAN, { after })
    await insertEvents(client, 'warm-up', { vehicleId, ownerId: world.owner })
    await early.received(1)
    await insertEvents(client, 'burst', { vehicleId, ownerId: world.owner }, BURST)
    await early.received(2)
    // One that resumes at the very start, and one whose fleet has nothing in the burst.
    const late = await open(url, token, LEAN, { after })
    const idle = await open(url, partner, LEAN, { after })
    await late.received(BURST / 2)
    // What comes while it catches up.
    for (let n = 0; n < 5; n++) await run(url, token, 'updateVehicle', { id: vehicleId, name: `live ${n}` })
    const shared = await post(url, token, mutations.startSharing, { input: { vehicleId, fleetId: world.partner } })
    await run(url, token, 'endSharing', { vehicleId })
    await client.end()

    const expected = ['warm-up 0', ...Array.from({ length: BURST }, (_, n) => `burst ${n}`)]
    for (const { received, stop } of [early, late]) {
      const events = (await received(BURST + 8)).map(({ data }) => data.vehicleEvents.requestId as string)
      expect(events.slice(0, BURST + 1)).toEqual(expected)
      expect(new Set(events.slice(BURST + 1)).size).toBe(7)
      expect(events[BURST + 6]).toBe(shared.headers.get('x-request-id'))
      stop()
    }
    const [first] = await idle.received(2)
    expect(first.data.vehicleEvents.requestId).toBe(shared.headers.get('x-request-id'))
    idle.stop()
  })

  it('gets its events when several come at once to an instance without subscribers', async () => {
    const { prisma } = server.app
    const tail = startTail(prisma, (error) => expect.fail(String(error)))
    await tail.join()
    tail.leave()
    const client = await connect(server)
    await insertEvents(client, 'while nobody looks', { vehicleId, ownerId: world.owner })
    const places = await Promise.all([tail.join(), tail.join()])
    await insertEvents(client, 'behind both', { vehicleId, ownerId: world.owner })
    await client.end()
    const { settled } = await prisma.event.horizon()
    const never = new AbortController().signal
    for (const place of places) {
      await tail.waitForEvent(place, null, never)
      expect(tail.head()).toBe(settled)
      expect(tail.since(place, 10)?.events).toMatchObject([{ requestId: 'behind both 0' }])
      tail.leave()
    }
    tail.stop()
  })
})

describe('a server that stops', () => {
  it.each(TRANSPORTS)('ends its subscriptions over %s', async (_, open) => {
    const server = await startServer()
    const world = await makeWorld(server)
    await world.newVehicle()
    const after = await endOfLog(server.url, world.as.owner)
    const subscription = await open(server.url, world.as.owner, FOLLOW, { after })
    await world.newVehicle()
    await subscription.received(1)
    await server.close()
    await subscription.ended
  })
})
