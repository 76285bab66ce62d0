import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { openData } from '../../support/data.ts'
import type { Data } from '../../support/data.ts'
import { storedSharing } from '../../../src/data/decisions/snapshot.ts'
import { COMMAND } from '../../../src/data/tables/command.ts'
import { select } from '../../../src/data/tables/record.ts'
import type { Expression } from '../../../src/data/tables/record.ts'
import type { Row } from '../../../src/data/tables/kinds.ts'
import { toPrismaVehicle } from '../../../src/data/tables/vehicle.ts'
import { COMMAND_TYPES } from '../../../src/domain/command.ts'
import type { Command } from '../../../src/domain/command.ts'
import { VEHICLE_EVENT_TYPES } from '../../../src/domain/log/event.ts'
import { LATEST_INSTANT } from '../../../src/domain/period.ts'
import type { Instant } from '../../../src/domain/period.ts'
import type { Sharing } from '../../../src/domain/sharing.ts'
import type { Vehicle } from '../../../src/domain/vehicle.ts'
import { newDataDir, newPostgresDatabase } from '../../support/databases.ts'
import { aSharing, fromSharing } from '../../support/sharings.ts'

const OWNER = 'owner'
const PARTNER = 'partner'

const date = (at: Instant | null | undefined) => (at == null ? null : new Date(at))

const nullable = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null })
// Before and behind where PostgreSQL begins to count, and where its count is more than a number holds.
const instants = fc.oneof(
  fc.integer({ min: 0, max: LATEST_INSTANT }),
  fc.constantFrom(
    0,
    1,
    Date.UTC(2000, 0, 1) - 1,
    Date.UTC(2000, 0, 1),
    Date.UTC(2000, 0, 1) + 1,
    LATEST_INSTANT - 1,
    LATEST_INSTANT,
  ),
)
// JavaScript's driver does not send the sign of a zero.
const floats = (min: number, max: number) =>
  fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(0, max, 5e-324, 0.1 + 0.2)).map((value) => value + 0)
const texts = nullable(
  fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    fc.constantFrom('', '\u001f', '\\x00', '{}', 'ü\u{1f697}'),
  ),
)
const reading = <T>(values: fc.Arbitrary<T>) => nullable(fc.record({ value: values, observedAt: instants }))
const commands = fc.subarray([...COMMAND_TYPES])

const vehicles: fc.Arbitrary<Vehicle> = fc.record({
  id: fc.stringMatching(/^[\w-]{1,64}$/),
  ownerId: fc.constant(OWNER),
  name: texts,
  licensePlate: texts,
  vin: texts,
  brand: texts,
  model: texts,
  supportedCommands: commands,
  state: fc.record({
    position: reading(fc.record({ latitude: floats(-90, 90), longitude: floats(-180, 180) })),
    speedKmh: reading(floats(0, Number.MAX_VALUE)),
    mileageKm: reading(floats(0, Number.MAX_VALUE)),
    energyPercent: reading(floats(0, 100)),
    centralLock: reading(fc.constantFrom('LOCKED' as const, 'UNLOCKED' as const)),
    drivingEnabled: reading(fc.boolean()),
    ignition: reading(fc.boolean()),
  }),
  lastContactAt: nullable(instants),
  use: nullable(fc.record({ since: instants, fleetId: fc.constantFrom(OWNER, PARTNER), reference: texts })),
})

const givenCommands: fc.Arbitrary<Command> = fc.record({
  id: fc.constantFrom('c', '"', '\\', 'NULL', 'a,b', '{', ' '),
  type: fc.constantFrom(...COMMAND_TYPES),
  status: fc.constant('PENDING' as const),
  vehicleId: fc.stringMatching(/^[\w-]{1,64}$/),
  ownerId: fc.constant(OWNER),
  fleetId: fc.constant(PARTNER),
  sharingId: fc.constantFrom(null, 'null'),
  requestedAt: instants,
  deadline: instants,
  dispatchedAt: nullable(instants),
  completedAt: nullable(instants),
  message: texts,
})

const LENGTH = 10

