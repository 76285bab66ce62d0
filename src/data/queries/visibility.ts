import type { VehicleRelation } from '../../domain/access/access.ts'
import type { Instant } from '../../domain/period.ts'
import type { SharingPhase } from '../../domain/sharing.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

/**
 * The rules of domain/access/ and domain/sharing.ts as conditions for lists; a property test compares the two. A comparison with
 * NULL is never true in SQL, so that each open end is a condition of its own.
 *
 * A sharing with a policy of which something fell due that is not recorded yet needs more than its row: it is looked up
 * first (undecidedAt() of undecided.ts), and the conditions name those few by their ids.
 */

const after = (at: Instant) => ({ gt: new Date(at) })
const until = (at: Instant) => ({ lte: new Date(at) })

/** Sharings of which something fell due by then that is not recorded, and the phase that each is in; mostly none. */
export type Undecided = readonly { readonly id: string; readonly phase: SharingPhase }[]

/** A condition on rows, and instead of it the phases of those that are undecided. */
function except(
  undecided: Undecided,
  phases: readonly SharingPhase[],
  recorded: Prisma.SharingWhereInput,
): Prisma.SharingWhereInput {
  if (undecided.length === 0) return recorded
  const ids = undecided.map(({ id }) => id)
  const fitting = undecided.flatMap(({ id, phase }) => (phases.includes(phase) ? [id] : []))
  return { OR: [{ AND: [recorded, { id: { notIn: ids } }] }, { id: { in: fitting } }] }
}

/** hasStarted(), of one that was not called off. */
const startedBy = (at: Instant): Prisma.SharingWhereInput => ({
  OR: [{ startedAt: until(at) }, { startedAt: null, startWhenIdle: false, startsAt: until(at) }],
})

const notEndedBy = (at: Instant): Prisma.SharingWhereInput => ({
  AND: [
    { OR: [{ endedAt: null }, { endedAt: after(at) }] },
    { OR: [{ endsAt: null }, { endsAt: after(at) }, { latestEndsAt: after(at) }] },
  ],
})

/** Scheduled or in force at `at`. */
export const openAt = (at: Instant, undecided: Undecided): Prisma.SharingWhereInput =>
  except(undecided, ['SCHEDULED', 'ACTIVE'], { cancelledAt: null, ...notEndedBy(at) })

/** inForce() */
export const inForceAt = (at: Instant, undecided: Undecided): Prisma.SharingWhereInput =>
  except(undecided, ['ACTIVE'], { cancelledAt: null, AND: [startedBy(at), notEndedBy(at)] })

/** isParty() */
export const partyIs = (fleetId: string): Prisma.SharingWhereInput => ({
  OR: [{ ownerId: fleetId }, { partnerId: fleetId }],
})

const owned = (fleetId: string): Prisma.VehicleWhereInput => ({ deletedAt: null, ownerId: fleetId })

/** The relation of a fleet to a vehicle at `at`; never true of a deleted one. */
export function relationIs(
  relation: VehicleRelation,
  fleetId: string,
  at: Instant,
  undecided: Undecided,
): Prisma.VehicleWhereInput {
  switch (relation) {
    case 'OWNED':
      return owned(fleetId)
    case 'SHARED_OUT':
      return { ...owned(fleetId), sharings: { some: inForceAt(at, undecided) } }
    case 'SHARED_IN':
      return { deletedAt: null, sharings: { some: { AND: [{ partnerId: fleetId }, inForceAt(at, undecided)] } } }
  }
}

/** seesAt() */
export const visibleTo = (fleetId: string, at: Instant, undecided: Undecided): Prisma.VehicleWhereInput => ({
  OR: [relationIs('OWNED', fleetId, at, undecided), relationIs('SHARED_IN', fleetId, at, undecided)],
})
