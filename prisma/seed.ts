import { randomUUID } from 'node:crypto'
import type { Client } from '../src/data/client.ts'
import { toPrismaVehicle } from '../src/data/tables/vehicle.ts'
import { vehicleChanged } from '../src/domain/log/event.ts'
import type { NewEvent } from '../src/domain/log/event.ts'
import type { Instant } from '../src/domain/period.ts'
import type { Sharing } from '../src/domain/sharing.ts'
import type { Vehicle } from '../src/domain/vehicle.ts'
import { Prisma } from '../src/generated/prisma/client.ts'
import { DEMO_FLEETS, DEMO_PARTNERS, demoBegin, demoOverrun, demoVehicles } from './demo.ts'

const toPrismaEvent = ({ occurredAt, recordedAt, ...event }: NewEvent) => ({
  ...event,
  occurredAt: new Date(occurredAt),
  recordedAt: new Date(recordedAt),
})

const dateOrNull = (at: Instant | null): Date | null => (at === null ? null : new Date(at))

/** The sharing of the demo world, as Prisma takes it: in force, and without readings. */
const toPrismaSharing = (sharing: Sharing) => ({
  id: sharing.id,
  vehicleId: sharing.vehicleId,
  ownerId: sharing.ownerId,
  partnerId: sharing.partnerId,
  startsAt: new Date(sharing.startsAt),
  startedAt: dateOrNull(sharing.startedAt),
  startRecorded: sharing.startedAt !== null,
  startWhenIdle: sharing.startPolicy === 'WHEN_IDLE',
  endsAt: dateOrNull(sharing.endsAt),
  endWhenIdle: sharing.endPolicy === 'WHEN_IDLE',
  latestEndsAt: dateOrNull(sharing.latestEndsAt),
  isOverrun: sharing.isOverrun,
  endRequestedAt: dateOrNull(sharing.endRequestedAt),
  handover: sharing.handover ?? Prisma.DbNull,
  createdAt: new Date(sharing.createdAt),
})

/**
 * Two partner fleets, a third that is partner of neither, and the vehicles of a small city, one of them lent and late: all
 * of it or, where the start is killed on the way or another instance was first, nothing.
 * @returns whether it was made: it goes into an empty database only
 */
export async function seedDemoWorld(prisma: Client): Promise<boolean> {
  const [one, two] = DEMO_PARTNERS
  const vehicles = demoVehicles()
  return prisma.$transaction(async (tx) => {
    if ((await tx.fleet.count()) > 0) return false
    const { count } = await tx.fleet.createMany({ data: [...DEMO_FLEETS], skipDuplicates: true })
    if (count < DEMO_FLEETS.length) return false
    await tx.partnership.createMany({
      data: [
        { fleetId: one, partnerId: two },
        { fleetId: two, partnerId: one },
      ],
    })
    const at = prisma.$now()
    const begin = demoBegin(at)
    const times = { lastInstant: new Date(at), createdAt: new Date(begin) }
    const late = demoOverrun(vehicles, randomUUID(), at)
    const useOf = ({ id }: Vehicle) => (id === late.vehicle.id && late.vehicle.use ? { use: late.vehicle.use } : {})
    await tx.vehicle.createMany({
      data: vehicles.map((vehicle) => ({ ...toPrismaVehicle(vehicle), ...useOf(vehicle), ...times })),
    })
    await tx.sharing.create({ data: toPrismaSharing(late.sharing) })
    const made = vehicles.map((vehicle) => vehicleChanged(vehicle, [], { at: begin, requestId: null }))
    await tx.event.createMany({ data: [...made, ...late.events].map(toPrismaEvent) })
    return true
  })
}
