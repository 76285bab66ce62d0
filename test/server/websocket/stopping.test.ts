import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../../support/events.ts'
import { placeBefore } from '../../support/following.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { serverForAll } from '../../support/server.ts'
import { FOLLOW } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const lines: string[] = []
const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
const server = await serverForAll({ log })
const world = await makeWorld(server)

/** What is logged beside the loss of the connection that the test ends. */
const otherLines = () => lines.filter((line) => !line.includes('"code":"57P01"'))

const isAbout = (vehicleId: string) => (message: object) => JSON.stringify(message).includes(vehicleId)

/** A subscription whose first statement waits for the log, and fails once it is let go. */
async function reading() {
  const { after } = await placeBefore(server.url, world.as.owner)
  const client = await connect(server)
  onTestFinished(() => client.end())
  await client.query('BEGIN')
  await client.query('LOCK TABLE event')
  const raw = await openAcknowledged(server.url, world.as.owner)
  raw.send({ id: '1', type: 'subscribe', payload: { query: FOLLOW, variables: { after } } })
  const waiting = `pg_locks WHERE NOT granted AND relation = 'event'::regclass`
  const count = async () => (await client.query(`SELECT FROM ${waiting}`)).rows.length
  await expect.poll(count).toBe(1)
  return {
    ...raw,
    fail: async () => {
      await client.query(`SELECT pg_terminate_backend(pid) FROM ${waiting}`)
      await client.query('COMMIT')
    },
  }
}

describe('a client that stops a subscription whose reading fails then', () => {
  it('by complete keeps the socket', async () => {
    const { send, fail, message, messages, socket } = await reading()
    send({ id: '1', type: 'complete' })
    send({ type: 'ping' })
    await message(({ type }) => type === 'pong')
    await fail()
    send({ id: '2', type: 'subscribe', payload: { query: '{ viewer { roles } }' } })
    await message(({ id, type }) => id === '2' && type === 'complete')
    expect(messages.filter(({ id }) => id === '1')).toEqual([])
    expect(otherLines()).toEqual([])
    socket.close()
  })

  it('by closing its socket disturbs no others', async () => {
    const { fail, socket, closed } = await reading()
    socket.close()
    await closed
    const { vehicleId } = await fail().then(() => placeBefore(server.url, world.as.owner))
    expect(vehicleId).toMatch(/^\w+$/)
    expect(otherLines()).toEqual([])
    await expect.poll(() => server.app.services.log.isFollowed()).toBe(false)
  })
})

describe('an id that is used again at once', () => {
  it.each([
    ['the short way', FOLLOW],
    [
      'behind a fragment',
      'subscription ($after: String) { ...F } fragment F on Subscription { vehicleEvents(after: $after) { vehicleId } }',
    ],
  ])('belongs to the new subscription, %s', async (_what, query) => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const { send, message, messages, socket } = await openAcknowledged(server.url, world.as.owner)
    const payload = { query, variables: { after } }
    send({ id: '1', type: 'subscribe', payload })
    await message(isAbout(vehicleId))
    const count = messages.length
    send({ id: '1', type: 'complete' })
    send({ id: '1', type: 'subscribe', payload })
    await expect.poll(() => messages.slice(count).filter(isAbout(vehicleId)).length).toBe(1)
    const next = await world.newVehicle()
    await message(isAbout(next))
    expect(messages.slice(count).map(({ type }) => type)).toEqual(['next', 'next'])
    socket.close()
  })

  it('also before the first subscription of that id was open, and no follower is left', async () => {
    const { after, vehicleId } = await placeBefore(server.url, world.as.owner)
    const { send, message, messages, socket } = await openAcknowledged(server.url, world.as.owner)
    const payload = { query: FOLLOW, variables: { after } }
    send({ id: '1', type: 'subscribe', payload })
    send({ id: '1', type: 'complete' })
    send({ id: '1', type: 'subscribe', payload })
    await message(isAbout(vehicleId))
    const next = await world.newVehicle()
    await message(isAbout(next))
    send({ id: '1', type: 'complete' })
    send({ type: 'ping' })
    await message(({ type }) => type === 'pong')
    expect(messages.map(({ type }) => type)).toEqual(['connection_ack', 'next', 'next', 'pong'])
    await expect.poll(() => server.app.services.log.isFollowed()).toBe(false)
    socket.close()
  })
})