/** One that is open, or over in either way. */
const sharings: fc.Arbitrary<Omit<Sharing, 'vehicleId'>> = fc
  .record({
    id: fc.stringMatching(/^[\w-]{1,64}$/),
    startsAt: instants.map((at) => Math.min(Math.max(at, 1), LATEST_INSTANT - LENGTH)),
    ends: fc.boolean(),
    over: fc.constantFrom('open', 'open', 'ended', 'cancelled'),
    allowedCommands: commands.map((some) => (some.length === 0 ? null : some)),
    startRecorded: fc.boolean(),
    endRequested: nullable(fc.record({ at: instants, by: fc.constantFrom(OWNER, PARTNER) })),
    createdAt: instants,
  })
  .map(({ ends, over, endRequested, startRecorded, ...sharing }) => ({
    ...aSharing({ ownerId: OWNER, partnerId: PARTNER }),
    ...sharing,
    startedAt: startRecorded && over !== 'cancelled' ? sharing.startsAt : null,
    endsAt: ends ? sharing.startsAt + LENGTH : null,
    endedAt: over === 'ended' ? sharing.startsAt + 1 : null,
    cancelledAt: over === 'cancelled' ? sharing.startsAt - 1 : null,
    endReason: over === 'open' ? null : over === 'ended' ? 'ENDED_BY_PARTNER' : 'CANCELLED_BY_OWNER',
    endRequestedAt: endRequested?.at ?? null,
    endRequestedBy: endRequested?.by ?? null,
  }))

const READINGS = `latitude = $2, longitude = $3, position_at = $4, speed_kmh = $5, speed_at = $6, mileage_km = $7,
  mileage_at = $8, energy_percent = $9, energy_at = $10, central_lock = $11, central_lock_at = $12,
  driving_enabled = $13, driving_enabled_at = $14, ignition = $15, ignition_at = $16, last_contact_at = $17, use = $18::jsonb`

async function storeVehicle(db: Data, vehicle: Vehicle, sharing: Sharing | null): Promise<void> {
  const { position, ...readings } = vehicle.state
  await db.prisma.vehicle.create({
    data: { ...toPrismaVehicle(vehicle), lastInstant: new Date(LATEST_INSTANT), createdAt: new Date(0) },
  })
  // Not through Prisma, which rounds numbers.
  await db.services.query({ name: 'readings', text: `UPDATE vehicle SET ${READINGS} WHERE id = $1` }, [
    vehicle.id,
    position?.value.latitude,
    position?.value.longitude,
    date(position?.observedAt),
    ...Object.values(readings).flatMap((reading) => [reading?.value, date(reading?.observedAt)]),
    date(vehicle.lastContactAt),
    vehicle.use && JSON.stringify(vehicle.use),
  ])
  if (sharing) await db.prisma.sharing.create({ data: fromSharing(sharing) })
}

const events = fc.record({
  position: fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER - 1)),
  tag: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  type: fc.constantFrom(...VEHICLE_EVENT_TYPES),
  vehicleId: fc.stringMatching(/^[\w-]{1,64}$/),
  partnerId: fc.constantFrom(null, PARTNER),
  occurredAt: instants,
  recordedAt: instants,
  requestId: nullable(fc.stringMatching(/^[\w-]{1,64}$/)),
  namedId: fc.uuid(),
  facts: fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(fc.integer(), fc.constantFrom('|', '\u001f', '"'))),
  removed: nullable(fc.integer({ min: 0, max: 2 ** 40 })),
})

