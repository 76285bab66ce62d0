import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { report, reportAt } from './support/gateway.ts'
import { stateEvents } from './support/readings.ts'
import { startSecond, startServer } from './support/server.ts'
import type { TestServer } from './support/server.ts'
import { at, makeWorld } from './support/world.ts'
import type { World } from './support/world.ts'

/** A morning of Portland's shared cars. */
const FILE = fileURLToPath(new URL('../../shared/data/portland-car2go.json', import.meta.url))
const there = existsSync(FILE)
if (!there) console.warn(`\n!!! ${FILE} is not there: NOBODY CHECKS WHAT A WHOLE CITY'S CARS REPORT !!!\n`)

const SECONDS = Number(process.env['TELEMETRY_SECONDS'] ?? 6)
const LATE = 0.05
const REPEATED = 0.05

type Car = { readonly vehicleId: string; readonly latitude: number; readonly longitude: number }
type Message = ReturnType<typeof reportAt> & { readonly mileageKm?: number }

/** The mileage numbers a vehicle's messages: that is how they are known again in the log. */
const nameOf = (vehicleId: string, mileage: unknown) => `${vehicleId} ${Number(mileage)}`

const LIVE = `subscription ($after: String) { vehicleEvents(after: $after, filter: { types: [STATE_RECORDED] }) {
  vehicleId recordedAt ... on StateEvent { state { mileageKm { value } } } } }`

type Seen = { readonly name: string; readonly recordedAt: number; readonly at: number }

/** A subscriber that looks at the clock whenever something comes. */
function subscriberOn({ url }: TestServer, token: string, after: string) {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  const seen: Seen[] = []
  let look = () => {}
  type Event = { vehicleId: string; recordedAt: string; state: { mileageKm: { value: number } } }
  client.subscribe<{ vehicleEvents: Event }>(
    { query: LIVE, variables: { after } },
    {
      next: ({ data }) => {
        if (!data) return
        const { vehicleId, recordedAt, state } = data.vehicleEvents
        seen.push({
          name: nameOf(vehicleId, state.mileageKm.value),
          recordedAt: Date.parse(recordedAt),
          at: performance.timeOrigin + performance.now(),
        })
        look()
      },
      error: () => {},
      complete: () => {},
    },
  )
  return {
    seen,
    /** All before the event of a name, as soon as that has come. */
    before: (name: string) =>
      new Promise<Seen[]>((resolve) => {
        look = () => seen.at(-1)?.name === name && resolve(seen.slice(0, -1))
        look()
      }),
    stop: () => client.dispose(),
  }
}

const quantiles = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  const of = (share: number) => (sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0).toFixed(1)
  return `p50 ${of(0.5)} ms, p99 ${of(0.99)} ms, max ${of(1)} ms`
}

