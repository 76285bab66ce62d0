import { queryFromInfo } from '@pothos/plugin-prisma'
import type { Event, Prisma, Vehicle } from '../../../../src/generated/prisma/client.ts'
import { COMMAND_TYPES } from '../../../../src/domain/command.ts'
import { idOfCursor } from '../../cursor.ts'
import { toConnection } from '../rows.ts'
import { builder, prisma, pubSub } from './builder.ts'
import { fleetOf } from '../viewer.ts'

/** What is read, and what is followed. */

const inForce = (): Prisma.SharingWhereInput => {
  const now = new Date()
  return {
    cancelledAt: null,
    startsAt: { lte: now },
    AND: [{ OR: [{ endsAt: null }, { endsAt: { gt: now } }] }, { OR: [{ endedAt: null }, { endedAt: { gt: now } }] }],
  }
}

const visibleTo = (fleetId: string): Prisma.VehicleWhereInput => ({
  deletedAt: null,
  OR: [{ ownerId: fleetId }, { sharings: { some: { partnerId: fleetId, ...inForce() } } }],
})

builder.prismaObject('Fleet', {
  fields: (t) => ({ id: t.exposeID('id'), name: t.exposeString('name') }),
})

export const CommandTypeEnum = builder.enumType('CommandType', { values: COMMAND_TYPES })
export const CentralLock = builder.enumType('CentralLock', { values: ['LOCKED', 'UNLOCKED'] as const })

type Reading<T> = { readonly value: T; readonly observedAt: Date }

const PositionReading = builder
  .objectRef<{ latitude: number; longitude: number; observedAt: Date }>('PositionReading')
  .implement({
    fields: (t) => ({
      latitude: t.exposeFloat('latitude'),
      longitude: t.exposeFloat('longitude'),
      observedAt: t.expose('observedAt', { type: 'DateTime' }),
    }),
  })
const FloatReading = builder.objectRef<Reading<number>>('FloatReading').implement({
  fields: (t) => ({ value: t.exposeFloat('value'), observedAt: t.expose('observedAt', { type: 'DateTime' }) }),
})
const BooleanReading = builder.objectRef<Reading<boolean>>('BooleanReading').implement({
  fields: (t) => ({ value: t.exposeBoolean('value'), observedAt: t.expose('observedAt', { type: 'DateTime' }) }),
})
const CentralLockReading = builder.objectRef<Reading<'LOCKED' | 'UNLOCKED'>>('CentralLockReading').implement({
  fields: (t) => ({
    value: t.expose('value', { type: CentralLock }),
    observedAt: t.expose('observedAt', { type: 'DateTime' }),
  }),
})

const reading = <T>(value: T | null | undefined, observedAt: Date | null): Reading<T> | null =>
  value == null || observedAt === null ? null : { value, observedAt }

export const stateOf = (row: Vehicle) => ({
  position:
    row.latitude === null || row.longitude === null || row.positionAt === null
      ? null
      : { latitude: row.latitude, longitude: row.longitude, observedAt: row.positionAt },
  speedKmh: reading(row.speedKmh, row.speedAt),
  mileageKm: reading(row.mileageKm, row.mileageAt),
  energyPercent: reading(row.energyPercent, row.energyAt),
  centralLock: reading(row.centralLock as 'LOCKED' | 'UNLOCKED' | null, row.centralLockAt),
  drivingEnabled: reading(row.drivingEnabled, row.drivingEnabledAt),
  ignition: reading(row.ignition, row.ignitionAt),
})

const VehicleState = builder.objectRef<ReturnType<typeof stateOf>>('VehicleState').implement({
  fields: (t) => ({
    position: t.expose('position', { type: PositionReading, nullable: true }),
    speedKmh: t.expose('speedKmh', { type: FloatReading, nullable: true }),
    mileageKm: t.expose('mileageKm', { type: FloatReading, nullable: true }),
    energyPercent: t.expose('energyPercent', { type: FloatReading, nullable: true }),
    centralLock: t.expose('centralLock', { type: CentralLockReading, nullable: true }),
    drivingEnabled: t.expose('drivingEnabled', { type: BooleanReading, nullable: true }),
    ignition: t.expose('ignition', { type: BooleanReading, nullable: true }),
  }),
})

export const SharingType = builder.prismaObject('Sharing', {
  fields: (t) => ({
    id: t.exposeID('id'),
    status: t.string({
      resolve: ({ ownerId }, _args, { viewer }) =>
        ownerId === viewer.fleetId ? 'SHARED_OWN_VEHICLE' : 'SHARED_PARTNER_VEHICLE',
    }),
    phase: t.string({ resolve: ({ endedAt }) => (endedAt === null ? 'ACTIVE' : 'ENDED') }),
    partner: t.relation('partner'),
    startsAt: t.expose('startsAt', { type: 'DateTime' }),
    endsAt: t.expose('endsAt', { type: 'DateTime', nullable: true }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
    endReason: t.exposeString('endReason', { nullable: true }),
  }),
})

export const VehicleType = builder.prismaObject('Vehicle', {
  fields: (t) => ({
    id: t.exposeID('id'),
    fleet: t.relation('owner'),
    name: t.exposeString('name', { nullable: true }),
    licensePlate: t.exposeString('licensePlate', { nullable: true }),
    vin: t.exposeString('vin', { nullable: true }),
    brand: t.exposeString('brand', { nullable: true }),
    model: t.exposeString('model', { nullable: true }),
    supportedCommands: t.field({ type: [CommandTypeEnum], resolve: (vehicle) => vehicle.supportedCommands as never }),
    state: t.field({ type: VehicleState, resolve: (vehicle) => stateOf(vehicle) }),
    sharing: t.field({
      type: SharingType,
      nullable: true,
      select: (_args, _context, nestedSelection) => ({
        sharings: nestedSelection({ where: inForce(), take: 1 }) as Prisma.Vehicle$sharingsArgs,
      }),
      resolve: ({ sharings }) => sharings[0] ?? null,
    }),
  }),
})

const PageInfo = builder.objectRef<{ hasNextPage: boolean; endCursor: string | null }>('PageInfo').implement({
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    endCursor: t.exposeString('endCursor', { nullable: true }),
  }),
})

