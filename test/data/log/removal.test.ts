import type pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startHousekeeper } from '../../../src/background/housekeeper.ts'
import { startPartitioner } from '../../../src/background/partitioner.ts'
import type { Client } from '../../../src/data/client.ts'
import { connect, insertEvents } from '../../support/events.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const DAY = 24 * 60 * 60 * 1000
const KEPT = 30 * DAY
const SIZE = 10
const LOCK = `x'46530002'::bigint`

let server: TestServer
let other: pg.Client
/** Of the events, all of which are too old. */
let last: number
let count: number
beforeEach(async () => {
  server = await startServer({ database: 'postgres', announce: false })
  const world = await makeWorld(server)
  const owner = { vehicleId: await world.newVehicle(), ownerId: world.owner }
  other = await connect(server)
  await insertEvents(other, 'old', owner, SIZE)
  await other.query(`UPDATE event SET type = 'STATE_RECORDED', recorded_at = recorded_at - interval '31 days'`)
  const { rows } = await other.query<{ last: number; count: number }>(
    'SELECT max(position)::int AS last, count(*)::int AS count FROM event',
  )
  ;({ last, count } = rows[0] ?? { last: NaN, count: NaN })
})
afterEach(async () => {
  await other.end()
  await server.close()
})

const prune = () => server.app.prisma.event.prune(KEPT)
const pruneReadings = () => server.app.prisma.event.pruneReadings(KEPT)
const grow = () => server.app.prisma.event.grow(KEPT, SIZE)
const remaining = () => server.app.prisma.event.count()
/** What another instance holds that removes events, or adds a partition. */
const hold = () => other.query(`SELECT pg_advisory_lock(${LOCK})`)
const release = () => other.query(`SELECT pg_advisory_unlock(${LOCK})`)

it.each<[what: string, remove: () => Promise<unknown>, divided: boolean]>([
  ['the oldest events', prune, false],
  ['a partition', prune, true],
  ['readings', pruneReadings, false],
])('%s: not taken for removed while another session removes events', async (_what, remove, isDivided) => {
  if (isDivided) await other.query('SELECT split_log($1, 100000)', [last + 1])
  await hold()
  expect(await remove()).toBe('busy')
  expect(await remaining()).toBe(count)
  await release()
  while (await remove());
  expect(await remaining()).toBe(0)
})

it('a log is divided once nobody removes from it any more', async () => {
  await hold()
  expect(await grow()).toMatchObject({ isTaken: true, isBusy: false })
  await release()
  expect(await grow()).toMatchObject({ isTaken: false, isBusy: false })
})

it('removing and dividing go on within seconds once the other session is done', async () => {
  const [refused, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const [taken, divided] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const nothing = () => Promise.resolve(false)
  const prisma = {
    event: {
      prune: async () => {
        const left = await prune()
        if (left === 'busy') refused.resolve()
        else if ((await remaining()) === 0) done.resolve()
        return left
      },
      grow: async () => {
        const room = await grow()
        if (room.isTaken) taken.resolve()
        else divided.resolve()
        return room
      },
    },
    audit: { prune: nothing },
    idempotencyKey: { forget: nothing },
  } as unknown as Client
  await hold()
  const fail = (error: unknown) => expect.fail(String(error))
  const kept = { retentionMs: KEPT, readingRetentionMs: KEPT, maxTokenAgeMs: null }
  const loops = [
    startHousekeeper(prisma, kept, fail),
    startPartitioner(prisma, { retentionMs: KEPT, partitionEvents: SIZE }, fail),
  ]
  await Promise.all([refused.promise, taken.promise])
  await release()
  await Promise.all([done.promise, divided.promise])
  await Promise.all(loops.map((loop) => loop.stop()))
})
