import type { TrailEntry } from '../../data/decisions/audit.ts'
import { AUDIT_ACTIONS } from '../../domain/log/audit.ts'
import type { AuditAction } from '../../domain/log/audit.ts'
import { builder } from '../base/builder.ts'
import { connectionOf, isText, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import type { Cursors } from '../base/connection.ts'
import { asMember } from '../base/context.ts'
import type { Context } from '../base/context.ts'
import { ErrorCodeEnum } from './user-errors.ts'
import { fleetOf, FleetType } from './fleet.ts'

const AuditActionEnum = builder.enumType('AuditAction', {
  description: 'What somebody did, or wanted to.',
  values: Object.fromEntries(Object.entries(AUDIT_ACTIONS).map(([name, description]) => [name, { description }])) as {
    [K in AuditAction]: { description: string }
  },
})

const AuditEntryType = builder.objectRef<TrailEntry>('AuditEntry').implement({
  description:
    "Who did what to whose sharing, or was refused it. What was done belongs to both parties; what was refused to whoever\nasked and, unless the vehicle does not exist for them, to the vehicle's owner.",
  fields: (t) => ({
    occurredAt: t.expose('at', { type: 'DateTime', description: 'When it was done or refused.' }),
    action: t.expose('action', { type: AuditActionEnum, description: 'What was asked for.' }),
    fleet: t.field({
      type: FleetType,
      description: 'The fleet that asked.',
      resolve: ({ actor }, _args, { loaders }) => fleetOf(loaders, actor.fleetId),
    }),
    subject: t.string({
      nullable: true,
      description: "Whom its token was made for (sub). Null if it does not say, and for another fleet's.",
      resolve: ({ actor }) => actor.subject,
    }),
    vehicleId: t.exposeID('vehicleId', { description: 'Which vehicle, whether or not the viewer may see it now.' }),
    sharingId: t.exposeID('sharingId', {
      nullable: true,
      description: 'Which sharing: that was made or changed, or that was named in vain.',
    }),
    refusal: t.expose('refusal', {
      type: ErrorCodeEnum,
      nullable: true,
      description: 'Why it was refused; null for what was done.',
    }),
    requestId: t.exposeString('requestId', { description: "The request, as in that response's X-Request-Id header." }),
  }),
})

const AuditFilter = builder.inputType('AuditFilter', {
  description: 'Null matches everything.',
  fields: (t) => ({ vehicleId: t.id({ description: 'Only what was about this vehicle.' }) }),
})

/** Numbers count what all fleets do, so they are sealed as places in the log are. */
const cursorsOf = ({ prisma }: Context): Cursors<TrailEntry, string> => ({
  list: 'auditTrail',
  keyOf: ({ position }) => prisma.event.cursor(position, 'trail'),
  parse: (json) => (isText(json) && prisma.event.position(json, 'trail') !== null ? json : null),
})

builder.queryField('auditTrail', (t) =>
  t.field({
    type: connectionOf('AuditEntry', AuditEntryType),
    description:
      "Who started, moved and ended the sharings of the viewer's fleet, and what was refused, newest first. Kept as long as\nevents are. Two of the same moment may come to be seen in either order: to follow what happens, follow the events.",
    args: { ...pageArgs(), filter: t.arg({ type: AuditFilter, description: 'Only some of it.' }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const { prisma } = context
      const cursors = cursorsOf(context)
      const page = pageOf(args, cursors)
      const place = (key: string | null) => (key === null ? null : prisma.event.position(key, 'trail'))
      const found = await prisma.audit.page(fleetId, filter?.vehicleId ?? null, {
        ...page,
        after: place(page.after),
        before: place(page.before),
      })
      return toConnection(found, page, cursors)
    },
  }),
)
