import type { Loaders } from '../../data/queries/loaders.ts'
import { InputError, RequestError } from '../../domain/errors.ts'
import { ROLES } from '../../domain/fleet.ts'
import type { Fleet } from '../../domain/fleet.ts'
import type { Viewer } from '../../domain/access/viewer.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { byText, connectionOf, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import { asMember, change, nonNull } from '../base/context.ts'
import { NodeInterface } from '../base/node.ts'
import { resultOf } from './user-errors.ts'

export const FleetType = builder.objectRef<Fleet>('Fleet').implement({
  description: 'A company or department that owns vehicles, or borrows them.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.exposeID('id', { description: "Unique over all types; the fleet claim of its members' tokens." }),
    name: t.exposeString('name', { description: 'Unique.' }),
    isPartner: t.boolean({
      description:
        "Whether the viewer's fleet may start sharings with this one now. False for its own, and for a viewer without a fleet.",
      resolve: ({ id }, _args, { loaders }) => loaders.isPartner.load(id),
    }),
  }),
})

/** The fleet that something refers to; at once if it is known. */
export function fleetOf(loaders: Loaders, id: string): Fleet | Promise<Fleet> {
  const fleet = loaders.fleet(id)
  return fleet instanceof Promise ? fleet.then(nonNull) : fleet
}

const RoleEnum = builder.enumType('Role', {
  description: 'What a token allows. Within a fleet each role holds the ones before it.',
  values: {
    VIEWER: { description: 'Reads vehicles, sharings and events.' },
    OPERATOR: { description: 'VIEWER, and sends commands.' },
    MANAGER: { description: 'OPERATOR, and starts, changes and ends sharings and edits vehicles.' },
    GATEWAY: {
      description:
        "A telematics gateway: reports vehicle state, receives commands and reports their outcome. Sees no fleet's data otherwise.",
    },
    ADMIN: { description: 'Runs the platform: fleets and partnerships. Belongs to no fleet and sees no vehicle.' },
  } satisfies Record<(typeof ROLES)[number], { description: string }>,
})

const ViewerType = builder.objectRef<Viewer>('Viewer').implement({
  description: 'The bearer of the access token.',
  fields: (t) => ({
    fleet: t.field({
      type: FleetType,
      nullable: true,
      description: 'Null for GATEWAY and ADMIN.',
      resolve: ({ fleetId }, _args, { loaders }) => (fleetId === null ? null : loaders.fleet(fleetId)),
    }),
    roles: t.field({
      type: [RoleEnum],
      description: 'The known roles of the token.',
      resolve: ({ roles }) => [...roles],
    }),
    tokenExpiresAt: t.field({
      type: 'DateTime',
      description: 'When the access token ends; open subscriptions end with it.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
})

const FleetConnection = connectionOf('Fleet', FleetType)
const byName = byText<Fleet>('partners', ({ name }) => name)
const byId = byText<Fleet>('fleets', ({ id }) => id)

builder.queryFields((t) => ({
  viewer: t.field({
    type: ViewerType,
    extensions: forTokens('ANY'),
    description: 'The bearer of the access token.',
    resolve: (_root, _args, { viewer }) => viewer,
  }),
  sharingPartners: t.field({
    type: FleetConnection,
    extensions: forTokens('MEMBER'),
    description: "The fleets that the viewer's fleet may share vehicles with, by name.",
    args: pageArgs(),
    resolve: async (_root, args, context) => {
      const { fleetId } = asMember(context)
      const page = pageOf(args, byName)
      return toConnection(await context.prisma.fleet.partners(fleetId, page), page, byName)
    },
  }),
  fleets: t.field({
    type: FleetConnection,
    extensions: forTokens('ADMIN'),
    description: 'ADMIN. Every fleet, by id.',
    args: pageArgs(),
    resolve: async (_root, args, context) => {
      const page = pageOf(args, byId)
      return toConnection(await context.prisma.fleet.page(page), page, byId)
    },
  }),
  partnersOf: t.field({
    type: FleetConnection,
    extensions: forTokens('ADMIN'),
    description: 'ADMIN. The fleets registered as partners of this one, by name.',
    args: {
      fleetId: t.arg.id({ required: true, description: 'The fleet; an unknown one has no partners.' }),
      ...pageArgs(),
    },
    resolve: async (_root, { fleetId, ...args }, context) => {
      const page = pageOf(args, byName)
      return toConnection(await context.prisma.fleet.partners(fleetId, page), page, byName)
    },
  }),
}))

const CreateFleetInput = builder.inputType('CreateFleetInput', {
  description: 'A new fleet.',
  fields: (t) => ({
    id: t.id({ description: 'Chosen by the server, if absent.' }),
    name: t.string({ required: true, description: 'Unique, 1 to 200 characters.' }),
  }),
})

const PartnershipInput = builder.inputType('PartnershipInput', {
  description: 'Two fleets.',
  fields: (t) => ({ fleetIds: t.idList({ required: true, description: 'Exactly two different ones.' }) }),
})

const CreateFleetSuccess = builder.objectRef<{ fleet: Fleet }>('CreateFleetSuccess').implement({
  description: 'The fleet exists.',
  fields: (t) => ({ fleet: t.expose('fleet', { type: FleetType, description: 'The new fleet.' }) }),
})

const PartnershipSuccess = builder.objectRef<{ fleets: Fleet[] }>('PartnershipSuccess').implement({
  description: 'The partnership is as asked for.',
  fields: (t) => ({ fleets: t.expose('fleets', { type: [FleetType], description: 'The two, in the order given.' }) }),
})

const CreateFleetResult = resultOf('CreateFleet', CreateFleetSuccess, [RequestError, InputError])
const PartnershipResult = resultOf('Partnership', PartnershipSuccess, [RequestError, InputError])

builder.mutationFields((t) => ({
  createFleet: t.field({
    type: CreateFleetResult,
    nullable: true,
    extensions: forTokens('ADMIN'),
    description: 'ADMIN. A fleet that is there from now on, without vehicles and partners.',
    args: { input: t.arg({ type: CreateFleetInput, required: true, description: 'The fleet.' }) },
    resolve: async (_root, { input }, context) => {
      return { fleet: await change(context, context.prisma.fleet.register(input.id ?? null, input.name)) }
    },
  }),
  registerPartnership: t.field({
    type: PartnershipResult,
    nullable: true,
    extensions: forTokens('ADMIN'),
    description: 'ADMIN. Two fleets may then share with each other; repeating it changes nothing.',
    args: { input: t.arg({ type: PartnershipInput, required: true, description: 'The two.' }) },
    resolve: async (_root, { input }, context) => {
      return { fleets: await change(context, context.prisma.partnership.register(input.fleetIds)) }
    },
  }),
  endPartnership: t.field({
    type: PartnershipResult,
    nullable: true,
    extensions: forTokens('ADMIN'),
    description: 'ADMIN. Allows no new sharings between the two; sharings in force run on.',
    args: { input: t.arg({ type: PartnershipInput, required: true, description: 'The two.' }) },
    resolve: async (_root, { input }, context) => {
      return { fleets: await change(context, context.prisma.partnership.end(input.fleetIds)) }
    },
  }),
}))
