import { COMMAND_OUTCOMES, DEFAULT_TIMEOUT_SECONDS, isOpen } from '../../domain/command.ts'
import type { Command, CommandOutcome, CommandStatus, CommandType as CommandName } from '../../domain/command.ts'
import { InputError, RequestError } from '../../domain/errors.ts'
import { SharingConflictError } from '../../domain/access/refusal.ts'
import { openDispatches } from '../../live/dispatches.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { asRequester, change } from '../base/context.ts'
import type { Context } from '../base/context.ts'
import { idsOf } from '../base/id-filter.ts'
import { NodeInterface } from '../base/node.ts'
import { resultOf } from './user-errors.ts'
import { fleetOf, FleetType } from './fleet.ts'
import { VehicleType } from './refs.ts'

export const CommandTypeEnum = builder.enumType('CommandType', {
  description: 'The commands of vehicles.',
  values: {
    REQUEST_VEHICLE_STATE: { description: 'Report all readings now.' },
    ENABLE_DRIVING: { description: 'Let the engine be started.' },
    DISABLE_DRIVING: { description: 'Do not let the engine be started.' },
    UNLOCK_CENTRAL_LOCK: { description: 'Unlock the doors.' },
    LOCK_CENTRAL_LOCK: { description: 'Lock the doors.' },
    UNLOCK_AND_ENABLE_DRIVING: { description: 'Unlock the doors and let the engine be started.' },
    LOCK_AND_DISABLE_DRIVING: { description: 'Lock the doors and do not let the engine be started.' },
    UNLOCK_TOP_CASE: { description: 'Unlock the top case of a scooter.' },
    LOCK_TOP_CASE: { description: 'Lock the top case of a scooter.' },
    UNLOCK_BATTERY_COMPARTMENT: { description: 'Unlock the place of the battery, to swap it.' },
    DRAW_ATTENTION: { description: 'Flash or sound, so that the vehicle is found.' },
  } satisfies Record<CommandName, { description: string }>,
})

export const CommandStatusEnum = builder.enumType('CommandStatus', {
  description: 'The status of a command. PENDING and DISPATCHED are open; the others are final.',
  values: {
    PENDING: { description: 'Accepted, and not yet handed to a gateway.' },
    DISPATCHED: { description: 'Handed to a gateway; its outcome is awaited.' },
    SUCCEEDED: { description: 'Executed, as the gateway reported.' },
    FAILED: { description: 'Not executed, as the gateway reported.' },
    EXPIRED: { description: 'Never dispatched before its deadline. It will not be executed.' },
    CANCELLED_BY_HANDOVER: {
      description: 'Control of the vehicle passed on before it was dispatched. It will not be executed.',
    },
    OUTCOME_UNKNOWN: {
      description: 'Dispatched, and no outcome reported before its deadline: it may or may not have been executed.',
    },
  } satisfies Record<CommandStatus, { description: string }>,
})

/** The others are final. */
const asOfNow = (command: Command, { loaders }: Context): Command | Promise<Command> =>
  isOpen(command) ? loaders.commandNow.load(command) : command

export const CommandType = builder.objectRef<Command>('Command').implement({
  description: 'An instruction of a fleet to a vehicle.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Unique over all types.' }),
    type: t.expose('type', { type: CommandTypeEnum, description: 'The command that the vehicle is to execute.' }),
    status: t.field({
      type: CommandStatusEnum,
      description: 'The present status.',
      resolve: async (command, _args, context) => (await asOfNow(command, context)).status,
    }),
    vehicleId: t.exposeID('vehicleId', { description: 'The vehicle, whether or not the viewer may see it now.' }),
    vehicle: t.field({
      type: VehicleType,
      nullable: true,
      description: 'Null while the viewer has no access to the vehicle, once it is deleted, and for a gateway.',
      resolve: ({ vehicleId }, _args, { loaders }) => loaders.vehicle(vehicleId),
    }),
    fleet: t.field({
      type: FleetType,
      description:
        "The fleet that sent it; only that fleet and the vehicle's owner can read it, and a gateway in the answer to its report.",
      resolve: ({ fleetId }, _args, { loaders }) => fleetOf(loaders, fleetId),
    }),
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was accepted.' }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      description: 'The instant by which its outcome has to be reported.',
    }),
    dispatchedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a gateway took it; null before.',
      resolve: async (command, _args, context) => (await asOfNow(command, context)).dispatchedAt,
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it came to its final status; null before.',
      resolve: async (command, _args, context) => (await asOfNow(command, context)).completedAt,
    }),
    message: t.string({
      nullable: true,
      description: 'The reason of a failure, from the gateway.',
      resolve: async (command, _args, context) => (await asOfNow(command, context)).message,
    }),
  }),
})

