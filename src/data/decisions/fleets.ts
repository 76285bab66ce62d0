import { LRUCache } from 'lru-cache'
import { RequestError } from '../../domain/errors.ts'
import { newFleet, partnersOf } from '../../domain/fleet.ts'
import type { Fleet } from '../../domain/fleet.ts'
import type { Database } from '../client.ts'
import { withShortId } from './short-id.ts'
import { isId } from '../tables/ids.ts'

const KNOWN_FLEETS = 10_000

/** Whether a fleet exists. Fleets never go, so that a yes holds for ever; a no is asked again. */
export function fleetRegister({ prisma }: Database): (id: string) => Promise<boolean> {
  const known = new LRUCache<string, true>({ max: KNOWN_FLEETS })
  return async (id) => {
    if (known.has(id)) return true
    if (!isId(id) || (await prisma.fleet.count({ where: { id } })) === 0) return false
    known.set(id, true)
    return true
  }
}

/** @throws InputError; RequestError CONFLICT if another fleet has this id or name */
export async function createFleet({ prisma }: Database, id: string | null, name: string): Promise<Fleet> {
  const insert = async (fleet: Fleet) => {
    const { count } = await prisma.fleet.createMany({ data: [fleet], skipDuplicates: true })
    return count === 1 ? fleet : null
  }
  if (id !== null) {
    const fleet = await insert(newFleet(id, name))
    if (fleet === null) throw new RequestError('CONFLICT', 'Another fleet already has this id or name.')
    return fleet
  }
  return withShortId(async (candidate) => {
    const fleet = await insert(newFleet(candidate, name))
    if (fleet === null && (await prisma.fleet.count({ where: { name } })) > 0) {
      throw new RequestError('CONFLICT', 'Another fleet already has this name.')
    }
    return fleet
  })
}

/** @returns the two, in the order given. @throws InputError; RequestError FLEET_NOT_FOUND */
export async function registerPartnership(db: Database, fleetIds: readonly string[]): Promise<Fleet[]> {
  const [a, b] = partnersOf(fleetIds)
  const fleets = await bothFleets(db, fleetIds)
  await db.prisma.partnership.createMany({
    data: [
      { fleetId: a, partnerId: b },
      { fleetId: b, partnerId: a },
    ],
    skipDuplicates: true,
  })
  return fleets
}

/** @returns the two, in the order given. @throws InputError; RequestError FLEET_NOT_FOUND */
export async function endPartnership(db: Database, fleetIds: readonly string[]): Promise<Fleet[]> {
  const [a, b] = partnersOf(fleetIds)
  const fleets = await bothFleets(db, fleetIds)
  await db.prisma.partnership.deleteMany({ where: { fleetId: { in: [a, b] }, partnerId: { in: [a, b] } } })
  return fleets
}

async function bothFleets({ prisma }: Database, fleetIds: readonly string[]): Promise<Fleet[]> {
  const ids = fleetIds.filter(isId)
  const found = await prisma.fleet.findMany({ where: { id: { in: ids } }, select: { id: true, name: true } })
  const fleets = fleetIds.flatMap((id) => found.filter((fleet) => fleet.id === id))
  if (fleets.length !== fleetIds.length) throw new RequestError('FLEET_NOT_FOUND')
  return fleets
}
