import type { SharingResult } from '../../data/verbs/sharings.ts'
import { SharingConflictError } from '../../domain/access/refusal.ts'
import { InputError, RequestError } from '../../domain/errors.ts'
import { isBehind } from '../../domain/handover/settle.ts'
import {
  endedAtOf,
  endReasonAt,
  endRequestedAtOf,
  hasPolicy,
  hasStarted,
  phaseAt,
  startAwaitedSinceOf,
  startedAtOf,
  statusFor,
} from '../../domain/sharing.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { CommandTypeEnum } from './command.ts'
import { EndSharingInput, StartSharingInput, UpdateSharingEndInput } from './sharing-inputs.ts'
import { byInstant, connectionOf, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import { asMember, asRequester, change, nonNull } from '../base/context.ts'
import type { Context } from '../base/context.ts'
import { NodeInterface } from '../base/node.ts'
import { resultOf, UserErrorInterface } from './user-errors.ts'
import { fleetOf, FleetType } from './fleet.ts'
import {
  HandoverPolicyEnum,
  SharingEndReasonEnum,
  SharingPhaseEnum,
  SharingStatusEnum,
} from '../handover/sharing-enums.ts'
import { VehicleStateType } from './state.ts'
import { SharingType, VehicleType } from './refs.ts'

SharingType.implement({
  description: 'A vehicle lent by its owner to a partner fleet for a time.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Unique over all types.' }),
    status: t.field({
      type: SharingStatusEnum,
      description: "The role of the viewer's fleet in the sharing.",
      resolve: (sharing, _args, context) => statusFor(sharing, asMember(context).fleetId),
    }),
    phase: t.field({
      type: SharingPhaseEnum,
      description: 'Its phase, now.',
      resolve: (sharing, _args, { now }) => phaseAt(sharing, now),
    }),
    owner: t.field({
      type: FleetType,
      description: 'The fleet that lends.',
      resolve: ({ ownerId }, _args, { loaders }) => fleetOf(loaders, ownerId),
    }),
    partner: t.field({
      type: FleetType,
      description: 'The fleet that borrows.',
      resolve: ({ partnerId }, _args, { loaders }) => fleetOf(loaders, partnerId),
    }),
    vehicleId: t.exposeID('vehicleId', { description: 'The vehicle, whether or not the viewer may see it now.' }),
    vehicle: t.field({
      type: VehicleType,
      nullable: true,
      description:
        'Null while the viewer has no access to the vehicle: for a partner before the start and after the end.',
      resolve: ({ vehicleId }, _args, { loaders }) => loaders.vehicle(vehicleId),
    }),
    startsAt: t.expose('startsAt', { type: 'DateTime', description: 'When it is due to start.' }),
    startPolicy: t.expose('startPolicy', { type: HandoverPolicyEnum, description: 'How control passes at startsAt.' }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When control did pass to the partner; null before that. Later than startsAt only with startPolicy WHEN_IDLE.',
      resolve: (sharing, _args, { now }) => startedAtOf(sharing, now),
    }),
    startAwaitedSince: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Set while a due start waits for the vehicle to be idle; the phase is SCHEDULED until then. Null before and after.',
      resolve: (sharing, _args, { now }) => startAwaitedSinceOf(sharing, now),
    }),
    endsAt: t.expose('endsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is due to end; null for an open end.',
    }),
    endPolicy: t.expose('endPolicy', { type: HandoverPolicyEnum, description: 'How control passes back at endsAt.' }),
    latestEndsAt: t.expose('latestEndsAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'With endPolicy WHEN_IDLE: the end at the latest, whatever the vehicle is doing; null without endsAt or with ON_TIME.',
    }),
    endedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it did end; null before that, and for one that was cancelled.',
      resolve: (sharing, _args, { now }) => endedAtOf(sharing, now),
    }),
    endReason: t.field({
      type: SharingEndReasonEnum,
      nullable: true,
      description: 'How it ended; null before that.',
      resolve: (sharing, _args, { now }) => endReasonAt(sharing, now),
    }),
    allowedCommands: t.field({
      type: [CommandTypeEnum],
      nullable: true,
      description: 'The commands that the partner may send; null for all that the vehicle supports.',
      resolve: ({ allowedCommands }) => allowedCommands && [...allowedCommands],
    }),
    endRequestedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Set while the end waits for the vehicle to be idle: since endSharing with WHEN_IDLE, or since a due end with endPolicy WHEN_IDLE. Null once it is over.',
      resolve: (sharing, _args, { now }) => endRequestedAtOf(sharing, now),
    }),
    handover: t.field({
      type: VehicleStateType,
      nullable: true,
      description: "The vehicle's readings as control passed to the partner; null before the start.",
      resolve: async (sharing, _args, { loaders, now }) => {
        if (!hasStarted(sharing, now)) return null
        return sharing.handover ?? (await loaders.snapshots.load(sharing)).handover
      },
    }),
    returned: t.field({
      type: VehicleStateType,
      nullable: true,
      description: "The vehicle's readings as control passed back to the owner; null before the end.",
      resolve: async (sharing, _args, { loaders, now }) => {
        if (phaseAt(sharing, now) !== 'ENDED') return null
        return sharing.returned ?? (await loaders.snapshots.load(sharing)).returned
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was agreed.' }),
  }),
})

/**
 * A sharing that a mutation answers with, as of now: with a policy, a step that fell due since the mutation depends on the vehicle.
 */
const asOfNow = (sharing: Sharing, { loaders, now }: Context): Sharing | Promise<Sharing> =>
  hasPolicy(sharing) && isBehind([sharing], now) ? loaders.sharing.load(sharing.id).then(nonNull) : sharing