builder.queryField('command', (t) =>
  t.field({
    type: CommandType,
    extensions: forTokens('MEMBER'),
    nullable: true,
    description: "Null when there is none that the viewer's fleet sent or that is for a vehicle of its own.",
    args: { id: t.arg.id({ required: true, description: 'The command.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.command.load(id),
  }),
)

const SendCommandInput = builder.inputType('SendCommandInput', {
  description: 'A command to a vehicle.',
  fields: (t) => ({
    vehicleId: t.id({ required: true, description: 'The vehicle.' }),
    type: t.field({
      type: CommandTypeEnum,
      required: true,
      description: 'The command that the vehicle is to execute.',
    }),
    timeoutSeconds: t.int({
      defaultValue: DEFAULT_TIMEOUT_SECONDS,
      description: 'The time that it may take, 1 to 300 seconds.',
    }),
    idempotencyKey: t.string({
      description:
        '1 to 200 characters. For 24 hours the same key with the same input answers for the same command, as it is by ' +
        'then, and does nothing more.',
    }),
  }),
})

const CommandOutcomeEnum = builder.enumType('CommandOutcome', {
  description: 'The outcome of a command.',
  values: {
    SUCCEEDED: { description: 'It was executed.' },
    FAILED: { description: 'It was not executed.' },
  } satisfies Record<(typeof COMMAND_OUTCOMES)[number], { description: string }>,
})

const ReportCommandOutcomeInput = builder.inputType('ReportCommandOutcomeInput', {
  description: 'The outcome of a command that was dispatched.',
  fields: (t) => ({
    commandId: t.id({ required: true, description: 'The command.' }),
    outcome: t.field({ type: CommandOutcomeEnum, required: true, description: 'The outcome.' }),
    message: t.string({ description: 'The reason of a failure, at most 200 characters.' }),
  }),
})

const successOf = (verb: string, description: string) =>
  builder.objectRef<{ command: Command }>(`${verb}Success`).implement({
    description,
    fields: (t) => ({ command: t.expose('command', { type: CommandType, description: 'The command.' }) }),
  })

const SendCommandResult = resultOf(
  'SendCommand',
  successOf('SendCommand', 'The command was accepted; its events show its progress.'),
  [RequestError, InputError, SharingConflictError],
)
const ReportCommandOutcomeResult = resultOf(
  'ReportCommandOutcome',
  successOf('ReportCommandOutcome', 'The outcome is recorded.'),
  [RequestError, InputError],
)

builder.mutationFields((t) => ({
  sendCommand: t.field({
    type: SendCommandResult,
    nullable: true,
    extensions: forTokens('MEMBER'),
    description: 'OPERATOR of the fleet in control. Sends a command to a vehicle.',
    args: { input: t.arg({ type: SendCommandInput, required: true, description: 'The command and its timeout.' }) },
    resolve: async (_root, { input: { vehicleId, type, timeoutSeconds, idempotencyKey } }, context) => {
      const order = {
        vehicleId,
        type,
        timeoutSeconds: timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        idempotencyKey: idempotencyKey ?? null,
      }
      return { command: await change(context, context.prisma.command.send(asRequester(context), order)) }
    },
  }),
  reportCommandOutcome: t.field({
    type: ReportCommandOutcomeResult,
    nullable: true,
    extensions: forTokens('GATEWAY'),
    description: 'GATEWAY. Reports the outcome of a command that was dispatched to it.',
    args: { input: t.arg({ type: ReportCommandOutcomeInput, required: true, description: 'The outcome.' }) },
    resolve: async (_root, { input: { commandId, outcome, message } }, context) => {
      const { prisma, requestId } = context
      const reported: CommandOutcome = outcome
      return {
        command: await change(context, prisma.command.reportOutcome(requestId, commandId, reported, message ?? null)),
      }
    },
  }),
}))

const CommandDispatch = builder.objectRef<Command>('CommandDispatch').implement({
  description: 'A command that a gateway is to execute now. No other gateway gets it.',
  fields: (t) => ({
    commandId: t.id({ description: 'The command; its outcome is reported under this id.', resolve: ({ id }) => id }),
    vehicleId: t.exposeID('vehicleId', { description: 'The vehicle.' }),
    type: t.expose('type', { type: CommandTypeEnum, description: 'The command that the vehicle is to execute.' }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      description: 'The instant by which its outcome has to be reported.',
    }),
  }),
})

/** The most vehicles that a gateway can name. */
const MOST_SERVED = 10_000

builder.subscriptionField('commandDispatches', (t) =>
  t.field({
    type: CommandDispatch,
    extensions: forTokens('GATEWAY'),
    description: 'For a gateway: each command once, as it is to be executed; rights are checked again at that moment.',
    args: { vehicleIds: t.arg.idList({ description: 'The vehicles that it serves; all, if absent.' }) },
    subscribe: (_root, { vehicleIds }, context) => {
      const { prisma, tail, viewer, gone } = context
      const served = idsOf('vehicleIds', vehicleIds, MOST_SERVED)
      return openDispatches(prisma, tail, { vehicleIds: served, until: viewer.expiresAt, gone })
    },
    resolve: (command) => command,
  }),
)
