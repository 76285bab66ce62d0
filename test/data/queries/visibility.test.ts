import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { openData } from '../../support/data.ts'
import type { Data } from '../../support/data.ts'
import { SHARING } from '../../../src/data/tables/sharing.ts'
import { toPrismaVehicle } from '../../../src/data/tables/vehicle.ts'
import { inForceAt, openAt, partyIs, relationIs, visibleTo } from '../../../src/data/queries/visibility.ts'
import { VEHICLE_RELATIONS } from '../../../src/domain/access/access.ts'
import type { VehicleRelation } from '../../../src/domain/access/access.ts'
import { controllerAt, seesAt, sharingAt } from '../../../src/domain/access/access.ts'
import type { Control } from '../../../src/domain/access/access.ts'
import type { Instant } from '../../../src/domain/period.ts'
import { inForce, isParty, phaseAt, SHARING_PHASES, SHARING_STATUSES, statusFor } from '../../../src/domain/sharing.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import type { Vehicle } from '../../../src/domain/vehicle.ts'
import { asOf } from '../../../src/domain/handover/settle.ts'
import type { VehicleState } from '../../../src/domain/state.ts'
import { Prisma } from '../../../src/generated/prisma/client.ts'
import type { SharingListFilter } from '../../../src/data/queries/history/sharings.ts'
import { undecidedAt } from '../../../src/data/queries/undecided.ts'
import { MAX_SILENCE_MS, policyWorlds } from '../../support/policies.ts'
import { newPostgresDatabase } from '../../support/databases.ts'
import { aVehicle, fromSharing, instants, sharingsOf } from '../../support/sharings.ts'

let db: Data
beforeAll(async () => {
  db = await openData({ databaseUrl: await newPostgresDatabase(inject('postgresUrl')), dataDir: '' })
})
afterAll(() => db.close())

const FLEETS = ['A', 'B', 'C']
const BASE = Date.UTC(2030, 0, 1)
// Where two to four sharings of a few milliseconds start and end, with an instant on either side.
const LATE = BASE + 14
const TIMELINE = instants(BASE - 2, LATE)

type World = readonly { readonly vehicle: Vehicle; readonly deleted: boolean; readonly sharings: readonly Sharing[] }[]

const carOf = (id: string) =>
  fc
    .record({ ownerId: fc.constantFrom(...FLEETS), deleted: fc.nat(4).map((n) => n === 0), hasPolicies: fc.boolean() })
    .chain((car) => {
      const vehicle = aVehicle({ id, ownerId: car.ownerId })
      const partners = FLEETS.filter((fleetId) => fleetId !== car.ownerId)
      if (!car.deleted && car.hasPolicies) {
        return policyWorlds(vehicle, partners, BASE).map((found) => ({ ...found, deleted: false }))
      }
      return sharingsOf(vehicle, partners, BASE).map((sharings) => ({
        vehicle,
        deleted: car.deleted,
        // A vehicle that is shared, or will be, cannot be deleted.
        sharings: car.deleted ? sharings.filter(({ cancelledAt }) => cancelledAt !== null) : sharings,
      }))
    })

const world: fc.Arbitrary<World> = fc.tuple(...['1', '2', '3', '4', '5'].map(carOf))

const readingsOf = ({ speedKmh, centralLock, drivingEnabled, ignition }: VehicleState) => ({
  speedKmh: speedKmh?.value ?? null,
  speedAt: speedKmh && new Date(speedKmh.observedAt),
  centralLock: centralLock?.value ?? null,
  centralLockAt: centralLock && new Date(centralLock.observedAt),
  drivingEnabled: drivingEnabled?.value ?? null,
  drivingEnabledAt: drivingEnabled && new Date(drivingEnabled.observedAt),
  ignition: ignition?.value ?? null,
  ignitionAt: ignition && new Date(ignition.observedAt),
})

