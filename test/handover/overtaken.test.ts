import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../support/api.ts'
import { sendCommand } from '../support/gateway.ts'
import { session, waiting } from '../support/locks.ts'
import { makeReturns, SOON } from '../support/returns.ts'
import { serverForAll } from '../support/server.ts'
import { at, HOUR, iso } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeReturns(server)

/** A sharing that starts soon, and is ended at once, both recorded by another instance while a question waits for that. */
async function overtaken(who: 'owner' | 'partner', question: string) {
  const vehicleId = await world.vehicle()
  const due = Date.now() + SOON
  const { id } = await world.lend(vehicleId, { startsAt: iso(due) })
  await at(due + 20)
  const client = await session(server)
  onTestFinished(() => client.end())
  await client.query('BEGIN')
  await client.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
  const asked = ask(server.url, world.tokens[who], question, { id: vehicleId })
  await waiting(client, 1)
  await client.query(
    `UPDATE sharing SET started_at = starts_at, start_recorded = TRUE, handover = '{}', ended_at = clock_timestamp(),
      end_reason = 'ENDED_BY_OWNER', returned = '{}' WHERE id = $1`,
    [id],
  )
  await client.query('COMMIT')
  return { answer: await asked, vehicleId, id: id as string }
}

it('a sharing that ended after the instant of an answer has not ended in it', async () => {
  const { answer, id } = await overtaken(
    'owner',
    `query ($id: ID!) { vehicle(id: $id) { sharings { nodes { id phase endedAt endReason
      handover { ignition { value } } returned { ignition { value } } } } } }`,
  )
  expect(answer.vehicle.sharings.nodes).toEqual([
    { id, phase: 'ACTIVE', endedAt: null, endReason: null, handover: { ignition: null }, returned: null },
  ])
})

it('a vehicle whose sharing ends while a list is read is not shown to the partner without a sharing', async () => {
  const { answer } = await overtaken(
    'partner',
    'query ($id: ID!) { vehicles(filter: { ids: [$id] }) { nodes { id sharing { id } viewerCan { setUse { code } } } } }',
  )
  expect(answer.vehicles.nodes).toEqual([])
})

it('a refusal shows what was in the way as it was decided, also where it is answered after that', async () => {
  const vehicleId = await world.vehicle()
  const due = Date.now() + SOON
  await world.lend(vehicleId, { endsAt: iso(due), endPolicy: 'WHEN_IDLE', latestEndsAt: iso(due + HOUR) })
  const client = await session(server)
  onTestFinished(() => client.end())
  // A refusal is in the audit trail before it is answered; it waits for less than 2 s.
  await at(due - 1_000)
  await client.query('BEGIN')
  await client.query('LOCK TABLE audit')
  const refused = ask(
    server.url,
    world.tokens.owner,
    `mutation ($input: SendCommandInput!) { sendCommand(input: $input) {
      ... on SharingConflictError { code conflict { phase endedAt endRequestedAt } } } }`,
    { input: { vehicleId, type: 'LOCK_CENTRAL_LOCK' } },
  )
  await waiting(client, 1)
  await at(due + 20)
  await client.query('COMMIT')
  expect((await refused).sendCommand).toEqual({
    code: 'SHARED_WITH_PARTNER',
    conflict: { phase: 'ACTIVE', endedAt: null, endRequestedAt: null },
  })
  expect((await sendCommand(server.url, world.tokens.owner, { vehicleId, type: 'LOCK_CENTRAL_LOCK' })).command).toEqual(
    expect.objectContaining({ status: 'PENDING' }),
  )
})
