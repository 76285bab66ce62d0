import { describe, expect, it } from 'vitest'
import { ask } from '../support/api.ts'
import { sendCommand } from '../support/gateway.ts'
import { DRIVES, makeReturns, SOON, STANDS } from '../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, HOUR, iso } from '../support/world.ts'

const CONFLICT = `mutation ($input: SetVehicleUseInput!) { setVehicleUse(input: $input) {
  ... on SharingConflictError { code conflict { id phase startedAt } } } }`
const USES = 'query ($ids: [ID!]) { vehicles(filter: { ids: $ids }) { nodes { id use { since } idleness { idle } } } }'

describe.each(DATABASE_KINDS)('a handover that fell due and is not recorded, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)
  const { act, lend, partner, seen, sharing, tokens, use, vehicle } = world

  it.concurrent.each([
    ['a start of an idle vehicle', STANDS, (due: number) => ({ startPolicy: 'WHEN_IDLE', startsAt: iso(due) })],
    ['a start that waits', DRIVES, (due: number) => ({ startPolicy: 'WHEN_IDLE', startsAt: iso(due) })],
    [
      'a start that was given up',
      DRIVES,
      (due: number) => ({ startPolicy: 'WHEN_IDLE', startsAt: iso(due - 500), endsAt: iso(due) }),
    ],
    [
      'an end of an idle vehicle',
      STANDS,
      (due: number) => ({ endPolicy: 'WHEN_IDLE', endsAt: iso(due), latestEndsAt: iso(due + HOUR) }),
    ],
    [
      'an end that waits',
      DRIVES,
      (due: number) => ({ endPolicy: 'WHEN_IDLE', endsAt: iso(due), latestEndsAt: iso(due + HOUR) }),
    ],
  ] as const)('is in the answer to a repeated startSharing: %s', async (_what, readings, timesOf) => {
    const vehicleId = await vehicle(readings)
    const due = Date.now() + SOON
    const input = { vehicleId, fleetId: partner, ...timesOf(due), idempotencyKey: vehicleId }
    const first = await act('owner', 'startSharing', input)
    await at(due + 20)
    const again = await act('owner', 'startSharing', input)
    expect(again.sharing).not.toEqual(first.sharing)
    expect(again).toMatchObject({ sharing: await sharing(first.sharing.id), vehicle: await seen(vehicleId) })
  })

  it.concurrent('is in the answer to a repeated sendCommand', async () => {
    const vehicleId = await vehicle()
    const due = Date.now() + SOON
    await lend(vehicleId, { startsAt: iso(due) })
    const input = { vehicleId, type: 'LOCK_CENTRAL_LOCK', timeoutSeconds: 300, idempotencyKey: vehicleId }
    expect((await sendCommand(server.url, tokens.owner, input)).command).toMatchObject({ status: 'PENDING' })
    await at(due + 20)
    expect((await sendCommand(server.url, tokens.owner, { ...input, timeoutSeconds: 299 })).code).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    )
    const { command } = await sendCommand(server.url, tokens.owner, input)
    expect(command).toMatchObject({ status: 'CANCELLED_BY_HANDOVER', completedAt: iso(due) })
  })

  it.concurrent('has cleared the use of a vehicle that is listed by its id', async () => {
    const [ends, stays] = [await vehicle(), await vehicle()]
    const due = Date.now() + SOON
    await lend(ends, { endsAt: iso(due) })
    await lend(stays, { endsAt: iso(due + HOUR) })
    for (const id of [ends, stays]) await use('partner', id, true)
    await at(due + 20)
    const { nodes } = (await ask(server.url, tokens.owner, USES, { ids: [ends, stays] })).vehicles
    const uses = Object.fromEntries(nodes.map((node: { id: string; use: object | null }) => [node.id, node.use]))
    expect(uses).toEqual({ [ends]: null, [stays]: { since: expect.any(String) } })
  })

  it.concurrent('is what a refusal of a request shows that came before it', async () => {
    const vehicleId = await vehicle()
    const due = Date.now() + SOON
    const lent = await lend(vehicleId, { startsAt: iso(due), startPolicy: 'WHEN_IDLE' })
    await at(due - 100)
    // The request holds the vehicle's row only after the start.
    const locked = Promise.withResolvers<void>()
    const held = server.app.prisma.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM vehicle WHERE id = ${vehicleId} FOR UPDATE`
      locked.resolve()
      await at(due + 50)
    })
    await locked.promise
    const refused = ask(server.url, tokens.owner, CONFLICT, { input: { vehicleId, inUse: true } })
    await held
    expect((await refused).setVehicleUse).toEqual({
      code: 'SHARED_WITH_PARTNER',
      conflict: { id: lent.id, phase: 'ACTIVE', startedAt: iso(due) },
    })
  })
})
