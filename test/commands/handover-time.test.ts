import { describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { auditVehicle } from '../support/audit.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { endSharing, readCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

/** Time enough to prepare what has to be there when control passes by the clock. */
const SOON_MS = 2_000

describe.each(DATABASE_KINDS)('the instant of a handover, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)

  /** The partner's command, which expires so many milliseconds after the partner's control. @returns how it ended */
  async function expiring(offset: number) {
    const vehicleId = await world.newVehicle()
    await world.lend(vehicleId, { endsAt: inHours(1) })
    const command = await world.send(vehicleId, { token: world.as.partner, timeoutSeconds: 2 })
    const deadline = Date.parse(command.deadline)
    const endsAt = deadline - offset
    const moved = await run(server.url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: iso(endsAt) })
    expect(moved).toMatchObject({ __typename: 'UpdateSharingEndSuccess' })
    await at(Math.max(deadline, endsAt))
    // As it is read before anybody has written it down, and as whoever comes next writes it down, is the same.
    const read = () => readCommand(server.url, world.as.partner, command.id)
    const present = await read()
    await world.send(vehicleId)
    const log = await world.log(vehicleId)
    expect(await read()).toEqual(present)
    expect(storyOf(log, command.id)).toEqual(['PENDING', present.status])
    const { status, completedAt } = present
    return { status, completedAt, deadline: iso(deadline), endsAt: iso(endsAt), last: log.slice(-3) }
  }

  it('decides between it and the deadline of a command, which comes first at the same instant', async () => {
    const [before, same, after] = await Promise.all([-7, 0, 7].map(expiring))
    for (const { status, completedAt, deadline, endsAt, last } of [before, same].filter(
      (found) => found !== undefined,
    )) {
      expect([status, completedAt]).toEqual(['EXPIRED', deadline])
      expect(last).toMatchObject([
        { what: 'EXPIRED', occurredAt: deadline },
        { what: 'SHARING_ENDED', occurredAt: endsAt, endReason: 'EXPIRED' },
        { what: 'PENDING' },
      ])
    }
    expect([after?.status, after?.completedAt]).toEqual(['CANCELLED_BY_HANDOVER', after?.endsAt])
    expect(after?.last).toMatchObject([
      { what: 'SHARING_ENDED', occurredAt: after?.endsAt, endReason: 'EXPIRED' },
      { what: 'CANCELLED_BY_HANDOVER', occurredAt: after?.endsAt },
      { what: 'PENDING' },
    ])
  })

  it('is its own also when control went there and back before anybody looked', async () => {
    const vehicleId = await world.newVehicle()
    const startsAt = Date.now() + SOON_MS
    const endsAt = startsAt + 50
    await world.lend(vehicleId, { startsAt: iso(startsAt), endsAt: iso(endsAt) })
    await world.lend(vehicleId, { startsAt: iso(endsAt), fleetId: world.rival.id })
    const { id } = await world.send(vehicleId)
    await at(endsAt)
    await world.send(vehicleId, { token: world.rival.token })
    const log = await world.log(vehicleId)
    expect(log.slice(-5)).toMatchObject([
      { what: 'SHARING_STARTED', occurredAt: iso(startsAt) },
      { what: 'CANCELLED_BY_HANDOVER', of: id, occurredAt: iso(startsAt) },
      { what: 'SHARING_ENDED', occurredAt: iso(endsAt), endReason: 'EXPIRED' },
      { what: 'SHARING_STARTED', occurredAt: iso(endsAt) },
      { what: 'PENDING' },
    ])
  })

  it('has every decision on one of its sides, also within one millisecond', async () => {
    const { url, app } = server
    const { prisma } = app
    const vehicleId = await world.newVehicle()
    // As if something had been decided two seconds ahead: nothing may now take an earlier instant, or be answered before.
    const ahead = Date.now() + 2_000
    await prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant: new Date(ahead) } })
    const count = async (type: string) => prisma.event.count({ where: { vehicleId, type } })
    const written = async (type: string, number: number) => {
      while ((await count(type)) < number) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const answers = [world.send(vehicleId)]
    await written('COMMAND_UPDATED', 1)
    answers.push(world.lend(vehicleId))
    await written('SHARING_STARTED', 1)
    answers.push(world.send(vehicleId, { token: world.as.partner }))
    await written('COMMAND_UPDATED', 3)
    answers.push(endSharing(url, world.as.owner, { vehicleId }))
    await written('SHARING_ENDED', 1)
    const [before, sharing, during, ended] = await Promise.all(answers)
    expect(Date.now()).toBeGreaterThanOrEqual(ahead + 2)
    const [startsAt, endedAt] = [sharing.startsAt, ended.sharing.endedAt].map((instant) =>
      Date.parse(instant as string),
    )
    const [sentBefore, sentDuring] = [before.requestedAt, during.requestedAt].map((instant) =>
      Date.parse(instant as string),
    )
    expect(startsAt).toBeGreaterThan(sentBefore ?? Infinity)
    expect(sentDuring).toBeGreaterThanOrEqual(startsAt ?? Infinity)
    expect(endedAt).toBeGreaterThan(sentDuring ?? Infinity)
    expect((await auditVehicle(app.services.prisma, vehicleId)).faults).toEqual([])
  })
})
