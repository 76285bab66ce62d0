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

const isAbout = (vehicleId: string) => (message: object) => JSON.stringify(message).includes(vehicleId)

/** A subscription that waits for the log, which is held until it is let go: then the statement that waits for it fails. */
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

describe('who leaves a subscription whose reading fails then', () => {
  it('with its operation keeps the socket', async () => {
    const { send, fail, message, messages, socket } = await reading()
    send({ id: '1', type: 'complete' })
    send({ type: 'ping' })
    await message(({ type }) => type === 'pong')
    await fail()
    send({ id: '2', type: 'subscribe', payload: { query: '{ viewer { roles } }' } })
    await message(({ id, type }) => id === '2' && type === 'complete')
    expect(messages.filter(({ id }) => id === '1')).toEqual([])
    expect(lines).toEqual([])
    socket.close()
  })

  it('with its socket costs others nothing', async () => {
    const { fail, socket, closed } = await reading()
    socket.close()
    await closed
    const { vehicleId } = await fail().then(() => placeBefore(server.url, world.as.owner))
    expect(vehicleId).toMatch(/^\w+$/)
    expect(lines).toEqual([])
    await expect.poll(() => server.app.services.log.isFollowed()).toBe(false)
  })
})

describe('a name that is used again at once', () => {
  it.each([
    ['the short way', FOLLOW],
    [
      'behind a fragment',
      'subscription ($after: String) { ...F } fragment F on Subscription { vehicleEvents(after: $after) { vehicleId } }',
    ],
  ])('is that of the new subscription, %s', async (_what, query) => {
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

  it('also before the first of that name was open, and nobody is left who follows', async () => {
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
