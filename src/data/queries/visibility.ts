import type { VehicleRelation } from '../../domain/access/access.ts'
import type { Instant } from '../../domain/period.ts'
import type { SharingPhase, SharingStatus } from '../../domain/sharing.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

/**
 * The rules of domain/access/ and domain/sharing.ts as conditions for lists; a property test compares the two. A comparison with
 * NULL is never true in SQL, so that each open end is a condition of its own.
 */

const after = (at: Instant) => ({ gt: new Date(at) })
const until = (at: Instant) => ({ lte: new Date(at) })

/** Scheduled or in force at `at`. */
export const openAt = (at: Instant): Prisma.SharingWhereInput => ({
  cancelledAt: null,
  AND: [{ OR: [{ endsAt: null }, { endsAt: after(at) }] }, { OR: [{ endedAt: null }, { endedAt: after(at) }] }],
})

/** inForce() */
export const inForceAt = (at: Instant): Prisma.SharingWhereInput => ({ startsAt: until(at), ...openAt(at) })

/** phaseAt() */
export function phaseIs(phase: SharingPhase, at: Instant): Prisma.SharingWhereInput {
  switch (phase) {
    case 'SCHEDULED':
      return { cancelledAt: null, startsAt: after(at) }
    case 'ACTIVE':
      return inForceAt(at)
    case 'ENDED':
      return { cancelledAt: null, startsAt: until(at), OR: [{ endsAt: until(at) }, { endedAt: until(at) }] }
    case 'CANCELLED':
      return { cancelledAt: { not: null } }
  }
}

/** isParty() */
export const partyIs = (fleetId: string): Prisma.SharingWhereInput => ({
  OR: [{ ownerId: fleetId }, { partnerId: fleetId }],
})

/** statusFor() */
export const statusIs = (status: SharingStatus, fleetId: string): Prisma.SharingWhereInput =>
  status === 'SHARED_OWN_VEHICLE' ? { ownerId: fleetId } : { partnerId: fleetId }

const owned = (fleetId: string): Prisma.VehicleWhereInput => ({ deletedAt: null, ownerId: fleetId })

/** The relation of a fleet to a vehicle at `at`; never true of a deleted one. */
export function relationIs(relation: VehicleRelation, fleetId: string, at: Instant): Prisma.VehicleWhereInput {
  switch (relation) {
    case 'OWNED':
      return owned(fleetId)
    case 'SHARED_OUT':
      return { ...owned(fleetId), sharings: { some: inForceAt(at) } }
    case 'SHARED_IN':
      return { deletedAt: null, sharings: { some: { partnerId: fleetId, ...inForceAt(at) } } }
  }
}

/** seesAt() */
export const visibleTo = (fleetId: string, at: Instant): Prisma.VehicleWhereInput => ({
  OR: [relationIs('OWNED', fleetId, at), relationIs('SHARED_IN', fleetId, at)],
})