type Page<T> = { readonly nodes: T[]; readonly pageInfo: { hasNextPage: boolean; endCursor: string | null } }

const VehicleConnection = builder.objectRef<Page<Vehicle>>('VehicleConnection').implement({
  fields: (t) => ({
    nodes: t.expose('nodes', { type: [VehicleType] }),
    pageInfo: t.expose('pageInfo', { type: PageInfo }),
  }),
})

const VehicleEvent = builder.interfaceRef<Event>('VehicleEvent').implement({
  resolveType: ({ type }) =>
    type === 'STATE_RECORDED' ? 'StateEvent' : type === 'COMMAND_UPDATED' ? 'CommandEvent' : 'SharingEvent',
  fields: (t) => ({
    cursor: t.string({ resolve: ({ position }) => String(position) }),
    type: t.exposeString('type'),
    vehicleId: t.exposeID('vehicleId'),
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    recordedAt: t.expose('recordedAt', { type: 'DateTime' }),
    requestId: t.exposeString('requestId', { nullable: true }),
  }),
})

type Facts = Partial<Record<'speedKmh' | 'mileageKm' | 'energyPercent', number>> &
  Partial<Record<'drivingEnabled' | 'ignition', boolean>> & {
    readonly position?: { latitude: number; longitude: number }
    readonly centralLock?: 'LOCKED' | 'UNLOCKED'
  }

builder.objectRef<Event>('StateEvent').implement({
  interfaces: [VehicleEvent],
  fields: (t) => ({
    state: t.field({
      type: VehicleState,
      resolve: ({ facts, occurredAt }) => {
        const { position, ...values } = facts as Facts
        return {
          position: position ? { ...position, observedAt: occurredAt } : null,
          speedKmh: reading(values.speedKmh, occurredAt),
          mileageKm: reading(values.mileageKm, occurredAt),
          energyPercent: reading(values.energyPercent, occurredAt),
          centralLock: reading(values.centralLock, occurredAt),
          drivingEnabled: reading(values.drivingEnabled, occurredAt),
          ignition: reading(values.ignition, occurredAt),
        }
      },
    }),
  }),
})
builder.objectRef<Event>('SharingEvent').implement({ interfaces: [VehicleEvent] })
builder.objectRef<Event>('CommandEvent').implement({ interfaces: [VehicleEvent] })

const VehicleEventConnection = builder.objectRef<Page<Event>>('VehicleEventConnection').implement({
  fields: (t) => ({
    nodes: t.expose('nodes', { type: [VehicleEvent] }),
    pageInfo: t.expose('pageInfo', { type: PageInfo }),
  }),
})

const Viewer = builder.objectRef<{ fleetId: string | null; roles: readonly string[]; tokenExpiresAt: string }>('Viewer')
Viewer.implement({
  fields: (t) => ({
    fleet: t.prismaField({
      type: 'Fleet',
      nullable: true,
      resolve: (query, { fleetId }) => prisma.fleet.findUnique({ ...query, where: { id: fleetId ?? '' } }),
    }),
    roles: t.stringList({ resolve: ({ roles }) => [...roles] }),
    tokenExpiresAt: t.exposeString('tokenExpiresAt'),
  }),
})

builder.queryType({
  fields: (t) => ({
    viewer: t.field({ type: Viewer, resolve: (_root, _args, { viewer }) => viewer }),
    vehicle: t.prismaField({
      type: 'Vehicle',
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _root, { id }, { viewer }) =>
        prisma.vehicle.findFirst({ ...query, where: { id, ...visibleTo(fleetOf(viewer)) } }),
    }),
    vehicles: t.field({
      type: VehicleConnection,
      args: { first: t.arg.int(), after: t.arg.string() },
      resolve: async (_root, { first, after }, context, info) => {
        const size = first ?? 50
        const found = await prisma.vehicle.findMany({
          ...queryFromInfo({ context, info, path: ['nodes'] }),
          where: { ...visibleTo(fleetOf(context.viewer)), id: { gt: idOfCursor(after ?? null) } },
          orderBy: { id: 'asc' },
          take: size + 1,
        })
        return toConnection(found, size)
      },
    }),
    vehicleEvents: t.field({
      type: VehicleEventConnection,
      args: { first: t.arg.int() },
      resolve: async (_root, { first }, { viewer }) => {
        const size = first ?? 50
        const fleetId = fleetOf(viewer)
        const found = await prisma.event.findMany({
          where: { OR: [{ ownerId: fleetId }, { partnerId: fleetId }] },
          orderBy: { position: 'asc' },
          take: size + 1,
        })
        return { nodes: found.slice(0, size), pageInfo: { hasNextPage: found.length > size, endCursor: null } }
      },
    }),
  }),
})

builder.subscriptionType({
  fields: (t) => ({
    vehicleEvents: t.field({
      type: VehicleEvent,
      subscribe: (_root, _args, { viewer }) => pubSub.subscribe('events', fleetOf(viewer)),
      resolve: (event: Event) => event,
    }),
  }),
})
