import { RequestError } from '../../domain/errors.ts'
import { newFleet, partnersOf } from '../../domain/fleet.ts'
import type { Fleet } from '../../domain/fleet.ts'
import type { Cursors, Services } from '../services.ts'
import { unlessTaken, withShortId } from './short-id.ts'
import { isId } from '../tables/ids.ts'

/** @throws InputError; RequestError CONFLICT if another fleet has this id or name, or any other object this id */
export async function createFleet({ prisma, log }: Services, id: string | null, name: string): Promise<Fleet> {
  const insert = async (fleet: Fleet) => {
    const { count } = await prisma.fleet.createMany({ data: [fleet], skipDuplicates: true })
    return count === 1 ? fleet : null
  }
  if (id !== null) {
    const wanted = newFleet(id, name)
    // Events and audit entries are no rows with an id of their own that the database could compare with.
    const fleet = isEntryId(log.cursors, id) ? null : await unlessTaken(insert(wanted))
    if (fleet === null)
      throw new RequestError('CONFLICT', 'Another object already has this id, or another fleet this name.')
    return fleet
  }
  return withShortId(async (candidate) => {
    const fleet = await unlessTaken(insert(newFleet(candidate, name)))
    if (fleet === null && (await prisma.fleet.count({ where: { name } })) > 0) {
      throw new RequestError('CONFLICT', 'Another fleet already has this name.')
    }
    return fleet
  })
}

/** Whether an event or an audit entry has this id, or will have it. A text that nobody sealed opens as one once in four billion. */
const isEntryId = ({ open, openEvent }: Cursors, id: string): boolean =>
  openEvent(id) !== null || open(id, 'trail') !== null

/** @returns the two, in the order given. @throws InputError; RequestError FLEET_NOT_FOUND */
export async function registerPartnership(db: Services, fleetIds: readonly string[]): Promise<Fleet[]> {
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
export async function endPartnership(db: Services, fleetIds: readonly string[]): Promise<Fleet[]> {
  const [a, b] = partnersOf(fleetIds)
  const fleets = await bothFleets(db, fleetIds)
  await db.prisma.partnership.deleteMany({ where: { fleetId: { in: [a, b] }, partnerId: { in: [a, b] } } })
  return fleets
}

async function bothFleets({ prisma }: Services, fleetIds: readonly string[]): Promise<Fleet[]> {
  const ids = fleetIds.filter(isId)
  const found = await prisma.fleet.findMany({ where: { id: { in: ids } }, select: { id: true, name: true } })
  const fleets = fleetIds.flatMap((id) => found.filter((fleet) => fleet.id === id))
  if (fleets.length !== fleetIds.length) throw new RequestError('FLEET_NOT_FOUND')
  return fleets
}
