import { setImmediate } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { post, run } from '../../support/api.ts'
import { connect, endOfLog, insertEvents, readAll } from '../../support/events.ts'
import { openStream } from '../../../src/live/stream.ts'
import { startTail } from '../../../src/live/tail.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { taken } from '../../support/readings.ts'
import { anew, lastPosition, setBack } from '../../support/set-back.ts'
import { DATABASE_KINDS, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { HISTORY } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

const DAY = 24 * 60 * 60 * 1000
const KEPT = 30 * DAY
/** Positions of a partition. */
const SIZE = 10

describe.each(DATABASE_KINDS)('a log in partitions, on %s', (database) => {
  let server: TestServer
  let url: string
  let world: World
  let gateway: string
  let vehicleId: string
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    url = server.url
    world = await makeWorld(server)
    gateway = await server.token(null, 'gateway')
  })
  afterAll(() => server.close())
  beforeEach(async () => {
    await age(KEPT + DAY)
    while (await prune());
    vehicleId = await world.newVehicle()
  })

  const grow = () => server.app.prisma.event.grow(KEPT, SIZE)
  const prune = () => server.app.prisma.event.prune(KEPT)
  const rename = (name: string, id = vehicleId) => run(url, world.as.owner, 'updateVehicle', { id, name })
  const age = (ms: number) =>
    server.app.prisma.$executeRaw`UPDATE event SET recorded_at = recorded_at - make_interval(secs => ${ms / 1000})`
  const partitions = () =>
    server.app.prisma.$queryRaw<
      { name: string; events: number }[]
    >`SELECT p.tableoid::regclass::text AS name, count(*)::int AS events FROM event AS p GROUP BY p.tableoid`
  /** Events until the last is in a new partition: the next one that is written goes there. */
  async function fillPartition(): Promise<void> {
    const before = (await partitions()).length
    for (let n = 0; (await partitions()).length <= before; n++) {
      await grow()
      await rename(`filling ${n}`)
    }
  }
  const codeAfter = async (after: string | undefined, token = world.as.owner, filter: object | null = null) =>
    (await post(url, token, HISTORY, { after, filter })).errors?.[0]?.extensions.code ?? 'good'

  it('grows while events are written, and loses none', async () => {
    let writing = true
    const growing = (async () => {
      // The embedded database answers without ever letting other work of this process in.
      for (; writing; await setImmediate()) await grow()
    })()
    const names = Array.from({ length: 3 }, (_, writer) => Array.from({ length: 25 }, (_, n) => `${writer} ${n}`))
    await Promise.all(
      names.map(async (own) => {
        const id = await world.newVehicle()
        for (const name of own) await rename(name, id)
      }),
    )
    writing = false
    await growing
    expect((await partitions()).length).toBeGreaterThan(2)
    expect(await readAll(url, world.as.owner)).toHaveLength(1 + names.length + names.flat().length)
  })

  it('is read on from any place, forwards and backwards', async () => {
    for (let n = 0; n < 3; n++) await fillPartition()
    const events = await readAll(url, world.as.owner)
    expect((await partitions()).length).toBeGreaterThan(3)
    for (const [index, { cursor }] of events.entries()) {
      expect(await readAll(url, world.as.owner, { after: cursor, first: 7 })).toEqual(events.slice(index + 1))
      const backwards = `query ($before: String) { vehicleEvents(last: 5, before: $before) { nodes { cursor } } }`
      const { data } = await post(url, world.as.owner, backwards, { before: cursor })
      const cursors = (data as { vehicleEvents: { nodes: { cursor: string }[] } }).vehicleEvents.nodes
      expect(cursors.map((one) => one.cursor)).toEqual(
        events.slice(Math.max(index - 5, 0), index).map((one) => one.cursor),
      )
    }
  })

  it('knows messages of every partition, as long as their events are kept', async () => {
    const batch = (id: string) => [reportAt(vehicleId, id, Date.now(), { speedKmh: 1 })]
    for (const id of ['first', 'second', 'third']) {
      expect(await report(url, gateway, batch(id))).toEqual(taken(1))
      await fillPartition()
    }
    for (const id of ['first', 'second', 'third']) expect(await report(url, gateway, batch(id))).toEqual(taken(0, 1))
    await age(KEPT + DAY)
    await rename('young')
    while (await prune());
    expect(await report(url, gateway, batch('first'))).toEqual(taken(1))
    expect(await report(url, gateway, batch('first'))).toEqual(taken(0, 1))
  })

  it('is removed by whole partitions, and refuses cursors only of those that miss something', async () => {
    await run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    await fillPartition()
    await report(url, gateway, [reportAt(vehicleId, 'm', Date.now(), { speedKmh: 1 })])
    await run(url, world.as.stranger, 'createVehicle', {})
    await run(url, world.as.owner, 'endSharing', { vehicleId })
    await fillPartition()
    const events = await readAll(url, world.as.owner)
    const lost = await server.app.prisma.$queryRaw<{ fleet: string; type: string; position: bigint }[]>`
      SELECT fleet, type, max(position) AS position FROM event, LATERAL (VALUES (owner_id), (partner_id)) AS a(fleet)
      WHERE fleet IS NOT NULL AND position <= (SELECT max(q.position) FROM event AS q
        WHERE q.tableoid <> (SELECT l.tableoid FROM event AS l ORDER BY l.position DESC LIMIT 1))
      GROUP BY fleet, type ORDER BY fleet, type`
    const [{ kept }] = await server.app.prisma.$queryRaw<[{ kept: number }]>`
      SELECT count(*)::int AS kept FROM event WHERE tableoid = (SELECT l.tableoid FROM event AS l ORDER BY l.position DESC LIMIT 1)
        AND owner_id = ${world.owner}`
    await server.app.prisma.$executeRaw`UPDATE event SET recorded_at = recorded_at - INTERVAL '31 days'
      WHERE tableoid <> (SELECT l.tableoid FROM event AS l ORDER BY l.position DESC LIMIT 1)`
    await server.app.prisma.pruned.deleteMany()
    const before = (await partitions()).map(({ name }) => name)
    while (await prune());
    expect((await partitions()).map(({ name }) => name)).toEqual([before.toSorted().at(-1)])
    const pruned = await server.app.prisma.pruned.findMany({ orderBy: [{ fleetId: 'asc' }, { type: 'asc' }] })
    expect(pruned).toEqual(lost.map(({ fleet: fleetId, type, position }) => ({ fleetId, type, position })))
    expect(await readAll(url, world.as.owner)).toEqual(events.slice(-kept))
    const boundary = events.length - kept - 1
    expect(await codeAfter(events[boundary]?.cursor)).toBe('good')
    expect(await codeAfter(events[boundary - 1]?.cursor)).toBe('CURSOR_EXPIRED')
    expect(await codeAfter(events[0]?.cursor, world.as.owner, { types: ['SHARING_SCHEDULED'] })).toBe('good')
    expect(await codeAfter(events[0]?.cursor, world.as.owner, { types: ['STATE_RECORDED'] })).toBe('CURSOR_EXPIRED')
  })

  it('keeps a partition with one event that is young', async () => {
    await fillPartition()
    await age(KEPT + DAY)
    // Of another fleet, and not the last.
    await run(url, world.as.stranger, 'createVehicle', {})
    await rename('old')
    await server.app.prisma
      .$executeRaw`UPDATE event SET recorded_at = recorded_at - make_interval(secs => ${KEPT / 1000 + 86_400})
      WHERE position = (SELECT max(position) FROM event)`
    await fillPartition()
    await server.app.prisma.pruned.deleteMany()
    let dropped = 0
    for (const { name } of await partitions()) {
      const [row] = await server.app.prisma.$queryRaw<[{ is: boolean }]>`
        SELECT drop_log_partition(${name}, now() - INTERVAL '30 days') AS is`
      if (row.is) dropped++
    }
    expect(dropped).toBe(1)
    const fleets = await server.app.prisma.pruned.findMany()
    const ids = fleets.map(({ fleetId }) => fleetId)
    expect(ids).toContain(world.owner)
    expect(ids).not.toContain(world.stranger)
  })

  it('leaves no gap for a slow subscriber whose partition is dropped: it fails', async () => {
    const { prisma } = server.app
    const after = (await prisma.event.horizon()).settled
    // More than one page, so that the rest is still to be read when it is removed.
    await prisma.$executeRaw`
      INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
      SELECT 'VEHICLE_CHANGED', ${vehicleId}, ${world.owner}, now(), now() FROM generate_series(1, 300)`
    const tail = startTail(prisma, (error) => expect.fail(String(error)))
    const filter = { vehicleIds: null, types: null }
    const order = { fleetId: world.owner, filter, after, until: Infinity, gone: undefined }
    const stream = openStream(prisma, tail, order)[Symbol.asyncIterator]()
    for (let n = 0; n < 200; n++) await stream.next()
    await fillPartition()
    await age(KEPT + DAY)
    while (await prune());
    await expect(stream.next()).rejects.toThrow('has been removed')
    tail.stop()
  })

  it('that is set back to an earlier partition goes on there, and refuses the cursors of what was lost', async () => {
    const kept = await endOfLog(url, world.as.owner)
    const position = await lastPosition(server)
    await fillPartition()
    await fillPartition()
    const lost = await endOfLog(url, world.as.owner)
    await setBack(server, position, { vehicleId, ownerId: world.owner }, 3 * SIZE)
    expect((await readAll(url, world.as.owner, { after: kept })).map(({ requestId }) => requestId)).toEqual(
      anew(3 * SIZE),
    )
    expect(await codeAfter(lost ?? '')).toBe('CURSOR_EXPIRED')
    await fillPartition()
    expect((await readAll(url, world.as.owner, { after: kept, first: 7 })).length).toBeGreaterThan(3 * SIZE)
  })

  // The embedded database has one session: there is nobody else.
  if (database === 'postgres')
    it('keeps a partition while somebody writes or reads, and lets nobody wait', async () => {
      await fillPartition()
      await fillPartition()
      const count = (await partitions()).length
      await age(KEPT + DAY)
      const other = await connect(server)
      await other.query('BEGIN; SELECT count(*) FROM event')
      expect(await prune()).toBe(false)
      for (let n = 0; n < 3 * SIZE; n++) await rename(`more ${n}`)
      expect(await grow()).toMatchObject({ isBusy: true })
      await rename('behind the last bound')
      await other.query('COMMIT')
      expect(await grow()).toMatchObject({ isBusy: false })
      await other.query('BEGIN')
      await insertEvents(other, 'late', { vehicleId, ownerId: world.owner }, 1)
      expect(await prune()).toBe(false)
      await other.query('ROLLBACK')
      expect((await partitions()).length).toBeGreaterThanOrEqual(count)
      while (await prune());
      expect((await partitions()).length).toBeLessThan(count)
      await other.end()
    })
})