builder.objectType(SharingConflictError, {
  name: 'SharingConflictError',
  description: 'ALREADY_SHARED, SHARED_WITH_PARTNER: the sharing that stands in the way, if the viewer may see it.',
  interfaces: [UserErrorInterface],
  fields: (t) => ({
    conflict: t.expose('conflict', {
      type: SharingType,
      nullable: true,
      description: 'The sharing that stands in the way.',
    }),
  }),
})

export const SharingConnection = connectionOf('Sharing', SharingType)

export const bySharing = byInstant<Sharing>('sharings', ({ startsAt, id }) => [startsAt, id])

const SharingFilter = builder.inputType('SharingFilter', {
  description: 'Which sharings: those that meet all that is given.',
  fields: (t) => ({
    phase: t.field({ type: SharingPhaseEnum, description: 'Only those in this phase now.' }),
    status: t.field({ type: SharingStatusEnum, description: 'Only those lent, or only those borrowed.' }),
    vehicleId: t.id({ description: 'Only those of this vehicle.' }),
  }),
})

builder.queryFields((t) => ({
  sharing: t.field({
    type: SharingType,
    extensions: forTokens('MEMBER'),
    nullable: true,
    description: "Null when there is none that the viewer's fleet is or was a party to.",
    args: { id: t.arg.id({ required: true, description: 'The sharing.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.sharing.load(id),
  }),
  sharings: t.field({
    type: SharingConnection,
    extensions: forTokens('MEMBER'),
    description: "Every sharing that the viewer's fleet is or was a party to, newest start first.",
    args: { ...pageArgs(), filter: t.arg({ type: SharingFilter, description: 'Which sharings.' }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const page = pageOf(args, bySharing)
      const { phase = null, status = null, vehicleId = null } = filter ?? {}
      const found = await context.prisma.sharing.page(fleetId, context.now, { phase, status, vehicleId }, page)
      return toConnection(found, page, bySharing)
    },
  }),
}))

const successOf = (verb: string) =>
  builder.objectRef<SharingResult>(`${verb}Success`).implement({
    description: 'The sharing is as asked for.',
    fields: (t) => ({
      vehicle: t.expose('vehicle', { type: VehicleType, description: 'The vehicle.' }),
      sharing: t.field({
        type: SharingType,
        description: 'The sharing.',
        resolve: ({ sharing }, _args, context) => asOfNow(sharing, context),
      }),
    }),
  })

/** The vehicle of an answer, null for a partner that has lost control since the decision. */
export const stillSeen = (vehicle: Vehicle | null, context: Context): Vehicle | null | Promise<Vehicle | null> =>
  vehicle === null || vehicle.ownerId === asMember(context).fleetId ? vehicle : context.loaders.vehicle(vehicle.id)

const EndSharingSuccess = builder
  .objectRef<{ vehicle: Vehicle | null; sharing: Sharing }>('EndSharingSuccess')
  .implement({
    description: 'The sharing is over, or ends as soon as the vehicle is idle.',
    fields: (t) => ({
      vehicle: t.field({
        type: VehicleType,
        nullable: true,
        description: 'Null where the viewer has no access to it any more.',
        resolve: ({ vehicle }, _args, context) => stillSeen(vehicle, context),
      }),
      sharing: t.field({
        type: SharingType,
        description: 'The sharing.',
        resolve: ({ sharing }, _args, context) => asOfNow(sharing, context),
      }),
    }),
  })

const FAILURES = [RequestError, InputError, SharingConflictError]
const StartSharingResult = resultOf('StartSharing', successOf('StartSharing'), FAILURES)
const UpdateSharingEndResult = resultOf('UpdateSharingEnd', successOf('UpdateSharingEnd'), FAILURES)
const EndSharingResult = resultOf('EndSharing', EndSharingSuccess, [RequestError])

builder.mutationFields((t) => ({
  startSharing: t.field({
    type: StartSharingResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: "The owner's MANAGER lends a vehicle to a partner fleet.",
    args: {
      input: t.arg({ type: StartSharingInput, required: true, description: 'What to lend, to whom, for how long.' }),
    },
    resolve: (_root, { input }, context) => {
      const {
        vehicleId,
        fleetId,
        startsAt = null,
        endsAt = null,
        startPolicy,
        endPolicy,
        latestEndsAt = null,
        allowedCommands = null,
        idempotencyKey = null,
      } = input
      const policies = { startPolicy: startPolicy ?? 'ON_TIME', endPolicy: endPolicy ?? 'ON_TIME', latestEndsAt }
      const order = { vehicleId, fleetId, startsAt, endsAt, ...policies, allowedCommands, idempotencyKey }
      return change(context, context.prisma.sharing.start(asRequester(context), order))
    },
  }),
  updateSharingEnd: t.field({
    type: UpdateSharingEndResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: "The owner's MANAGER moves the due end.",
    args: {
      input: t.arg({ type: UpdateSharingEndInput, required: true, description: 'Which sharing, and its new end.' }),
    },
    resolve: (_root, { input: { vehicleId, sharingId, endsAt, latestEndsAt = null } }, context) => {
      const order = { vehicleId, sharingId: sharingId ?? undefined, endsAt, latestEndsAt }
      return change(context, context.prisma.sharing.moveEnd(asRequester(context), order))
    },
  }),
  endSharing: t.field({
    type: EndSharingResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: 'A MANAGER of either party ends the sharing in force, or calls off a scheduled one.',
    args: { input: t.arg({ type: EndSharingInput, required: true, description: 'Which sharing.' }) },
    resolve: (_root, { input: { vehicleId, sharingId, when } }, context) => {
      const order = { vehicleId, sharingId: sharingId ?? undefined, when: when ?? 'NOW' }
      return change(context, context.prisma.sharing.end(asRequester(context), order))
    },
  }),
}))