async function store(cars: World): Promise<void> {
  await db.prisma.$transaction([db.prisma.sharing.deleteMany(), db.prisma.vehicle.deleteMany()])
  const times = { lastInstant: new Date(BASE), createdAt: new Date(BASE) }
  const rows = cars.map(({ vehicle, deleted }) => {
    const { state, lastContactAt, use } = vehicle
    return {
      ...toPrismaVehicle(vehicle),
      ...times,
      deletedAt: deleted ? new Date(BASE) : null,
      ...readingsOf(state),
      lastContactAt: lastContactAt === null ? null : new Date(lastContactAt),
      use: use ?? Prisma.DbNull,
    }
  })
  await db.prisma.vehicle.createMany({ data: rows })
  await db.prisma.sharing.createMany({ data: cars.flatMap(({ sharings }) => sharings.map(fromSharing)) })
}

const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id).toSorted()

const vehiclesWhere = async (where: Prisma.VehicleWhereInput) =>
  idsOf(await db.prisma.vehicle.findMany({ where, select: { id: true } }))
const sharingsWhere = async (where: Prisma.SharingWhereInput) =>
  idsOf(await db.prisma.sharing.findMany({ where, select: { id: true } }))

/** What each relation means, said with access.ts. */
const RELATIONS: Record<VehicleRelation, (fleetId: string, control: Control, at: Instant) => boolean> = {
  OWNED: (fleetId, { vehicle }) => vehicle.ownerId === fleetId,
  SHARED_OUT: (fleetId, control, at) => control.vehicle.ownerId === fleetId && sharingAt(control, at) !== null,
  SHARED_IN: (fleetId, control, at) => control.vehicle.ownerId !== fleetId && controllerAt(control, at) === fleetId,
}

/** The list in its own words, page by page: forwards, and again backwards. */
async function listed(fleetId: string, relation: VehicleRelation | null, at: Instant): Promise<string[]> {
  const read = async (backwards: boolean) => {
    const ids: string[] = []
    for (;;) {
      const edge = ids.at(-1) ?? null
      const place = backwards ? { after: null, before: edge } : { after: edge, before: null }
      const page = await db.prisma.vehicle.page(fleetId, at, { relation, ids: null }, { ...place, limit: 2, backwards })
      ids.push(...page.map(({ id }) => id))
      if (page.length < 2) return ids
    }
  }
  const [forwards, backwards] = await Promise.all([read(false), read(true)])
  expect(backwards.toReversed()).toEqual(forwards)
  return forwards
}

/** The fleet's sharings, page by page: forwards, or at every other instant backwards. */
async function sharingsListed(fleetId: string, filter: SharingListFilter, at: Instant): Promise<string[]> {
  const backwards = at % 2 === 0
  const found: Sharing[] = []
  for (;;) {
    const last = found.at(-1)
    const edge = last ? ([last.startsAt, last.id] as const) : null
    const place = backwards ? { after: null, before: edge } : { after: edge, before: null }
    const page = await db.prisma.sharing.page(fleetId, at, filter, { ...place, limit: 3, backwards })
    found.push(...page)
    if (page.length < 3) break
  }
  if (backwards) found.reverse()
  expect(found.toSorted((a, b) => b.startsAt - a.startsAt || (a.id < b.id ? 1 : -1))).toEqual(found)
  return idsOf(found)
}

/** The world with all that fell due. */
const settledAt = (cars: World, at: Instant) =>
  cars.map((car) => {
    const { vehicle, sharings } = car
    return { ...car, sharings: asOf(sharings, { ...vehicle, maxSilenceMs: MAX_SILENCE_MS }, at).sharings }
  })