describe.skipIf(!there)("Portland's cars, reporting every second through two gateways on two instances", () => {
  let servers: readonly [TestServer, TestServer]
  let world: World
  let cars: Car[]
  beforeAll(async () => {
    const first = await startServer()
    servers = [first, await startSecond(first)]
    world = await makeWorld(first)
    const file = JSON.parse(readFileSync(FILE, 'utf8')) as { id: string; lat: number; lon: number }[]
    cars = []
    for (const { id, lat, lon } of file) {
      cars.push({ vehicleId: await world.newVehicle({ name: id }), latitude: lat, longitude: lon })
    }
  })
  afterAll(async () => {
    await servers[1].close()
    await servers[0].close()
  })

  it(
    "each distinct message is exactly once in the owner's log, live and afterwards, however late or often it came",
    { timeout: 60_000 + SECONDS * 2_000 },
    async () => {
      const gateway = await servers[0].token(null, 'gateway')
      // Something in the log to follow from: what comes next reaches the subscribers however long they take to open.
      const other = await world.newVehicle()
      await report(servers[0].url, gateway, [reportAt(other, 'first', Date.now(), { mileageKm: 1 })])
      const after = (await stateEvents(servers[0].url, world.as.owner))[0]?.cursor ?? ''
      const subscribers = servers.map((server) => subscriberOn(server, world.as.owner, after))

      const answered = new Map<string, number>()
      const calls: number[] = []
      const sum = { sent: 0, recorded: 0, skipped: 0 }
      const send = async (server: TestServer, messages: readonly Message[]) => {
        if (messages.length === 0) return
        const begun = performance.now()
        const answer = await report(server.url, gateway, messages)
        calls.push(performance.now() - begun)
        expect(answer).toMatchObject({ __typename: 'ReportVehicleStatesSuccess', rejected: [] })
        sum.sent += messages.length
        sum.recorded += answer.recorded as number
        sum.skipped += answer.skipped as number
        const now = performance.timeOrigin + performance.now()
        for (const { vehicleId, mileageKm } of messages) {
          const name = nameOf(vehicleId, mileageKm)
          if (!answered.has(name)) answered.set(name, now)
        }
      }

      const names: string[] = []
      /** What each gateway still has to send, by the second in which it does. */
      const outbox = servers.map(() => new Map<number, Message[]>())
      const post = (gateway: number, second: number, message: Message) => {
        const box = outbox[gateway]
        box?.set(second, [...(box.get(second) ?? []), message])
      }
      const started = Date.now()
      const pending: Promise<void>[] = []
      for (let second = 0; second < SECONDS + 3; second++) {
        if (second < SECONDS) {
          await at(started + second * 1000)
          for (const [index, { vehicleId, latitude, longitude }] of cars.entries()) {
            const mileageKm = second + 1
            const position = { latitude: latitude + second * 1e-5, longitude }
            const fields = { mileageKm, position, speedKmh: 30, ignition: true }
            const message = { ...reportAt(vehicleId, `${second}`, Date.now(), fields), mileageKm }
            names.push(nameOf(vehicleId, mileageKm))
            const mine = index % 2
            post(mine, Math.random() < LATE ? second + 1 + Math.floor(Math.random() * 2) : second, message)
            // Again by either gateway, at once or with the next.
            if (Math.random() < REPEATED) {
              post(Math.random() < 0.5 ? mine : 1 - mine, second + Math.floor(Math.random() * 3), message)
            }
          }
        }
        for (const [index, server] of servers.entries()) pending.push(send(server, outbox[index]?.get(second) ?? []))
      }
      await Promise.all(pending)
      const elapsed = Math.max((Date.now() - started) / 1000, SECONDS)

      expect(sum).toEqual({ sent: sum.sent, recorded: names.length, skipped: sum.sent - names.length })
      expect(sum.skipped).toBeGreaterThan(0)
      const expected = names.toSorted()
      await report(servers[0].url, gateway, [reportAt(other, 'last', Date.now(), { mileageKm: 2 })])
      for (const { before } of subscribers) {
        const live = await before(nameOf(other, 2))
        expect(live.map(({ name }) => name).toSorted()).toEqual(expected)
      }
      for (const { url } of servers) {
        const history = (await stateEvents(url, world.as.owner)).slice(1, -1)
        const logged = history.map(({ vehicleId, state }) => nameOf(vehicleId, state.mileageKm?.['value']))
        expect(logged.toSorted()).toEqual(expected)
      }
      const rows = await servers[0].app.prisma.vehicle.findMany({
        where: { ownerId: world.owner, id: { not: other } },
      })
      expect(rows.map(({ mileageKm }) => mileageKm)).toEqual(cars.map(() => SECONDS))
      for (const { stop } of subscribers) await stop()

      const delays = ({ seen }: { seen: readonly Seen[] }) =>
        seen.flatMap((one) => {
          const from = answered.get(one.name)
          return from === undefined ? [] : [one.at - from]
        })
      const busy = calls.reduce((total, ms) => total + ms, 0) / 1000
      console.log(
        [
          `\n${cars.length} cars, ${SECONDS} s: ${sum.sent} reports sent, ${sum.recorded} recorded, ${sum.skipped} known`,
          `${(sum.sent / elapsed).toFixed(0)} reports/s; ${(sum.sent / busy).toFixed(0)} per second spent waiting for an answer`,
          `a batch of about ${(sum.sent / calls.length).toFixed(0)} is answered in: ${quantiles(calls)}`,
          `from its instant (recordedAt) to a subscriber: ${quantiles(subscribers.flatMap(({ seen }) => seen.map((one) => one.at - one.recordedAt)))}`,
          `from its answer to a subscriber: ${quantiles(subscribers.flatMap(delays))}`,
          ...subscribers.map((subscriber, index) => `  on instance ${index + 1}: ${quantiles(delays(subscriber))}`),
        ].join('\n'),
      )
    },
  )
})
