import { expect, it } from 'vitest'
import { mutations, post, run } from '../../support/api.ts'
import { connect, follow } from '../../support/events.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { secondForAll, serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll()
const second = await secondForAll(server)
const world = await makeWorld(server)
const { url } = server
const { owner } = world.as
const VEHICLES = '{ vehicles { nodes { id name } } }'

/** Milliseconds. */
async function timed<T>(work: Promise<T>): Promise<readonly [T, number]> {
  const begun = performance.now()
  const result = await work
  return [result, performance.now() - begun]
}

it('a vehicle that somebody holds stops neither reads nor what is written about others, and may be tried again', async () => {
  const held = await world.newVehicle()
  const free = await world.newVehicle()
  const gateway = await server.token(null, 'gateway')
  const holder = await connect(server)
  await holder.query('BEGIN')
  await holder.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [held])
  const begun = performance.now()
  const editing = Array.from({ length: 12 }, (_, nth) =>
    post(url, owner, mutations.updateVehicle, { input: { id: held, name: `name ${nth}` } }),
  )
  const reporting = Array.from({ length: 12 }, (_, nth) =>
    report(url, gateway, [reportAt(held, `message ${nth}`, Date.now(), { speedKmh: 1 })]).catch(String),
  )
  for (let round = 0; round < 10; round++) {
    const [{ errors }, took] = await timed(post(url, owner, VEHICLES))
    expect(errors).toBeUndefined()
    expect(took).toBeLessThan(1_500)
  }
  const [edited] = await timed(run(url, owner, 'updateVehicle', { id: free, name: 'free' }))
  expect(edited.__typename).toBe('UpdateVehicleSuccess')
  for (const { errors } of await Promise.all(editing)) {
    expect(errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
  }
  for (const refused of await Promise.all(reporting)) expect(refused).toContain('SERVICE_UNAVAILABLE')
  expect(performance.now() - begun).toBeLessThan(13_000)
  await holder.query('ROLLBACK')
  await holder.end()
  const again = await run(url, owner, 'updateVehicle', { id: held, name: 'again' })
  expect(again.vehicle.name).toBe('again')
})

it('of a batch with a held vehicle the reports of the others are recorded, and the batch may be sent again', async () => {
  const [held, free] = [await world.newVehicle(), await world.newVehicle()]
  const gateway = await server.token(null, 'gateway')
  const batch = [held, free].map((id) => reportAt(id, `of ${id}`, Date.now(), { speedKmh: 7 }))
  const holder = await connect(server)
  await holder.query('BEGIN')
  await holder.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [held])
  await expect(report(url, gateway, batch)).rejects.toThrow('SERVICE_UNAVAILABLE')
  const { data } = await post(url, owner, 'query ($id: ID!) { vehicle(id: $id) { state { speedKmh { value } } } }', {
    id: free,
  })
  expect(data.vehicle.state.speedKmh.value).toBe(7)
  await holder.query('ROLLBACK')
  await holder.end()
  expect(await report(url, gateway, batch)).toMatchObject({ recorded: 1, skipped: 1, rejected: [] })
})

it('a session that stalls keeps nobody from the events of others', async () => {
  const watcher = await connect(server)
  const id = await world.newVehicle()
  const follower = await follow(second.url, owner, { filter: { vehicleIds: [id] } })
  const sessions = async () =>
    (
      await watcher.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%log_end()%'
          AND pid <> pg_backend_pid()`,
      )
    ).rows.map(({ pid }) => pid)
  await expect.poll(sessions).not.toEqual([])
  const stalled = await sessions()
  for (const pid of stalled) process.kill(pid, 'SIGSTOP')
  try {
    // Through a session that is new, so that it is none of those.
    await watcher.query(
      `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at) VALUES ('VEHICLE_CHANGED', $1, $2, now(), now())`,
      [id, world.owner],
    )
    const [events, took] = await timed(follower.events(1))
    expect(events).toMatchObject([{ vehicleId: id }])
    expect(took).toBeLessThan(8_000)
  } finally {
    for (const pid of stalled) process.kill(pid, 'SIGCONT')
  }
  follower.stop()
  await watcher.end()
})
