import { openVehicleOf } from '../../data/queries/loaders.ts'
import type { Loaders } from '../../data/queries/loaders.ts'
import type { OpenVehicle } from '../../data/services.ts'
import { sharingAt } from '../../domain/access/access.ts'
import type { Control } from '../../domain/access/access.ts'
import { SharingConflictError } from '../../domain/access/refusal.ts'
import { InputError, RequestError } from '../../domain/errors.ts'
import { idleBlockers } from '../../domain/handover/idleness.ts'
import type { Instant } from '../../domain/period.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { CommandTypeEnum } from './command.ts'
import { pageArgs, pageOf, toConnection } from '../base/connection.ts'
import { asMember, asRequester, change } from '../base/context.ts'
import { NodeInterface } from '../base/node.ts'
import { resultOf } from './user-errors.ts'
import { fleetOf, FleetType } from './fleet.ts'
import { VehiclePermissionsType } from './permission.ts'
import { bySharing, SharingConnection, stillSeen } from './sharing.ts'
import { IdlenessType, VehicleUseType } from '../handover/idleness.ts'
import { SharingType, VehicleType } from './refs.ts'
import { VehicleStateType } from './state.ts'

/** A value that depends on the control of a vehicle; at once if the control was read with it. */
function withControl<T>(
  loaders: Loaders,
  vehicle: Vehicle | OpenVehicle,
  then: (control: Control) => T,
): T | Promise<T> {
  const open = openVehicleOf(loaders, vehicle)
  return open instanceof Promise
    ? open.then((loaded) => then({ vehicle, sharings: loaded?.sharings ?? [] }))
    : then({ vehicle, sharings: open.sharings })
}

/** The blockers of its handover, at once if they were read with it. A vehicle that is deleted by now is silent. */
function blockersOf(loaders: Loaders, vehicle: Vehicle | OpenVehicle, now: Instant) {
  const open = openVehicleOf(loaders, vehicle)
  return open instanceof Promise
    ? open.then((loaded) => idleBlockers(loaded ?? { ...vehicle, maxSilenceMs: 0 }, now))
    : idleBlockers(open, now)
}

/** Its use as of now: one that is recorded may have ended since, as a handover fell due. */
function useOf(loaders: Loaders, vehicle: Vehicle | OpenVehicle) {
  if (vehicle.use === null) return null
  const open = openVehicleOf(loaders, vehicle)
  return open instanceof Promise ? open.then((loaded) => (loaded ?? vehicle).use) : open.use
}

VehicleType.implement({
  description: 'A vehicle that the viewer may see: its own, or one that is shared with it now.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'Unique over all types, for ever: it is not given again after the vehicle is deleted.',
    }),
    fleet: t.field({
      type: FleetType,
      description: 'The fleet that owns the vehicle; sharing never changes it.',
      resolve: ({ ownerId }, _args, { loaders }) => fleetOf(loaders, ownerId),
    }),
    name: t.exposeString('name', { nullable: true, description: 'The name that the owner gave it.' }),
    licensePlate: t.exposeString('licensePlate', { nullable: true, description: 'The licence plate.' }),
    vin: t.exposeString('vin', { nullable: true, description: 'The vehicle identification number.' }),
    brand: t.exposeString('brand', { nullable: true, description: 'The maker.' }),
    model: t.exposeString('model', { nullable: true, description: "The maker's model." }),
    supportedCommands: t.expose('supportedCommands', {
      type: [CommandTypeEnum],
      description: 'What this vehicle can be told to do; any other command is refused.',
    }),
    state: t.expose('state', {
      type: VehicleStateType,
      description: 'The last known readings, each with its own time.',
    }),
    lastContactAt: t.expose('lastContactAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last heard of: the latest occurredAt of its reports; null for never.',
    }),
    idleness: t.field({
      type: IdlenessType,
      description:
        'Whether control could pass now without surprising anybody, and if not, everything that stands in the way.',
      resolve: (vehicle, _args, { loaders, now }) => blockersOf(loaders, vehicle, now),
    }),
    use: t.field({
      type: VehicleUseType,
      nullable: true,
      description: 'Set while the fleet in control says that somebody is using it.',
      resolve: (vehicle, _args, { loaders }) => useOf(loaders, vehicle),
    }),
    sharing: t.field({
      type: SharingType,
      nullable: true,
      description: 'The sharing that is in force now; null while the vehicle is not shared.',
      resolve: (vehicle, _args, { loaders, now }) =>
        withControl(loaders, vehicle, (control) => sharingAt(control, now)),
    }),
    sharings: t.field({
      type: SharingConnection,
      description:
        'Past, current and scheduled sharings, newest start first: all of them for the owner, its own for a partner.',
      args: pageArgs(),
      resolve: async ({ id: vehicleId }, args, { loaders }) => {
        const { size, ...page } = pageOf(args, bySharing)
        return toConnection(await loaders.sharingsOf.load({ vehicleId, page }), { ...page, size }, bySharing)
      },
    }),
    viewerCan: t.field({
      type: VehiclePermissionsType,
      description: 'What this viewer may do with this vehicle now, decided by the very rule that guards the mutations.',
      resolve: (vehicle, _args, context) =>
        withControl(context.loaders, vehicle, (control) => ({ control, by: asMember(context), at: context.now })),
    }),
  }),
})

