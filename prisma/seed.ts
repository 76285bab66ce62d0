import type { Database } from '../src/data/client.ts'
import { registerPartnership } from '../src/data/fleets.ts'
import { insertVehicle } from '../src/data/vehicles.ts'
import { newVehicle } from '../src/domain/vehicle.ts'

const SHARE_ONE = { id: '78LMK', name: 'ShareOne' }
const SHARE_TWO = { id: 'DE3P4', name: 'ShareTwo' }
const LONE_WHEELS = { id: 'Q7X2B', name: 'LoneWheels' }

const MODELS = [
  ['Renault', 'Zoe'],
  ['Fiat', '500e'],
  ['Volkswagen', 'ID.3'],
  ['Hyundai', 'Kona'],
  ['Smart', 'fortwo'],
  ['NIU', 'NQi Sport'],
  ['Govecs', 'Schwalbe'],
] as const
const PLACES = [
  'Station',
  'Harbour',
  'Market',
  'Museum',
  'Old Town',
  'Campus',
  'Park',
  'Arena',
  'Mill',
  'Bridge',
] as const

/** The same numbers for every start: the demo world is one that documentation can speak of. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; state = (state * 48271) % 2147483647) yield state
}

/**
 * Two partner fleets, a third that is partner of neither, and the vehicles of a small city.
 * @returns whether it was made: it goes into an empty database only
 */
export async function seedDemoWorld(db: Database): Promise<boolean> {
  const fleets = [SHARE_ONE, SHARE_TWO, LONE_WHEELS]
  if ((await db.prisma.fleet.count()) > 0) return false
  await db.prisma.fleet.createMany({ data: fleets, skipDuplicates: true })
  await registerPartnership(db, [SHARE_ONE.id, SHARE_TWO.id])
  const random = numbers(852)
  const draw = (below: number) => random.next().value % below
  const counts = [36, 18, 6]
  for (const [index, fleet] of fleets.entries()) {
    for (let nth = 0; nth < (counts[index] ?? 0); nth++) {
      const id = index === 0 && nth === 0 ? 'FK852' : demoId(draw)
      const [brand, model] = MODELS[draw(MODELS.length)] ?? MODELS[0]
      const name = `${PLACES[draw(PLACES.length)]} ${nth + 1}`
      const licensePlate = `${'HBM'[index]} ${demoId(draw).slice(0, 2)} ${100 + draw(900)}`
      const vin = `WFS${String(draw(1e9)).padStart(9, '0')}${String(10_000 + nth)}`
      await insertVehicle(db, newVehicle(id, fleet.id, { name, licensePlate, vin, brand, model }), null)
    }
  }
  return true
}

const demoId = (draw: (below: number) => number): string =>
  Array.from({ length: 5 }, (_, place) => (place < 2 ? 'ABCDEFGHJKLMNPRSTUVWXYZ'[draw(23)] : String(draw(10)))).join('')
