import type { TrailEntry } from '../../data/decisions/audit.ts'
import { AUDIT_ACTIONS } from '../../domain/log/audit.ts'
import type { AuditAction } from '../../domain/log/audit.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { connectionOf, isText, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import type { Cursors } from '../base/connection.ts'
import { asMember } from '../base/context.ts'
import type { Context } from '../base/context.ts'
import { ErrorCodeEnum } from './user-errors.ts'
import { fleetOf, FleetType } from './fleet.ts'
import { SharingType, VehicleType } from './refs.ts'

const AuditActionEnum = builder.enumType('AuditAction', {
  description: 'An action that the audit trail records, done or refused.',
  values: Object.fromEntries(Object.entries(AUDIT_ACTIONS).map(([name, description]) => [name, { description }])) as {
    [K in AuditAction]: { description: string }
  },
})

const AuditEntryType = builder.objectRef<TrailEntry>('AuditEntry').implement({
  description:
    'An action on a sharing, done or refused. One that was done belongs to both parties; one that was refused to the fleet\nthat asked and, unless the vehicle does not exist for it, to the owner of the vehicle.',
  fields: (t) => ({
    id: t.id({
      description: 'Unique among the entries; the same entry always has the same id.',
      resolve: ({ position }, _args, { prisma }) => prisma.event.cursor(position, 'trail'),
    }),
    occurredAt: t.expose('at', { type: 'DateTime', description: 'The instant at which it was done or refused.' }),
    action: t.expose('action', { type: AuditActionEnum, description: 'The action.' }),
    fleet: t.field({
      type: FleetType,
      description: 'The fleet that asked.',
      resolve: ({ actor }, _args, { loaders }) => fleetOf(loaders, actor.fleetId),
    }),
    subject: t.string({
      nullable: true,
      description: 'The subject (sub) of the token. Null for a token without one, and for that of another fleet.',
      resolve: ({ actor }) => actor.subject,
    }),
    vehicleId: t.exposeID('vehicleId', { description: 'The vehicle, whether or not the viewer may see it now.' }),
    vehicle: t.field({
      type: VehicleType,
      nullable: true,
      description: 'Null while the viewer has no access to the vehicle, and once it is deleted.',
      resolve: ({ vehicleId }, _args, { loaders }) => loaders.vehicle(vehicleId),
    }),
    sharingId: t.exposeID('sharingId', {
      nullable: true,
      description: 'The sharing that was made or changed, or that the refused request named.',
    }),
    sharing: t.field({
      type: SharingType,
      nullable: true,
      description: "The sharing; null where there is none, or none that the viewer's fleet is or was a party to.",
      resolve: ({ sharingId }, _args, { loaders }) => (sharingId === null ? null : loaders.sharing.load(sharingId)),
    }),
    refusal: t.expose('refusal', {
      type: ErrorCodeEnum,
      nullable: true,
      description: 'The reason of a refusal; null for an action that was done.',
    }),
    requestId: t.exposeString('requestId', { description: "The request, as in that response's X-Request-Id header." }),
  }),
})

const AuditFilter = builder.inputType('AuditFilter', {
  description: 'Null matches everything.',
  fields: (t) => ({ vehicleId: t.id({ description: 'Only entries about this vehicle.' }) }),
})

/** The numbers count the actions of all fleets, so they are sealed as positions in the log are. */
const cursorsOf = ({ prisma }: Context): Cursors<TrailEntry, string> => ({
  list: 'auditTrail',
  keyOf: ({ position }) => prisma.event.cursor(position, 'trail'),
  parse: (json) => (isText(json) && prisma.event.position(json, 'trail') !== null ? json : null),
})

builder.queryField('auditTrail', (t) =>
  t.field({
    type: connectionOf('AuditEntry', AuditEntryType),
    extensions: forTokens('MEMBER'),
    description:
      "The actions on the sharings of the viewer's fleet, done and refused, newest first. Kept as long as events are. Entries\nof the same moment may appear in either order: to follow changes, follow the events.",
    args: { ...pageArgs(), filter: t.arg({ type: AuditFilter, description: 'Only some of it.' }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const { prisma } = context
      const cursors = cursorsOf(context)
      const page = pageOf(args, cursors)
      const positionOf = (key: string | null) => (key === null ? null : prisma.event.position(key, 'trail'))
      const found = await prisma.audit.page(fleetId, filter?.vehicleId ?? null, {
        ...page,
        after: positionOf(page.after),
        before: positionOf(page.before),
      })
      return toConnection(found, page, cursors)
    },
  }),
)
