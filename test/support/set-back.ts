import type { TestServer } from './server.ts'

/** The position of the last event, whoever's it is. */
export async function lastPosition({ app }: TestServer): Promise<number> {
  const last = await app.prisma.event.findFirst({ orderBy: { position: 'desc' }, select: { position: true } })
  return Number(last?.position ?? 0)
}

/**
 * Has the log go back to a position, as a failover to a standby that lags does it, or a restore; and, in the same instant,
 * go on with new VEHICLE_CHANGED events, request ids `anew 0` to `anew ${count - 1}`.
 */
export async function setBack(
  { app }: TestServer,
  position: number,
  { vehicleId, ownerId }: { readonly vehicleId: string; readonly ownerId: string },
  count = 0,
): Promise<void> {
  await app.prisma.$transaction(async (tx) => {
    await tx.$executeRaw`DELETE FROM event WHERE position > ${position}::bigint`
    await tx.$queryRaw`SELECT setval('event_position_seq', ${position}::bigint)::text`
    if (count === 0) return
    await tx.$executeRaw`
      INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at, request_id)
      SELECT 'VEHICLE_CHANGED', ${vehicleId}, ${ownerId}, now(), now(), 'anew ' || n
      FROM generate_series(0, ${count}::int - 1) AS n ORDER BY n`
  })
}

export const anew = (count: number): string[] => Array.from({ length: count }, (_, n) => `anew ${n}`)

/** How often the log was found set back, by all instances together. */
export const timelines = async ({ app }: TestServer): Promise<number> => (await app.prisma.timeline.count()) - 1