/** The same world, asked twice: what the conditions find, and what the domain says. */
async function bothAt(cars: World, at: Instant) {
  const settled = settledAt(cars, at)
  const there = settled.filter(({ deleted }) => !deleted)
  const sharings = settled.flatMap((car) => car.sharings)
  const undecided = await undecidedAt(db.services.query, at)
  const vehicles = (holds: (control: Control) => boolean) => idsOf(there.filter(holds).map(({ vehicle }) => vehicle))
  const those = (holds: (sharing: Sharing) => boolean) => idsOf(sharings.filter(holds))
  const questions: [string, Promise<string[]>, string[]][] = [
    ['openAt', sharingsWhere(openAt(at, undecided)), those((s) => ['SCHEDULED', 'ACTIVE'].includes(phaseAt(s, at)))],
    ['inForceAt', sharingsWhere(inForceAt(at, undecided)), those((s) => inForce(s, at))],
    ...FLEETS.flatMap((fleet): typeof questions => [
      ...SHARING_PHASES.map((phase): (typeof questions)[number] => [
        `${phase} sharings of ${fleet}`,
        sharingsListed(fleet, { phase, status: null, vehicleId: null }, at),
        those((s) => isParty(s, fleet) && phaseAt(s, at) === phase),
      ]),
      [
        `visibleTo ${fleet}`,
        vehiclesWhere(visibleTo(fleet, at, undecided)),
        vehicles((control) => seesAt(fleet, control, at)),
      ],
      ...VEHICLE_RELATIONS.map((relation): (typeof questions)[number] => [
        `relationIs ${relation} ${fleet}`,
        vehiclesWhere(relationIs(relation, fleet, at, undecided)),
        vehicles((control) => RELATIONS[relation](fleet, control, at)),
      ]),
      [`list of ${fleet}`, listed(fleet, null, at), vehicles((control) => seesAt(fleet, control, at))],
      ...VEHICLE_RELATIONS.map((relation): (typeof questions)[number] => [
        `list ${relation} of ${fleet}`,
        listed(fleet, relation, at),
        vehicles((control) => RELATIONS[relation](fleet, control, at)),
      ]),
    ]),
  ]
  const found = await Promise.all(questions.map(async ([name, answer]) => [name, await answer] as const))
  return { found: Object.fromEntries(found), said: Object.fromEntries(questions.map(([name, , said]) => [name, said])) }
}

it('lists agree with the domain, in any world and at any instant', async () => {
  await db.prisma.fleet.createMany({ data: FLEETS.map((id) => ({ id, name: id })) })
  const met = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(world, async (cars) => {
      await store(cars)
      const stored = (await db.prisma.sharing.findMany()).map(SHARING.fromPrisma)
      expect(new Set(stored)).toEqual(new Set(cars.flatMap(({ sharings }) => sharings)))
      for (const at of TIMELINE) {
        const { found, said } = await bothAt(cars, at)
        expect(found).toEqual(said)
        for (const [name, ids] of Object.entries(said)) met.set(name, (met.get(name) ?? 0) + ids.length)
      }
      for (const fleetId of [...FLEETS, 'nobody']) {
        const party = cars.flatMap(({ sharings }) => sharings).filter((sharing) => isParty(sharing, fleetId))
        expect(await sharingsWhere(partyIs(fleetId))).toEqual(idsOf(party))
        for (const status of [null, ...SHARING_STATUSES]) {
          const expected = party.filter((sharing) => status === null || statusFor(sharing, fleetId) === status)
          for (const vehicleId of [null, '1', '2']) {
            const filter = { phase: null, status, vehicleId }
            const ofVehicle = expected.filter((sharing) => vehicleId === null || sharing.vehicleId === vehicleId)
            expect(await sharingsListed(fleetId, filter, BASE)).toEqual(idsOf(ofVehicle))
          }
          const [phase, vehicleId] = ['ENDED', '1'] as const
          const ended = settledAt(cars, LATE)
            .flatMap(({ sharings }) => sharings)
            .filter((s) => isParty(s, fleetId) && (status === null || statusFor(s, fleetId) === status))
            .filter((s) => s.vehicleId === vehicleId && phaseAt(s, LATE) === phase)
          expect(await sharingsListed(fleetId, { phase, status, vehicleId }, LATE)).toEqual(idsOf(ended))
        }
      }
    }),
    { numRuns: 20 },
  )
  // Agreeing on nothing would prove nothing: each question has had answers.
  expect([...met].filter(([, count]) => count === 0)).toEqual([])
  expect(met.size).toBe(2 + FLEETS.length * (SHARING_PHASES.length + 2 * (1 + VEHICLE_RELATIONS.length)))
})
