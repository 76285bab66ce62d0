import type { Command } from '../../domain/command.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { byInstant, connectionOf, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import { asMember } from '../base/context.ts'
import { CommandStatusEnum, CommandType } from '../types/command.ts'

const CommandConnection = connectionOf('Command', CommandType)
const byRequest = byInstant<Command>('commands', ({ requestedAt, id }) => [requestedAt, id])

const CommandFilter = builder.inputType('CommandFilter', {
  description: 'Which commands: those that meet all that is given.',
  fields: (t) => ({
    vehicleId: t.id({ description: 'Only those to this vehicle.' }),
    status: t.field({ type: CommandStatusEnum, description: 'Only those with this status now.' }),
  }),
})

builder.queryField('commands', (t) =>
  t.field({
    type: CommandConnection,
    extensions: forTokens('MEMBER'),
    description:
      "Commands that the viewer's fleet can read, newest first: those that it sent, and those to vehicles of its own.",
    args: { ...pageArgs(), filter: t.arg({ type: CommandFilter, description: 'Which commands.' }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const page = pageOf(args, byRequest)
      const { vehicleId = null, status = null } = filter ?? {}
      const found = await context.prisma.command.page(fleetId, context.now, { vehicleId, status }, page)
      return toConnection(found, page, byRequest)
    },
  }),
)