describe('a large partition that has no end', () => {
  const FEW = 5
  let server: TestServer
  let owner: { readonly vehicleId: string; readonly ownerId: string }
  let sessions: pg.Client[]
  beforeEach(async () => {
    server = await startServer({ database: 'postgres', announce: false })
    const world = await makeWorld(server)
    owner = { vehicleId: await world.newVehicle(), ownerId: world.owner }
    sessions = [await connect(server), await connect(server)]
    await insertEvents(sessions[0] as pg.Client, 'before', owner, 100)
  })
  afterEach(async () => {
    await Promise.all(sessions.map((session) => session.end()))
    await server.close()
  })

  const split = async (session = sessions[0]) =>
    (await session?.query<{ done: string }>(`SELECT split_log(1000, ${FEW}) AS done`))?.rows[0]?.done

  it('is given one in steps, each by any instance, with writers in between', async () => {
    const [first, second] = sessions as [pg.Client, pg.Client]
    const steps: unknown[] = []
    for (const session of [first, second, first]) {
      steps.push(await split(session))
      await insertEvents(second, 'between', owner, 10)
    }
    expect(steps).toEqual(['bounded', 'validated', 'split'])
    const { rows } = await first.query<{ name: string; from: string | null; to: string | null }>(
      'SELECT * FROM log_partitions()',
    )
    expect(rows.map(({ from, to }) => [from, to])).toEqual([
      [null, '1000'],
      ['1000', null],
    ])
    await insertEvents(second, 'over', owner, 900)
    expect(await server.app.prisma.event.count()).toBe(1_031)
  })

  it.each([1, 2])('is where it was after a session is killed in step %i', async (step) => {
    const [first, second] = sessions as [pg.Client, pg.Client]
    for (let n = 1; n < step; n++) await split(first)
    await first.query('BEGIN')
    await split(first)
    const { rows } = await first.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await second.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]?.pid])
    expect(await split(second)).toBe(['bounded', 'validated'][step - 1])
    await insertEvents(second, 'after', owner, 10)
  })

  it('is open again before its writers come near to an end that is not theirs yet', async () => {
    const [first] = sessions as [pg.Client]
    expect(await split()).toBe('bounded')
    await insertEvents(first, 'half of the way', owner, 500)
    expect(await split()).toBe('released')
    await insertEvents(first, 'beyond', owner, 500)
    expect(await server.app.prisma.event.count()).toBe(1_101)
  })
})
