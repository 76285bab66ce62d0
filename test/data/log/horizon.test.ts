import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { connect, endOfLog, follow, insertEvents, readAll } from '../../support/events.ts'
import type { Follower } from '../../support/events.ts'
import { startSecond, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

let server: TestServer
let second: TestServer
let world: World
let vehicle: { vehicleId: string; ownerId: string }
/** The end of the log before each test, and who follows from there, on either instance. */
let after: string | null
let followers: Follower[]

beforeAll(async () => {
  server = await startServer()
  second = await startSecond(server)
  world = await makeWorld(server)
  vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
})
afterAll(async () => {
  await second.close()
  await server.close()
})
beforeEach(async () => {
  after = await endOfLog(server.url, world.as.owner)
  followers = await Promise.all([server, second].map(({ url }) => follow(url, world.as.owner, { after })))
  return () => followers.forEach(({ stop }) => stop())
})

async function session(): Promise<pg.Client> {
  const client = await connect(server)
  onTestFinished(() => client.end())
  return client
}

const history = async (url = server.url) =>
  (await readAll(url, world.as.owner, { after })).map(({ requestId }) => requestId)

/** What the followers get, with one more event to show that nothing came twice, or late. */
async function delivered(count: number): Promise<(string | null)[][]> {
  await insertEvents(await session(), 'last', vehicle)
  const all = await Promise.all(followers.map(({ events }) => events(count + 1)))
  return all.map((events) => events.map(({ requestId }) => requestId))
}

describe('while the writer with the lower position is open', () => {
  const endings: [string, string[], (writer: pg.Client, by: pg.Client, pid: number) => Promise<unknown>][] = [
    ['commits', ['a 0', 'a 1', 'b 0'], (writer) => writer.query('COMMIT')],
    ['rolls back', ['b 0'], (writer) => writer.query('ROLLBACK')],
    ['is killed', ['b 0'], (_, by, pid) => by.query('SELECT pg_terminate_backend($1)', [pid])],
  ]

  it.each(endings)('no reader gets later commits; once it %s the rest comes in order', async (_, expected, finish) => {
    const [a, b] = [await session(), await session()]
    const { rows } = await a.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await a.query('BEGIN')
    const [first = 0] = await insertEvents(a, 'a', vehicle, 2)
    await b.query('BEGIN')
    const [behind = 0] = await insertEvents(b, 'b', vehicle)
    expect(behind).toBeGreaterThan(first)
    await b.query('COMMIT')

    const { settled, drawn } = await server.app.prisma.event.horizon()
    expect(settled).toBeLessThan(first)
    expect(drawn).toBeGreaterThanOrEqual(behind)
    // It waits for the open writer a while, and then answers without.
    expect(await history()).toEqual([])
    expect(followers.map(({ seen }) => seen())).toEqual([[], []])

    await finish(a, b, rows[0]?.pid ?? 0)
    const all = [...expected, 'last 0']
    expect(await delivered(expected.length)).toEqual([all, all])
    expect(await history()).toEqual(all)
    expect(await history(second.url)).toEqual(all)
  })
})

describe('a statement that does not append', () => {
  const holders: [string, (holder: pg.Client) => Promise<unknown>][] = [
    ['a transaction that writes elsewhere', (holder) => holder.query('UPDATE fleet SET name = name')],
    ['a transaction that reads the log', (holder) => holder.query('SELECT count(*) FROM event')],
    ['an advisory lock of other software', (holder) => holder.query('SELECT pg_advisory_xact_lock_shared(1)')],
  ]

  it.each(holders)('%s does not hold the log back, however long it takes', async (_, hold) => {
    const [holder, writer] = [await session(), await session()]
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await hold(holder)
    const [position = 0] = await insertEvents(writer, 'free', vehicle)
    const { settled, drawn } = await server.app.prisma.event.horizon()
    expect(settled).toBeGreaterThanOrEqual(position)
    expect(drawn).toBe(settled)
    expect(await history()).toEqual(['free 0'])
    expect(await delivered(1)).toEqual(followers.map(() => ['free 0', 'last 0']))
    await holder.query('ROLLBACK')
  })

  it('a writer in another database of the same server does not, either', async () => {
    const elsewhere = await startServer()
    onTestFinished(elsewhere.close)
    const holder = await connect(elsewhere)
    await holder.query('BEGIN')
    await insertEvents(holder, 'elsewhere', vehicle)
    const [position = 0] = await insertEvents(await session(), 'here', vehicle)
    expect((await server.app.prisma.event.horizon()).settled).toBeGreaterThanOrEqual(position)
    expect(await history()).toEqual(['here 0'])
    await holder.end()
  })
})

it('a writer that takes its place late does not unsettle a cursor that was given out', async () => {
  const [late, writer] = [await session(), await session()]
  const [position = 0] = await insertEvents(writer, 'settled', vehicle)
  const cursor = await endOfLog(server.url, world.as.owner)
  // The trigger reads the last position, and then locks: another may draw, commit and be read in between.
  await late.query('BEGIN')
  await late.query(`SELECT pg_advisory_xact_lock_shared((x'4653'::bigint << 48) | $1::bigint)`, [position - 1])
  expect(await readAll(server.url, world.as.owner, { after: cursor })).toEqual([])
  const follower = await follow(second.url, world.as.owner, { after: cursor })
  await insertEvents(late, 'late', vehicle)
  await late.query('COMMIT')
  expect(await follower.events(1)).toMatchObject([{ requestId: 'late 0' }])
  expect(await readAll(server.url, world.as.owner, { after: cursor })).toMatchObject([{ requestId: 'late 0' }])
  follower.stop()
})

it('however writers overlap, readers on any instance have all that was committed, in one order', async () => {
  const write = async (_: unknown, name: number) => {
    const client = await session()
    for (let round = 0; round < 12; round++) {
      await client.query('BEGIN')
      await insertEvents(client, `${name}.${round}`, vehicle, 1 + ((name + round) % 3))
      await client.query('SELECT pg_sleep($1)', [((name * 7 + round * 3) % 5) / 500])
      if (round % 2 === 0) await insertEvents(client, `${name}.${round} more`, vehicle)
      await client.query((name + round) % 4 === 3 ? 'ROLLBACK' : 'COMMIT')
    }
  }
  let writing = true
  const poll = async ({ url }: TestServer) => {
    const seen: (string | null)[] = []
    for (let [place, last] = [after, false]; !last;) {
      last = !writing
      const events = await readAll(url, world.as.owner, { after: place })
      seen.push(...events.map(({ requestId }) => requestId))
      place = events.at(-1)?.cursor ?? place
    }
    return seen
  }
  const polling = [poll(server), poll(second)]
  await Promise.all(Array.from({ length: 8 }, write))
  writing = false
  const polled = await Promise.all(polling)

  const { rows } = await (
    await session()
  ).query<{ request_id: string }>(`SELECT request_id FROM event WHERE request_id ~ '^\\d+[.]\\d+ ' ORDER BY position`)
  const committed = rows.map(({ request_id: requestId }) => requestId)
  expect(committed.length).toBeGreaterThan(150)
  expect(polled).toEqual([committed, committed])
  const all = [...committed, 'last 0']
  expect(await delivered(committed.length)).toEqual([all, all])
})

it('a client that was answered finds its own event at once, on any instance, with any other writers', async () => {
  const { owner } = world.as
  const work = async (_: unknown, worker: number) => {
    const [here, there] = worker % 2 === 0 ? [server, second] : [second, server]
    const id = await world.newVehicle()
    const filter = { vehicleIds: [id] }
    let place = (await readAll(here.url, owner, { filter })).at(-1)?.cursor ?? null
    for (let round = 0; round < 20; round++) {
      const answer = await post(here.url, owner, mutations.updateVehicle, { input: { id, name: `${round}` } })
      const found = await readAll(there.url, owner, { after: place, filter })
      expect(found).toMatchObject([{ type: 'VEHICLE_CHANGED', requestId: answer.headers.get('x-request-id') }])
      place = found[0]?.cursor ?? null
    }
  }
  let working = true
  // Others hold the log back nearly all of the time.
  const holdBack = async (client: pg.Client) => {
    while (working) {
      await client.query('BEGIN')
      await insertEvents(client, 'slow', vehicle)
      await client.query('SELECT pg_sleep(0.01)')
      await client.query('COMMIT')
    }
  }
  const holding = [await session(), await session(), await session()].map(holdBack)
  try {
    await Promise.all(Array.from({ length: 10 }, work))
  } finally {
    working = false
    await Promise.all(holding)
  }
})
