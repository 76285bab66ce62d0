import type { Command } from '../../domain/command.ts'
import type { Fleet } from '../../domain/fleet.ts'
import type { Sharing } from '../../domain/sharing.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { forTokens } from './audience.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'

/** An object of one of the types that implement Node, with the name of its type. */
type NodeValue = { readonly __typename?: string } & (Vehicle | Fleet | Sharing | Command)

export const NodeInterface = builder.interfaceRef<NodeValue>('Node').implement({
  description: "Relay's object identification: an id is unique over all types, and node(id) finds what has it.",
  resolveType: ({ __typename }) => __typename,
  fields: (t) => ({ id: t.exposeID('id', { description: 'Unique over all types.' }) }),
})

const named = <T extends object>(typename: string, value: T | null): (T & { readonly __typename: string }) | null =>
  value && { ...value, __typename: typename }

/** Reads what has the id as the single field of its type does, with the same rights. */
async function read(id: string, { loaders }: Context): Promise<NodeValue | null> {
  switch (await loaders.nodeType.load(id)) {
    case 'VEHICLE':
      return named('Vehicle', await loaders.vehicle(id))
    case 'FLEET':
      return named('Fleet', await loaders.relatedFleet.load(id))
    case 'SHARING':
      return named('Sharing', await loaders.sharing.load(id))
    case 'COMMAND':
      return named('Command', await loaders.command.load(id))
    case null:
      return null
  }
}

builder.queryField('node', (t) =>
  t.field({
    type: NodeInterface,
    extensions: forTokens('MEMBER'),
    nullable: true,
    description:
      "Whatever has this id, if the viewer may see it: a vehicle, a sharing, a command, or a fleet (the viewer's own, its\npartners, and those that it has shared with).",
    args: { id: t.arg.id({ required: true, description: 'The id of any type.' }) },
    resolve: (_root, { id }, context) => read(id, context),
  }),
)
