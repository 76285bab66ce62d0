import type { TestServer } from './server.ts'

/** All that a mutation could write, to be compared: what is refused leaves it as it was. */
export async function stored({ app }: TestServer) {
  const { prisma } = app
  return {
    fleets: await prisma.fleet.findMany({ orderBy: { id: 'asc' } }),
    partnerships: await prisma.partnership.findMany({ orderBy: [{ fleetId: 'asc' }, { partnerId: 'asc' }] }),
    vehicles: await prisma.vehicle.findMany({ orderBy: { id: 'asc' } }),
    sharings: await prisma.sharing.findMany({ orderBy: { id: 'asc' } }),
    events: await prisma.event.findMany({ orderBy: { position: 'asc' } }),
    keys: await prisma.idempotencyKey.findMany({ orderBy: [{ fleetId: 'asc' }, { key: 'asc' }] }),
  }
}
