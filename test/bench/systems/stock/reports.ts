import { randomUUID } from 'node:crypto'
import type { Prisma } from '../../../../src/generated/prisma/client.ts'
import { requireGateway } from '../viewer.ts'
import { builder, prisma } from './builder.ts'
import { orError, publish, RequestError } from './changes.ts'
import { CentralLock } from './schema.ts'

/** What gateways report. */

const PositionInput = builder.inputType('PositionInput', {
  fields: (t) => ({ latitude: t.float({ required: true }), longitude: t.float({ required: true }) }),
})
const VehicleStateReport = builder.inputType('VehicleStateReport', {
  fields: (t) => ({
    vehicleId: t.id({ required: true }),
    messageId: t.string({ required: true }),
    occurredAt: t.field({ type: 'DateTime', required: true }),
    position: t.field({ type: PositionInput }),
    speedKmh: t.float(),
    mileageKm: t.float(),
    energyPercent: t.float(),
    centralLock: t.field({ type: CentralLock }),
    drivingEnabled: t.boolean(),
    ignition: t.boolean(),
  }),
})
const ReportVehicleStatesInput = builder.inputType('ReportVehicleStatesInput', {
  fields: (t) => ({ reports: t.field({ type: [VehicleStateReport], required: true }) }),
})

type Report = (typeof VehicleStateReport)['$inferInput']
type Rejected = { readonly index: number; readonly code: string; readonly message: string }
type Recorded = { readonly recorded: number; readonly skipped: number; readonly rejected: Rejected[] }

const RejectedReport = builder.objectRef<Rejected>('RejectedReport').implement({
  fields: (t) => ({
    index: t.exposeInt('index'),
    code: t.exposeString('code'),
    message: t.exposeString('message'),
  }),
})
const ReportVehicleStatesSuccess = builder.objectRef<Recorded>('ReportVehicleStatesSuccess').implement({
  fields: (t) => ({
    recorded: t.exposeInt('recorded'),
    skipped: t.exposeInt('skipped'),
    rejected: t.expose('rejected', { type: [RejectedReport] }),
  }),
})
const ReportVehicleStatesResult = builder.unionType('ReportVehicleStatesResult', {
  types: [ReportVehicleStatesSuccess, RequestError],
  resolveType: orError('ReportVehicleStatesSuccess'),
})

builder.mutationField('reportVehicleStates', (t) =>
  t.field({
    type: ReportVehicleStatesResult,
    args: { input: t.arg({ type: ReportVehicleStatesInput, required: true }) },
    resolve: (_root, { input }, { viewer }) => {
      requireGateway(viewer)
      return record(input.reports)
    },
  }),
)

/** What is known and what is new in one statement each; the vehicles one by one, as Prisma has nothing else for that. */
async function record(reports: readonly Report[]): Promise<Recorded> {
  const ids = [...new Set(reports.map(({ vehicleId }) => vehicleId))].toSorted()
  const { events, ...result } = await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM vehicle WHERE id = ANY(${ids}) ORDER BY id FOR UPDATE`
    const found = await tx.vehicle.findMany({
      where: { id: { in: ids }, deletedAt: null },
      include: { sharings: { where: { cancelledAt: null } } },
    })
    const vehicles = new Map(found.map((vehicle) => [vehicle.id, vehicle]))
    const rejected = reports.flatMap(({ vehicleId }, index) =>
      vehicles.has(vehicleId) ? [] : [{ index, code: 'VEHICLE_NOT_FOUND', message: 'There is no such vehicle.' }],
    )
    const now = new Date()
    const known = await tx.event.findMany({
      where: { vehicleId: { in: ids }, messageId: { in: reports.map(({ messageId }) => messageId) } },
      select: { vehicleId: true, messageId: true },
    })
    const keys = new Set(known.map(({ vehicleId, messageId }) => `${vehicleId} ${messageId}`))
    const fresh = reports.filter(({ vehicleId, messageId }) => {
      const key = `${vehicleId} ${messageId}`
      return vehicles.has(vehicleId) && !keys.has(key) && keys.add(key)
    })
    const data = fresh.flatMap((report): Prisma.EventCreateManyInput[] => {
      const vehicle = vehicles.get(report.vehicleId)
      if (vehicle === undefined) return []
      const { vehicleId, messageId, occurredAt: reported, ...facts } = report
      const occurredAt = reported < now ? reported : now
      const sharing = vehicle.sharings.find(
        ({ startsAt, endsAt, endedAt }) =>
          startsAt <= occurredAt && (!endsAt || endsAt > occurredAt) && (!endedAt || endedAt > occurredAt),
      )
      const partnerId = sharing?.partnerId ?? null
      const times = { occurredAt, recordedAt: now, requestId: randomUUID() }
      return [{ type: 'STATE_RECORDED', vehicleId, messageId, ownerId: vehicle.ownerId, partnerId, ...times, facts }]
    })
    for (const report of fresh) {
      const vehicle = vehicles.get(report.vehicleId)
      if (vehicle === undefined) continue
      const merged = mergeInto(vehicle, report, report.occurredAt < now ? report.occurredAt : now)
      Object.assign(vehicle, merged)
      await tx.vehicle.update({ where: { id: vehicle.id }, data: { ...merged, lastInstant: now } })
    }
    const events = await tx.event.createManyAndReturn({ data })
    const skipped = reports.length - rejected.length - events.length
    return { events, recorded: events.length, skipped, rejected }
  })
  publish(events)
  return result
}

type Times = Readonly<
  Record<
    'positionAt' | 'speedAt' | 'mileageAt' | 'energyAt' | 'centralLockAt' | 'drivingEnabledAt' | 'ignitionAt',
    Date | null
  >
>

/** The readings that are no older than what is known. */
function mergeInto(known: Times, report: Report, at: Date): Prisma.VehicleUpdateInput {
  const { position, speedKmh, mileageKm, energyPercent, centralLock, drivingEnabled, ignition } = report
  const isNew = (value: unknown, knownAt: Date | null) => value != null && (knownAt === null || at >= knownAt)
  return {
    ...(isNew(position, known.positionAt) ? { ...position, positionAt: at } : {}),
    ...(isNew(speedKmh, known.speedAt) ? { speedKmh, speedAt: at } : {}),
    ...(isNew(mileageKm, known.mileageAt) ? { mileageKm, mileageAt: at } : {}),
    ...(isNew(energyPercent, known.energyAt) ? { energyPercent, energyAt: at } : {}),
    ...(isNew(centralLock, known.centralLockAt) ? { centralLock, centralLockAt: at } : {}),
    ...(isNew(drivingEnabled, known.drivingEnabledAt) ? { drivingEnabled, drivingEnabledAt: at } : {}),
    ...(isNew(ignition, known.ignitionAt) ? { ignition, ignitionAt: at } : {}),
  }
}
