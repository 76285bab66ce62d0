import type { Client } from '../src/data/client.ts'
import { toPrismaVehicle } from '../src/data/tables/vehicle.ts'
import { vehicleChanged } from '../src/domain/log/event.ts'
import { DEMO_FLEETS, DEMO_PARTNERS, demoVehicles } from './demo.ts'

/**
 * Two partner fleets, a third that is partner of neither, and the vehicles of a small city: all of it or, where the start
 * is killed on the way or another instance was first, nothing.
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
    const times = { lastInstant: new Date(at), createdAt: new Date(at) }
    await tx.vehicle.createMany({ data: vehicles.map((vehicle) => ({ ...toPrismaVehicle(vehicle), ...times })) })
    await tx.event.createMany({
      data: vehicles.map((vehicle) => ({
        ...vehicleChanged(vehicle, [], { at, requestId: null }),
        occurredAt: new Date(at),
        recordedAt: new Date(at),
      })),
    })
    return true
  })
}
