import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SHARING } from '../../../src/data/tables/sharing.ts'
import { isIdle } from '../../../src/domain/handover/idleness.ts'
import type { Instant } from '../../../src/domain/period.ts'
import { inForce, startSharing } from '../../../src/domain/sharing.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import { mergeState, stateOf, UNKNOWN_STATE } from '../../../src/domain/state.ts'
import type { Readings } from '../../../src/domain/state.ts'
import { newVehicle } from '../../../src/domain/vehicle.ts'
import { run } from '../../support/api.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { shown, shownReadings, someReadings, stateEvents, stateOfVehicle, taken } from '../../support/readings.ts'
import type { StateEvent } from '../../support/readings.ts'
import { fromSharing, idleFacts } from '../../support/sharings.ts'
import { serverForAll } from '../../support/server.ts'
import { iso, makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

/** How a sharing came, or will come, to its end. */
const ENDS = [
  'due',
  'expired',
  'ended early',
  'ended, had no end',
  'open',
  'when idle',
  'when idle',
  'called off',
] as const

/** In milliseconds from the moment the test begins, back to back or with a gap, mostly past. */
const period = fc.record({
  by: fc.constantFrom('partner' as const, 'stranger' as const),
  gap: fc.constantFrom(0, 0, 1, 20_000),
  length: fc.constantFrom(1, 2, 10_000, 40_000, 300_000),
  over: fc.constantFrom(...ENDS),
})
const vehicle = fc.record({
  from: fc.constantFrom(-100_000, -50_000, -50_000, 100_000),
  periods: fc.array(period, { maxLength: 4, size: 'max' }),
})

type Message = {
  readonly car: number
  readonly message: number
  /** At the edge of a sharing or in its neighbourhood: its number (two to each), and how far from it. */
  readonly edge: number
  readonly off: number
  readonly readings: Readings
}

const message: fc.Arbitrary<Message> = fc.record({
  car: fc.nat(2),
  message: fc.nat(30),
  edge: fc.nat(9),
  off: fc.constantFrom(-1, 0, 1, -5000, 5000, 100_000, 100_000),
  readings: fc.oneof(
    { weight: 2, arbitrary: someReadings },
    { weight: 1, arbitrary: fc.constant<Readings>({ speedKmh: 0, ignition: false, centralLock: 'LOCKED' }) },
  ),
})
const history = fc.record({
  cars: fc.tuple(vehicle, vehicle, vehicle),
  batches: fc.array(fc.array(message, { minLength: 1, maxLength: 25, size: 'max' }), { minLength: 1, maxLength: 3 }),
})

type Periods = {
  readonly from: number
  readonly periods: readonly (typeof period extends fc.Arbitrary<infer T> ? T : never)[]
}

/** The sharings of a vehicle as the API would have left them. */
function sharingsOf(id: string, { from, periods }: Periods, world: World, now: Instant): Sharing[] {
  const car = newVehicle(id, world.owner, {})
  let free: Instant | null = now + from
  return periods.flatMap(({ by, gap, length, over }, index): Sharing[] => {
    if (free === null) return []
    const startsAt: Instant = free + gap
    const end = startsAt + length
    const order = { id: `${id}-${index}`, partnerId: world[by], startsAt, endsAt: end, allowedCommands: null }
    const agreed = startSharing(car, order, true, startsAt - 1)
    const past = end < now
    if (over !== 'called off') free = over === 'open' || over === 'when idle' ? null : end
    switch (over) {
      case 'due':
        return [agreed]
      case 'expired':
        return [past ? { ...agreed, startedAt: agreed.startsAt, endedAt: end, endReason: 'EXPIRED' } : agreed]
      case 'ended early':
        if (!past) return [agreed]
        return [
          { ...agreed, startedAt: agreed.startsAt, endsAt: end + 5000, endedAt: end, endReason: 'ENDED_BY_OWNER' },
        ]
      case 'ended, had no end':
        if (!past) return [agreed]
        return [{ ...agreed, startedAt: agreed.startsAt, endsAt: null, endedAt: end, endReason: 'ENDED_BY_PARTNER' }]
      case 'open':
        return [{ ...agreed, endsAt: null }]
      case 'when idle':
        if (startsAt > now) return [{ ...agreed, endsAt: null }]
        return [
          { ...agreed, endsAt: null, startedAt: agreed.startsAt, endRequestedAt: now - 1, endRequestedBy: world.owner },
        ]
      case 'called off':
        return [{ ...agreed, cancelledAt: startsAt - 1, endReason: 'CANCELLED_BY_OWNER' }]
    }
  })
}

type Fact = Pick<StateEvent, 'vehicleId' | 'occurredAt' | 'recordedAt' | 'state'>
const factOf = ({ vehicleId, occurredAt, recordedAt, state }: StateEvent): Fact => ({
  vehicleId,
  occurredAt,
  recordedAt,
  state,
})

describe.each([
  ['postgres', 60, 5],
  ['embedded', 15, 0],
] as const)('reports on %s', async (database, numRuns, least) => {
  // Nobody announces: where something fell due, the report has to see to it.
  const server = await serverForAll({ database, announce: false })
  const world = await makeWorld(server)
  const gateway = await server.token(null, 'gateway')
  await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.stranger] })

  it('are recorded as the domain decides: known readings, events by fleet, and the number of new ones', async () => {
    const seen = { recorded: 0, skipped: 0, partner: 0, stranger: 0, clamped: 0, changed: 0, ended: 0 }
    await fc.assert(
      fc.asyncProperty(history, async ({ cars, batches }) => {
        const { url } = server
        const { prisma } = server.app
        const now = Date.now()
        const models = await Promise.all(
          cars.map(async (car) => {
            const id = await world.newVehicle()
            const log: Record<'owner' | 'partner' | 'stranger', Fact[]> = { owner: [], partner: [], stranger: [] }
            return {
              id,
              log,
              sharings: sharingsOf(id, car, world, now),
              state: UNKNOWN_STATE,
              lastContactAt: null as Instant | null,
              known: new Set<number>(),
            }
          }),
        )
        await prisma.sharing.createMany({ data: models.flatMap(({ sharings }) => sharings.map(fromSharing)) })

        for (const batch of batches) {
          const said = batch.map((one) => {
            const { id = '', sharings = [] } = models[one.car] ?? {}
            const edges = sharings.flatMap(({ startsAt, endsAt, endedAt }) => [startsAt, endedAt ?? endsAt ?? now])
            const at = (edges[one.edge % Math.max(edges.length, 1)] ?? now) + one.off
            // What is further ahead is rejected, which is another test's matter.
            return { ...one, id, at: Math.min(at, now + 250_000) }
          })
          const answer = await report(
            url,
            gateway,
            said.map(({ id, message, at, readings }) => reportAt(id, `m${message}`, at, readings)),
          )
          const until = Date.now()

          let recorded = 0
          for (const [car, model] of models.entries()) {
            const { id, known, log } = model
            const awaited = model.sharings.find((one) => one.endRequestedAt !== null && one.endedAt === null)
            const fresh = (await stateEvents(url, world.as.owner, [id])).slice(log.owner.length)
            model.sharings = (await prisma.sharing.findMany({ where: { vehicleId: id } })).map(SHARING.fromPrisma)
            const endedAt = model.sharings.find((one) => one.id === awaited?.id)?.endedAt ?? null
            for (const { message, at, readings } of said.filter((one) => one.car === car)) {
              if (known.has(message)) continue
              known.add(message)
              recorded++
              const recordedAt = Date.parse(fresh.shift()?.recordedAt ?? '')
              const occurredAt = Math.min(at, recordedAt)
              expect(recordedAt).toBeGreaterThanOrEqual(now)
              expect(recordedAt).toBeLessThanOrEqual(until)
              if (awaited) expect(recordedAt).toBeLessThan(endedAt ?? Infinity)

              const event = { vehicleId: id, occurredAt: iso(occurredAt), recordedAt: iso(recordedAt) }
              const fact = { ...event, state: shownReadings(readings, occurredAt) }
              log.owner.push(fact)
              const partnerId = model.sharings.find((sharing) => inForce(sharing, occurredAt))?.partnerId
              for (const fleet of ['partner', 'stranger'] as const) {
                if (partnerId !== world[fleet]) continue
                log[fleet].push(fact)
                seen[fleet]++
              }
              const after = mergeState(model.state, stateOf(readings, occurredAt))
              if (occurredAt < at) seen.clamped++
              if (JSON.stringify(after) !== JSON.stringify(model.state)) seen.changed++
              model.state = after
              model.lastContactAt = Math.max(model.lastContactAt ?? occurredAt, occurredAt)
            }
            // Judged as a whole, after the last of them.
            const { state, lastContactAt } = model
            const idle = isIdle(idleFacts({ state, lastContactAt }), endedAt ?? until)
            if (awaited) expect(endedAt !== null).toBe(idle)
            if (awaited && idle) seen.ended++
          }
          const skipped = batch.length - recorded
          expect(answer).toEqual(taken(recorded, skipped))
          seen.recorded += recorded
          seen.skipped += skipped
        }

        for (const { id, state, log } of models) {
          for (const fleet of ['owner', 'partner', 'stranger'] as const) {
            expect((await stateEvents(url, world.as[fleet], [id])).map(factOf)).toEqual(log[fleet])
          }
          expect(await stateOfVehicle(url, world.as.owner, id)).toEqual(shown(state))
        }
      }),
      { numRuns, endOnFailure: true },
    )
    // Otherwise all this says little.
    for (const [name, times] of Object.entries(seen)) expect([name, times >= least]).toEqual([name, true])
    expect(seen.changed).toBeLessThan(seen.recorded)
  })
})
