import { describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import {
  commandDispatches,
  endSharing,
  outcome,
  readCommand,
  report,
  reportAt,
  sendCommand,
} from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

const IDLE = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
const MOVING = { speedKmh: 30, ignition: true, centralLock: 'LOCKED' }
/** Time enough to prepare what has to be there when control passes by the clock. */
const SOON_MS = 2_500

describe.each(DATABASE_KINDS)('a handover on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)

  const takeOne = async (vehicleId: string) => {
    const gateway = await commandDispatches(server.url, world.gateway, [vehicleId])
    const [first] = await gateway.received(1)
    gateway.stop()
    await gateway.ended
    return first.data.commandDispatches.commandId as string
  }

  type Losing = 'owner' | 'partner'
  /** How control passes from one side to the other: prepared first, then done; by time if that is all it takes. */
  type Way = {
    readonly name: string
    readonly loses: Losing
    readonly event: string
    readonly prepare: (vehicleId: string) => Promise<() => Promise<void>>
    readonly byTime?: boolean
  }
  const end = async (token: string, vehicleId: string, when = 'NOW') => {
    expect(await endSharing(server.url, token, { vehicleId, when })).toMatchObject({ sharing: { phase: 'ENDED' } })
  }
  const tell = async (vehicleId: string, messageId: string, readings: object) => {
    const answer = await report(server.url, world.gateway, [
      reportAt(vehicleId, messageId, Date.now(), { ...readings }),
    ])
    expect(answer).toMatchObject({ recorded: 1 })
  }
  const ways: Way[] = [
    {
      name: 'a start at once',
      loses: 'owner',
      event: 'SHARING_STARTED',
      prepare: async (vehicleId) => async () => void (await world.lend(vehicleId)),
    },
    {
      name: 'a start that was scheduled',
      loses: 'owner',
      event: 'SHARING_STARTED',
      byTime: true,
      prepare: async (vehicleId) => {
        const startsAt = Date.now() + SOON_MS
        await world.lend(vehicleId, { startsAt: iso(startsAt) })
        return () => at(startsAt)
      },
    },
    {
      name: 'an end by the owner',
      loses: 'partner',
      event: 'SHARING_ENDED',
      prepare: async (vehicleId) => {
        await world.lend(vehicleId)
        return () => end(world.as.owner, vehicleId)
      },
    },
    {
      name: 'an end by the partner',
      loses: 'partner',
      event: 'SHARING_ENDED',
      prepare: async (vehicleId) => {
        await world.lend(vehicleId)
        return () => end(world.as.partner, vehicleId)
      },
    },
    {
      name: 'its due end',
      loses: 'partner',
      event: 'SHARING_ENDED',
      byTime: true,
      prepare: async (vehicleId) => {
        const endsAt = Date.now() + SOON_MS
        await world.lend(vehicleId, { endsAt: iso(endsAt) })
        return () => at(endsAt)
      },
    },
    {
      name: 'an end when idle that finds it idle',
      loses: 'partner',
      event: 'SHARING_ENDED',
      prepare: async (vehicleId) => {
        await tell(vehicleId, 'idle', IDLE)
        await world.lend(vehicleId)
        return () => end(world.as.partner, vehicleId, 'WHEN_IDLE')
      },
    },
    {
      name: 'the report that makes it idle',
      loses: 'partner',
      event: 'SHARING_ENDED',
      prepare: async (vehicleId) => {
        await tell(vehicleId, 'moving', MOVING)
        await world.lend(vehicleId)
        const answer = await endSharing(server.url, world.as.owner, { vehicleId, when: 'WHEN_IDLE' })
        expect(answer).toMatchObject({ sharing: { phase: 'ACTIVE' } })
        return () => tell(vehicleId, 'idle', IDLE)
      },
    },
  ]

  it.each(ways)('by $name cancels what the $loses sent and no gateway has', async (way) => {
    const { url, app } = server
    const vehicleId = await world.newVehicle()
    const pass = await way.prepare(vehicleId)
    const [loser, winner] =
      way.loses === 'owner' ? [world.as.owner, world.as.partner] : [world.as.partner, world.as.owner]
    const taken = await world.send(vehicleId, { token: loser })
    expect(await takeOne(vehicleId)).toBe(taken.id)
    const pending = [await world.send(vehicleId, { token: loser }), await world.send(vehicleId, { token: loser })]
    await pass()

    // Read before anybody touches the vehicle again.
    for (const { id } of pending) {
      expect(await readCommand(url, loser, id)).toMatchObject({ status: 'CANCELLED_BY_HANDOVER', dispatchedAt: null })
    }
    expect(await readCommand(url, loser, taken.id)).toMatchObject({ status: 'DISPATCHED', completedAt: null })
    const refused = await sendCommand(url, loser, { vehicleId, type: 'DRAW_ATTENTION' })
    expect(refused.code).toBe(way.loses === 'owner' ? 'SHARED_WITH_PARTNER' : 'VEHICLE_NOT_FOUND')

    // A gateway gets what the side in control sends now, and nothing of before.
    const next = await world.send(vehicleId, { token: winner })
    expect(await takeOne(vehicleId)).toBe(next.id)

    // In the log the handover, and right behind it, at its instant and by its request, what it cancels.
    const log = await world.log(vehicleId)
    const place = log.findIndex(({ what }) => what === way.event)
    const { occurredAt, recordedAt, requestId } = log[place] ?? {}
    expect(log.slice(place + 1, place + 3)).toEqual(
      pending.map(({ id: of }) => ({
        what: 'CANCELLED_BY_HANDOVER',
        of,
        occurredAt,
        recordedAt,
        requestId,
        endReason: null,
      })),
    )
    expect(requestId === null).toBe(way.byTime === true)
    expect(log.filter(({ what }) => what === 'CANCELLED_BY_HANDOVER')).toHaveLength(2)
    for (const { id } of pending) expect(await readCommand(url, loser, id)).toMatchObject({ completedAt: occurredAt })
    // All of it was one transaction.
    const transactions = await app.prisma.$queryRaw<{ xmin: string }[]>`
      SELECT DISTINCT xmin::text FROM event WHERE vehicle_id = ${vehicleId} AND
        (type = ${way.event} OR facts->>'status' = 'CANCELLED_BY_HANDOVER')`
    expect(transactions).toHaveLength(1)

    // What a gateway had taken before runs on.
    expect(storyOf(log, taken.id)).toEqual(['PENDING', 'DISPATCHED'])
    const answer = await outcome(url, world.gateway, { commandId: taken.id, outcome: 'FAILED', message: 'No answer.' })
    expect(answer.command.status).toBe('FAILED')
    expect(await readCommand(url, loser, taken.id)).toMatchObject({ status: 'FAILED', message: 'No answer.' })
    expect(storyOf(await world.log(vehicleId, loser), taken.id)).toEqual(['PENDING', 'DISPATCHED', 'FAILED'])
  })

  it('leaves a scheduled sharing that is called off, or an end that is moved, without any effect on commands', async () => {
    const vehicleId = await world.newVehicle()
    const { id: sharingId } = await world.lend(vehicleId, { startsAt: inHours(1) })
    const { id } = await world.send(vehicleId)
    await run(server.url, world.as.owner, 'updateSharingEnd', {
      vehicleId,
      sharingId,
      endsAt: inHours(2),
    })
    await run(server.url, world.as.partner, 'endSharing', { vehicleId, sharingId })
    expect(await readCommand(server.url, world.as.owner, id)).toMatchObject({ status: 'PENDING' })
    expect(await takeOne(vehicleId)).toBe(id)
  })
})
