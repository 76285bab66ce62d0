import type { Recorded, Rejected } from '../../data/verbs/reports.ts'
import { InputError, RequestError } from '../../domain/errors.ts'
import type { Instant } from '../../domain/period.ts'
import { CENTRAL_LOCKS } from '../../domain/state.ts'
import type { CentralLock, Position, Reading, VehicleState } from '../../domain/state.ts'
import { forTokens } from '../base/audience.ts'
import { builder, REPORTED } from '../base/builder.ts'
import { change } from '../base/context.ts'
import { ErrorCodeEnum, resultOf } from './user-errors.ts'

const OBSERVED = 'When the vehicle observed it.'

const PositionReading = builder.objectRef<Position & { readonly observedAt: Instant }>('PositionReading').implement({
  description: 'The position of the vehicle. WGS 84, degrees.',
  fields: (t) => ({
    latitude: t.exposeFloat('latitude', { description: '-90 to 90.' }),
    longitude: t.exposeFloat('longitude', { description: '-180 to 180.' }),
    observedAt: t.expose('observedAt', { type: 'DateTime', description: OBSERVED }),
  }),
})

const FloatReading = builder.objectRef<Reading<number>>('FloatReading').implement({
  description: 'A measured number.',
  fields: (t) => ({
    value: t.exposeFloat('value', { description: 'In the unit that the field names.' }),
    observedAt: t.expose('observedAt', { type: 'DateTime', description: OBSERVED }),
  }),
})

const BooleanReading = builder.objectRef<Reading<boolean>>('BooleanReading').implement({
  description: 'A property that is on or off.',
  fields: (t) => ({
    value: t.exposeBoolean('value', { description: 'Whether it is on.' }),
    observedAt: t.expose('observedAt', { type: 'DateTime', description: OBSERVED }),
  }),
})

const CentralLockEnum = builder.enumType('CentralLock', {
  description: 'The central locking.',
  values: {
    LOCKED: { description: 'All doors are locked.' },
    UNLOCKED: { description: 'Some door can be opened.' },
  } satisfies Record<(typeof CENTRAL_LOCKS)[number], { description: string }>,
})

const CentralLockReading = builder.objectRef<Reading<CentralLock>>('CentralLockReading').implement({
  description: 'The central locking, as it was.',
  fields: (t) => ({
    value: t.expose('value', { type: CentralLockEnum, description: 'Locked or not.' }),
    observedAt: t.expose('observedAt', { type: 'DateTime', description: OBSERVED }),
  }),
})

export const VehicleStateType = builder.objectRef<VehicleState>('VehicleState').implement({
  description: 'The last known readings, each with its own time; null where none is known.',
  fields: (t) => ({
    position: t.field({
      type: PositionReading,
      nullable: true,
      description: 'The position.',
      resolve: ({ position }) =>
        position && {
          latitude: position.value.latitude,
          longitude: position.value.longitude,
          observedAt: position.observedAt,
        },
    }),
    speedKmh: t.expose('speedKmh', { type: FloatReading, nullable: true, description: 'Speed in km/h.' }),
    mileageKm: t.expose('mileageKm', { type: FloatReading, nullable: true, description: 'Mileage in km.' }),
    energyPercent: t.expose('energyPercent', {
      type: FloatReading,
      nullable: true,
      description: 'Fuel or charge, in percent.',
    }),
    centralLock: t.expose('centralLock', {
      type: CentralLockReading,
      nullable: true,
      description: 'The central locking.',
    }),
    drivingEnabled: t.expose('drivingEnabled', {
      type: BooleanReading,
      nullable: true,
      description: 'Whether the engine can be started.',
    }),
    ignition: t.expose('ignition', {
      type: BooleanReading,
      nullable: true,
      description: 'Whether the ignition is on.',
    }),
  }),
})

const PositionInput = builder.inputType('PositionInput', {
  description: 'WGS 84, degrees.',
  fields: (t) => ({
    latitude: t.float({ required: true, description: '-90 to 90.' }),
    longitude: t.float({ required: true, description: '-180 to 180.' }),
  }),
})

const VehicleStateReport = builder.inputType('VehicleStateReport', {
  description: 'At least one reading is needed. A reading older than the one known is logged, but does not replace it.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    messageId: t.string({
      required: true,
      description: "The gateway's own id of this message, unique for the vehicle.",
    }),
    occurredAt: t.field({ type: REPORTED, required: true, description: 'When the readings were taken.' }),
    position: t.field({ type: PositionInput, description: 'The position.' }),
    speedKmh: t.float({ description: 'Speed in km/h, not negative.' }),
    mileageKm: t.float({ description: 'Mileage in km, not negative.' }),
    energyPercent: t.float({ description: 'Fuel or charge, 0 to 100 percent.' }),
    centralLock: t.field({ type: CentralLockEnum, description: 'The central locking.' }),
    drivingEnabled: t.boolean({ description: 'Whether the engine can be started.' }),
    ignition: t.boolean({ description: 'Whether the ignition is on.' }),
  }),
})

const ReportVehicleStatesInput = builder.inputType('ReportVehicleStatesInput', {
  description: 'Reports of vehicles.',
  fields: (t) => ({
    reports: t.field({ type: [VehicleStateReport], required: true, description: '1 to 1000 reports.' }),
  }),
})

const RejectedReport = builder.objectRef<Rejected>('RejectedReport').implement({
  description: 'A report that was not recorded. It left no trace: its messageId may be used again.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the input, from 0.' }),
    code: t.expose('code', { type: ErrorCodeEnum, description: 'INVALID_INPUT, VEHICLE_NOT_FOUND or CONFLICT.' }),
    message: t.exposeString('message', { description: 'For people.' }),
  }),
})

const ReportVehicleStatesSuccess = builder.objectRef<Recorded>('ReportVehicleStatesSuccess').implement({
  description: 'The outcome of the reports.',
  fields: (t) => ({
    recorded: t.exposeInt('recorded', { description: 'The number of new reports. They are in the log now.' }),
    skipped: t.exposeInt('skipped', { description: 'The number of reports that were known already.' }),
    rejected: t.field({
      type: [RejectedReport],
      description: 'The reports that were not recorded, in the order of the input.',
      resolve: ({ rejected }) => [...rejected],
    }),
  }),
})

const ReportVehicleStatesResult = resultOf('ReportVehicleStates', ReportVehicleStatesSuccess, [
  RequestError,
  InputError,
])

builder.mutationField('reportVehicleStates', (t) =>
  t.field({
    type: ReportVehicleStatesResult,
    nullable: true,
    extensions: forTokens('GATEWAY'),
    description:
      'GATEWAY. 1 to 1000 reports. Each is handled by itself: recorded, skipped (its messageId is known for that vehicle) or rejected with a reason.',
    args: { input: t.arg({ type: ReportVehicleStatesInput, required: true, description: 'The reports.' }) },
    resolve: (_root, { input }, context) => {
      const reports = input.reports.map(({ vehicleId, messageId, occurredAt, ...readings }) => ({
        vehicleId,
        messageId,
        occurredAt,
        readings,
      }))
      return change(context, context.prisma.vehicle.report(context.requestId, reports))
    },
  }),
)