describe.each(['postgres', 'embedded'])('records on %s', (kind) => {
  let db: Data
  beforeAll(async () => {
    const databaseUrl = kind === 'postgres' ? await newPostgresDatabase(inject('postgresUrl')) : null
    const dataDir = kind === 'postgres' ? '' : await newDataDir(inject('embeddedTemplate'))
    db = await openData({ databaseUrl, dataDir })
  })
  afterAll(() => db.close())
  beforeEach(async () => {
    const { prisma } = db
    await prisma.fleet.createMany({ data: [OWNER, PARTNER].map((id) => ({ id, name: id })), skipDuplicates: true })
  })

  async function clear(): Promise<void> {
    const { sharing, vehicle, event, pruned } = db.prisma
    await sharing.deleteMany()
    await Promise.all([vehicle.deleteMany(), event.deleteMany(), pruned.deleteMany()])
  }

  it('comes out as it was stored: vehicles and sharings', async () => {
    await fc.assert(
      fc
        .asyncProperty(vehicles, nullable(sharings), async (vehicle, lent) => {
          // The database lets no two objects have one id.
          fc.pre(new Set([OWNER, PARTNER, vehicle.id, lent?.id]).size === 4)
          const sharing = lent && { ...lent, vehicleId: vehicle.id }
          await storeVehicle(db, vehicle, sharing)
          const isOpen = sharing?.endReason === null
          expect(await db.services.openVehicles.vehicle(vehicle.id, 0)).toEqual({
            ...vehicle,
            maxSilenceMs: 3_600_000,
            sharings: isOpen ? [sharing] : [],
          })
          // Who decides knows the one that is named, too, whether or not it is over.
          const stored = await db.services.snapshots({ vehicleId: vehicle.id, sharingId: sharing?.id })
          expect(stored).toMatchObject({
            deleted: false,
            lastInstant: LATEST_INSTANT,
            arePartners: false,
            commands: [],
          })
          expect(stored?.vehicle).toEqual(vehicle)
          expect(stored?.sharings).toEqual(sharing ? [sharing] : [])
          if (sharing) expect(await storedSharing(db.services, sharing.id)).toEqual(sharing)
        })
        .beforeEach(clear),
    )
  })

  it('goes in by arrays as what it is', async () => {
    const keys = ['id', 'type', 'vehicleId', 'ownerId', 'fleetId', 'sharingId', 'requestedAt', 'deadline'] as const
    const arrays = COMMAND.arrays(keys)
    const text = `SELECT to_jsonb(n) AS row FROM ${arrays.unnest(1)} WITH ORDINALITY AS n (${arrays.names}, ordinality)
      ORDER BY n.ordinality`
    await fc.assert(
      fc.asyncProperty(fc.array(givenCommands), async (given) => {
        const rows = await db.services.query<{ row: Row }>({ name: 'arrays', text }, arrays.values(given))
        expect(rows.map(({ row }) => COMMAND.fromJson(row))).toEqual(given)
      }),
    )
  })

  it('comes out as it was stored: events', async () => {
    await fc.assert(
      fc
        .asyncProperty(events, async ({ removed, namedId, ...event }) => {
          const isCommand = event.type === 'COMMAND_UPDATED'
          const names = {
            ...(isCommand ? { commandId: namedId } : {}),
            ...(event.type.startsWith('SHARING_') ? { sharingId: namedId } : {}),
          }
          await db.prisma.event.create({
            data: {
              ...event,
              ...names,
              ownerId: OWNER,
              occurredAt: new Date(event.occurredAt),
              recordedAt: new Date(event.recordedAt),
            },
          })
          const pruned = { fleetId: OWNER, type: event.type }
          if (removed !== null) await db.prisma.pruned.create({ data: { ...pruned, position: removed } })
          const { facts, ...common } = event
          const expected = {
            ...common,
            ...names,
            ownerId: OWNER,
            ...(event.type === 'VEHICLE_CHANGED' ? {} : { facts }),
          }
          const everything = { vehicleIds: null, types: null }
          expect(await db.prisma.event.range(0, Number.MAX_SAFE_INTEGER, 10)).toEqual([expected])
          const page = await db.prisma.event.ofFleet(OWNER, everything, null, Number.MAX_SAFE_INTEGER, 10)
          expect(page.events).toEqual([expected])
          // Known on a page without events, too.
          const behind = db.prisma.event.ofFleet(OWNER, everything, event.position, Number.MAX_SAFE_INTEGER, 10)
          if (removed !== null && removed > event.position) await expect(behind).rejects.toThrow('has been removed')
          else expect((await behind).events).toEqual([])
        })
        .beforeEach(clear),
    )
  })

  it('does not depend on how the session writes values', async () => {
    const expressions: readonly Expression[] = [
      { sql: '0.1::float8 + 0.2::float8', kind: 'float' },
      { sql: `'LOCKED'`, kind: 'word' },
      { sql: '-4294967297::bigint', kind: 'integer' },
      { sql: 'NULL', kind: 'word' },
      { sql: `'1969-12-31 23:59:59.999+00'::timestamptz`, kind: 'instant' },
      { sql: 'NULL::timestamptz', kind: 'instant' },
      { sql: 'TRUE', kind: 'flag' },
      { sql: 'FALSE', kind: 'flag' },
      { sql: `ARRAY['A', 'B']`, kind: 'words' },
      { sql: `'{}'::text[]`, kind: 'words' },
      { sql: `E'a\\x1f'`, kind: 'text' },
      null,
    ]
    const selection = select({ expressions, decode: (...values) => values })
    await db.services.transaction(async (tx) => {
      for (const setting of [
        `datestyle = 'German'`,
        `timezone = 'Asia/Tokyo'`,
        `bytea_output = 'escape'`,
        'extra_float_digits = -15',
      ])
        await tx.query({ name: setting, text: `SET LOCAL ${setting}` }, [])
      const [row] = await tx.query<Row>({ name: 'packed', text: `SELECT ${selection.sql}` }, [])
      if (!row) throw new Error('a row is missing')
      const instants = [-1, null]
      const others = [['A', 'B'], [], 'a\u001f', null]
      expect(selection.read(row)).toEqual([0.1 + 0.2, 'LOCKED', -4294967297, null, ...instants, true, false, ...others])
    })
  })
})