builder.queryFields((t) => ({
  vehicle: t.field({
    type: VehicleType,
    extensions: forTokens('MEMBER'),
    nullable: true,
    description: 'Null when there is none that the viewer may see.',
    args: { id: t.arg.id({ required: true, description: 'The vehicle.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.vehicle(id),
  }),
}))

const TEXTS = {
  name: 'The name that the owner gave it.',
  licensePlate: 'The licence plate.',
  vin: 'The vehicle identification number.',
  brand: 'The maker.',
  model: "The maker's model.",
} as const

const CreateVehicleInput = builder.inputType('CreateVehicleInput', {
  description: 'The server chooses the id: short, of A-Z and 0-9, like FK852.',
  fields: (t) => ({
    name: t.string({ description: TEXTS.name }),
    licensePlate: t.string({ description: TEXTS.licensePlate }),
    vin: t.string({ description: TEXTS.vin }),
    brand: t.string({ description: TEXTS.brand }),
    model: t.string({ description: TEXTS.model }),
    supportedCommands: t.field({ type: [CommandTypeEnum], description: 'All of them, if absent.' }),
  }),
})

const UpdateVehicleInput = builder.inputType('UpdateVehicleInput', {
  description: 'Absent fields stay; null clears.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The vehicle.' }),
    name: t.string({ description: TEXTS.name }),
    licensePlate: t.string({ description: TEXTS.licensePlate }),
    vin: t.string({ description: TEXTS.vin }),
    brand: t.string({ description: TEXTS.brand }),
    model: t.string({ description: TEXTS.model }),
    supportedCommands: t.field({ type: [CommandTypeEnum], description: 'Null means all of them, an empty list none.' }),
  }),
})

const DeleteVehicleInput = builder.inputType('DeleteVehicleInput', {
  description: 'A vehicle to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The vehicle.' }) }),
})

const SetVehicleUseInput = builder.inputType('SetVehicleUseInput', {
  description: 'Whether somebody is using a vehicle.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    inUse: t.boolean({ required: true, description: 'True while somebody is using it.' }),
    reference: t.string({
      description: 'Shown to the own fleet alone. Absent keeps the one that is there, null clears it.',
    }),
  }),
})

const successOf = (verb: string) =>
  builder.objectRef<{ vehicle: Vehicle }>(`${verb}Success`).implement({
    description: 'The vehicle is as asked for.',
    fields: (t) => ({ vehicle: t.expose('vehicle', { type: VehicleType, description: 'The vehicle.' }) }),
  })

const DeleteVehicleSuccess = builder.objectRef<{ id: string }>('DeleteVehicleSuccess').implement({
  description: 'The vehicle is gone.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'The vehicle that was.' }) }),
})

const SetVehicleUseSuccess = builder.objectRef<{ vehicle: Vehicle | null }>('SetVehicleUseSuccess').implement({
  description: 'The use is as asked for.',
  fields: (t) => ({
    vehicle: t.field({
      type: VehicleType,
      nullable: true,
      description: 'Null for a partner whose sharing this ended.',
      resolve: ({ vehicle }, _args, context) => stillSeen(vehicle, context),
    }),
  }),
})

const CreateVehicleResult = resultOf('CreateVehicle', successOf('CreateVehicle'), [RequestError, InputError])
const UpdateVehicleResult = resultOf('UpdateVehicle', successOf('UpdateVehicle'), [RequestError, InputError])
const SetVehicleUseResult = resultOf('SetVehicleUse', SetVehicleUseSuccess, [
  RequestError,
  InputError,
  SharingConflictError,
])
const DeleteVehicleResult = resultOf('DeleteVehicle', DeleteVehicleSuccess, [RequestError, SharingConflictError])

builder.mutationFields((t) => ({
  createVehicle: t.field({
    type: CreateVehicleResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: 'A MANAGER adds a vehicle to its own fleet.',
    args: { input: t.arg({ type: CreateVehicleInput, required: true, description: 'The vehicle.' }) },
    resolve: async (_root, { input }, context) => ({
      vehicle: await change(context, context.prisma.vehicle.register(asRequester(context), input)),
    }),
  }),
  updateVehicle: t.field({
    type: UpdateVehicleResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: 'Absent fields stay; null clears.',
    args: { input: t.arg({ type: UpdateVehicleInput, required: true, description: 'What changes.' }) },
    resolve: async (_root, { input: { id, ...patch } }, context) => ({
      vehicle: await change(context, context.prisma.vehicle.edit(asRequester(context), id, patch)),
    }),
  }),
  setVehicleUse: t.field({
    type: SetVehicleUseResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description:
      'An OPERATOR of the fleet in control says that somebody is using the vehicle, or no longer is. Said again it changes nothing.',
    args: { input: t.arg({ type: SetVehicleUseInput, required: true, description: 'Which vehicle, and its use.' }) },
    resolve: async (_root, { input }, context) => ({
      vehicle: await change(context, context.prisma.vehicle.setUse(asRequester(context), input)),
    }),
  }),
  deleteVehicle: t.field({
    type: DeleteVehicleResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: 'Refused while the vehicle is shared or a sharing is scheduled.',
    args: { input: t.arg({ type: DeleteVehicleInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input: { id } }, context) => {
      await change(context, context.prisma.vehicle.remove(asRequester(context), id))
      return { id }
    },
  }),
}))
