import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeControlWorld } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { DRIVEN, inShort, PARKED, reporting, start } from '../support/handover.ts'
import { startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { iso } from '../support/world.ts'

let server: TestServer
let second: TestServer
let world: ControlWorld
beforeAll(async () => {
  server = await startServer()
  second = await startSecond(server)
  world = await makeControlWorld(server)
})
afterAll(async () => {
  await second.close()
  await server.close()
})

it.each([
  ['an idle vehicle', PARKED, 'idle'],
  ['a vehicle in use', DRIVEN, 'driven'],
] as const)(
  'what falls due for %s is announced once, as of its instant, by whichever instance',
  async (_, readings, how) => {
    const tell = reporting(server, world)
    const vehicleId = await world.newVehicle()
    await tell(vehicleId, readings)
    const startsAt = Date.now() + 700
    const [endsAt, latestEndsAt] = [startsAt + 700, startsAt + 1_400]
    const policies = { startPolicy: how === 'idle' ? 'WHEN_IDLE' : 'ON_TIME', endPolicy: 'WHEN_IDLE' }
    const times = { startsAt: iso(startsAt), endsAt: iso(endsAt), latestEndsAt: iso(latestEndsAt) }
    const { sharing } = await start(server.url, world.as.owner, {
      vehicleId,
      fleetId: world.partner,
      ...policies,
      ...times,
    })
    const waits = vehicleId
    const never = how === 'idle' ? null : await world.newVehicle()
    if (never) {
      await tell(never, DRIVEN)
      const late = { startPolicy: 'WHEN_IDLE', startsAt: iso(startsAt), endsAt: iso(endsAt) }
      await start(server.url, world.as.owner, { vehicleId: never, fleetId: world.partner, ...late })
    }
    const story = async (id: string) =>
      (await world.log(id)).flatMap((entry) =>
        entry.what.startsWith('SHARING') ? [`${inShort([entry])[0]} ${Date.parse(entry.occurredAt) - startsAt}`] : [],
      )
    const expected =
      how === 'idle'
        ? ['SHARING_STARTED 0', 'SHARING_ENDED EXPIRED 700']
        : ['SHARING_STARTED 0', 'SHARING_END_REQUESTED 700', 'SHARING_ENDED EXPIRED 1400']
    await expect.poll(async () => (await story(waits)).slice(1), { timeout: 10_000 }).toEqual(expected)
    if (never) {
      const given = ['SHARING_START_AWAITED 0', 'SHARING_CANCELLED NOT_HANDED_OVER 700']
      await expect.poll(async () => (await story(never)).slice(1), { timeout: 10_000 }).toEqual(given)
    }
    const requests = (await world.log(waits)).filter(({ of }) => of === sharing.id).slice(1)
    expect(new Set(requests.map(({ requestId }) => requestId))).toEqual(new Set([null]))
  },
)
