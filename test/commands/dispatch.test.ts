import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { commandDispatches, DISPATCHES, outcome, readCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { subscribe, subscribeSse } from '../support/sockets.ts'
import type { Subscription } from '../support/sockets.ts'
import { at, HOUR, iso } from '../support/world.ts'

/** The commands that a gateway was given, in order, as soon as there are `count`. */
const given = async ({ received }: Subscription, count: number): Promise<string[]> =>
  (await received(count)).map(({ data }) => data.commandDispatches.commandId as string)

describe.each(DATABASE_KINDS)('commandDispatches on %s', (database) => {
  let server: TestServer
  let world: ControlWorld
  const open: Subscription[] = []
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeControlWorld(server)
  })
  afterAll(() => server.close())

  /** A gateway for these vehicles alone, so that no test takes another's commands. */
  const gateway = async (vehicleIds: readonly string[], subscribeOver = subscribe) => {
    const subscription = await subscribeOver(server.url, world.gateway, DISPATCHES, { vehicleIds })
    open.push(subscription)
    return subscription
  }
  afterAll(() => open.forEach(({ stop }) => stop()))

  it.each([
    ['a WebSocket', subscribe],
    ['server-sent events', subscribeSse],
  ])('hands over what waits, oldest first, and then each command as it comes, over %s', async (_name, over) => {
    const vehicleIds = [await world.newVehicle(), await world.newVehicle()]
    const [a = '', b = ''] = vehicleIds
    const sent = [await world.send(b), await world.send(a), await world.send(b)]
    const stream = await gateway(vehicleIds, over)
    expect(await given(stream, 3)).toEqual(sent.map(({ id }) => id))
    for (const vehicleId of [b, a, a]) {
      sent.push(await world.send(vehicleId, { type: 'DRAW_ATTENTION', timeoutSeconds: 9 }))
      await given(stream, sent.length)
    }
    expect(stream.results.map(({ data }) => data.commandDispatches)).toEqual(
      sent.map(({ id: commandId, vehicleId, type, deadline }) => ({ commandId, vehicleId, type, deadline })),
    )
  })

  it('has written a command down as dispatched before a gateway gets it', async () => {
    const vehicleId = await world.newVehicle()
    const stream = await gateway([vehicleId])
    const before = await world.send(vehicleId)
    await given(stream, 1)
    const command = await readCommand(server.url, world.as.owner, before.id)
    expect(command).toEqual({ ...before, status: 'DISPATCHED', dispatchedAt: command.dispatchedAt })
    expect(Date.parse(command.dispatchedAt)).toBeGreaterThanOrEqual(Date.parse(command.requestedAt))
    const log = await world.log(vehicleId)
    expect(storyOf(log, before.id)).toEqual(['PENDING', 'DISPATCHED'])
    expect(log.at(-1)?.occurredAt).toBe(command.dispatchedAt)
  })

  it('serves the vehicles that were asked for, and no others', async () => {
    const [mine, others] = [await world.newVehicle(), await world.newVehicle()]
    const waiting = [await world.send(others), await world.send(mine)]
    const [stream, nothing] = [await gateway([mine, 'UNKNOWN', '\u0000']), await gateway([])]
    const live = [await world.send(others), await world.send(mine)]
    expect(await given(stream, 2)).toEqual([waiting[1]?.id, live[1]?.id])
    // Nobody took the others: they still wait for a gateway that serves their vehicle.
    expect(await given(await gateway([others]), 2)).toEqual([waiting[0]?.id, live[0]?.id])
    expect([stream.results.length, nothing.results.length]).toEqual([2, 0])
  })

  it('never hands over an expired command, also before its end is recorded', async () => {
    const vehicleId = await world.newVehicle()
    const expired = [
      await world.send(vehicleId, { timeoutSeconds: 1 }),
      await world.send(vehicleId, { timeoutSeconds: 1 }),
    ]
    await at(Date.parse(expired[1]?.deadline))
    const fresh = await world.send(vehicleId)
    expect(await given(await gateway([vehicleId]), 1)).toEqual([fresh.id])
    const log = await world.log(vehicleId)
    for (const { id } of expired) expect(storyOf(log, id as string)).toEqual(['PENDING', 'EXPIRED'])
  })

  it('never hands over a command of the other side, also when control passed by time alone', async () => {
    const vehicleId = await world.newVehicle()
    const startsAt = Date.now() + 1000
    await world.lend(vehicleId, { startsAt: iso(startsAt), endsAt: iso(startsAt + HOUR) })
    const before = await world.send(vehicleId)
    await at(startsAt)
    const stream = await gateway([vehicleId])
    const own = await world.send(vehicleId, { token: world.as.partner })
    expect(await given(stream, 1)).toEqual([own.id])
    expect(storyOf(await world.log(vehicleId), before.id)).toEqual(['PENDING', 'CANCELLED_BY_HANDOVER'])
  })

  it('gives a command to no other gateway when its gateway leaves; it ends at its deadline', async () => {
    const vehicleId = await world.newVehicle()
    const first = await gateway([vehicleId])
    const taken = await world.send(vehicleId, { timeoutSeconds: 1 })
    await given(first, 1)
    first.stop()
    await first.ended
    const second = await gateway([vehicleId])
    await at(Date.parse(taken.deadline))
    const next = await world.send(vehicleId)
    expect(await given(second, 1)).toEqual([next.id])
    expect(await readCommand(server.url, world.as.owner, taken.id)).toMatchObject({
      status: 'OUTCOME_UNKNOWN',
      completedAt: taken.deadline,
    })
  })

  it('gives commands to the next gateway after one has left', async () => {
    const vehicleId = await world.newVehicle()
    const first = await gateway([vehicleId])
    await world.send(vehicleId)
    await given(first, 1)
    first.stop()
    await first.ended
    const sent = [await world.send(vehicleId), await world.send(vehicleId)]
    expect(await given(await gateway([vehicleId]), 2)).toEqual(sent.map(({ id }) => id))
    expect(first.results).toHaveLength(1)
  })

  it('does not hand over the commands of a deleted vehicle', async () => {
    const [vehicleId, other] = [await world.newVehicle(), await world.newVehicle()]
    const { id } = await world.send(vehicleId, { timeoutSeconds: 1 })
    await run(server.url, world.as.owner, 'deleteVehicle', { id: vehicleId })
    const stream = await gateway([vehicleId, other])
    const next = await world.send(other)
    expect(await given(stream, 1)).toEqual([next.id])
    const { deadline } = await readCommand(server.url, world.as.owner, id)
    await at(Date.parse(deadline))
    expect(await readCommand(server.url, world.as.owner, id)).toMatchObject({
      status: 'EXPIRED',
      dispatchedAt: null,
      completedAt: deadline,
    })
  })

  it.each([
    ['a viewer', 'viewer'],
    ['a manager', 'manager'],
    ['an admin', 'admin'],
    ['a gateway that claims a fleet', 'gateway'],
    ['a gateway that is an admin, too', 'gateway admin'],
    ['nobody', ''],
  ])('is for a gateway alone: %s is refused with FORBIDDEN', async (_who, roles) => {
    const fleetId = roles === 'admin' || roles === 'gateway admin' ? null : world.owner
    const token = await server.token(fleetId, roles.split(' '))
    const vehicleId = await world.newVehicle()
    const { id } = await world.send(vehicleId)
    const socket = await subscribe(server.url, token, DISPATCHES)
    expect(await socket.ended).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    socket.stop()
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: DISPATCHES }),
    })
    expect(await response.text()).toContain('"code":"FORBIDDEN"')
    expect(await readCommand(server.url, world.as.owner, id)).toMatchObject({ status: 'PENDING' })
  })

  it('ends with the token, over a WebSocket and over server-sent events', async () => {
    const token = await server.token(null, 'gateway', 4)
    const ends = async (over: typeof subscribe) => {
      const vehicleId = await world.newVehicle()
      const stream = await over(server.url, token, DISPATCHES, { vehicleIds: [vehicleId] })
      open.push(stream)
      const sent = await world.send(vehicleId)
      expect(await given(stream, 1)).toEqual([sent.id])
      const how = await stream.ended
      const late = await world.send(vehicleId)
      expect(await given(await gateway([vehicleId]), 1)).toEqual([late.id])
      expect(stream.results).toHaveLength(1)
      // The outcome is taken from whoever holds a good token.
      const answer = await outcome(server.url, world.gateway, { commandId: sent.id, outcome: 'SUCCEEDED' })
      expect(answer).toMatchObject({ command: { status: 'SUCCEEDED' } })
      return how
    }
    const [socket, sse] = await Promise.all([ends(subscribe), ends(subscribeSse)])
    expect(socket).toMatchObject({ code: 4403 })
    expect(sse).toBeNull()
  })
})

describe('commandDispatches without vehicleIds', () => {
  it('serves every fleet', async () => {
    const server = await startServer()
    const world = await makeControlWorld(server)
    const mine = await world.send(await world.newVehicle())
    const stream = await commandDispatches(server.url, world.gateway)
    const theirs = (await run(server.url, world.as.stranger, 'createVehicle', {})).vehicle.id as string
    const foreign = await world.send(theirs, { token: world.as.stranger })
    expect(await given(stream, 2)).toEqual([mine.id, foreign.id])
    stream.stop()
    await server.close()
  })
})
