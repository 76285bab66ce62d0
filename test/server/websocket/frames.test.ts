import { describe, expect, it } from 'vitest'
import { run } from '../../support/api.ts'
import { everyEvent } from '../../support/every-event.ts'
import { placeBefore } from '../../support/following.ts'
import { READINGS } from '../../support/gateway.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { secondForAll, serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const second = await secondForAll(server, { announce: false })
const world = await makeWorld(server)

/** What an event keeps of its moment; what is asked of the database for it does not change. */
const KEPT = `__typename id cursor type vehicleId occurredAt recordedAt requestId
  ... on SharingEvent { endsAt endReason sharing { id partner { name } } } ... on CommandEvent { status command { id type } }
  ... on StateEvent { state { ${READINGS} } }`

/** Two of its fields are refused. */
const REFUSED = `id vehicle { a: sharings(after: "nowhere") { nodes { id } } b: sharings(after: "") { nodes { id } } }`

/** Past Yoga, and through it: the same letters in the same places, for errors tell where they are. */
const waysOf = (selected: string) => {
  const root = `{ vehicleEvents(after: $after) { ${selected} } }`
  return [
    `subscription S($after: String) ${root}`,
    `fragment F on Subscription     ${root} subscription S($after: String) { ...F }`,
  ]
}

/** A subscription's frames as they are on the wire, up to the event of a vehicle. */
async function open(url: string, query: string, after: string) {
  const { socket, send, closed } = await openAcknowledged(url, world.as.owner)
  const frames: string[] = []
  socket.on('message', (data: Buffer) => frames.push(data.toString()))
  send({ id: 'a "name"', type: 'subscribe', payload: { query, variables: { after } } })
  return {
    upTo: async (text: string) => {
      await expect.poll(() => frames.findIndex((frame) => frame.includes(text)), { timeout: 10_000 }).not.toBe(-1)
      socket.close()
      await closed
      return frames.slice(0, frames.findIndex((frame) => frame.includes(text)) + 1)
    },
  }
}

describe('the frames of a subscription are the same to the byte', () => {
  it('live and again, on both instances, past Yoga and through it, for all that can happen', async () => {
    const { after } = await placeBefore(server.url, world.as.owner)
    const openAll = () =>
      Promise.all([server, second].flatMap(({ url }) => waysOf(KEPT).map((query) => open(url, query, after))))
    const live = await openAll()
    await everyEvent(server, world)
    const end = await world.newVehicle()
    const again = await openAll()
    const [first, ...others] = await Promise.all([...live, ...again].map(({ upTo }) => upTo(end)))
    expect(first?.length).toBeGreaterThan(20)
    for (const frames of others) expect(frames).toEqual(first)
  })

  it('where fields of an event are refused', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const all = await Promise.all(waysOf(REFUSED).map((query) => open(server.url, query, after)))
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'live' })
    const seen = await Promise.all(all.map(({ upTo }) => upTo('"errors"')))
    const said = seen.map((frames) => frames.map((frame) => frame.replace(/"requestId":"[^"]+"/g, '"requestId":""')))
    expect(said[0]?.[0]).toContain('BAD_USER_INPUT')
    expect(said[1]).toEqual(said[0])
  })
})
