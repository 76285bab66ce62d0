import { readTrail } from '../data/audit.ts'
import type { TrailEntry } from '../data/audit.ts'
import { openCursor, sealCursor } from '../data/cursor.ts'
import { AUDIT_ACTIONS } from '../domain/log/audit.ts'
import type { AuditAction } from '../domain/log/audit.ts'
import { builder } from './builder.ts'
import { connectionOf, isText, pageArgs, pageOf, toConnection } from './connection.ts'
import type { Cursors } from './connection.ts'
import { asMember } from './context.ts'
import type { Context } from './context.ts'
import { ErrorCodeEnum } from './errors.ts'
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
const cursorsOf = ({ db }: Context): Cursors<TrailEntry, string> => ({
  list: 'auditTrail',
  keyOf: ({ position }) => sealCursor(db, position, 'trail'),
  parse: (json) => (isText(json) && openCursor(db, json, 'trail') !== null ? json : null),
})

builder.queryField('auditTrail', (t) =>
  t.field({
    type: connectionOf('AuditEntry', AuditEntryType),
    description:
      "Who started, moved and ended the sharings of the viewer's fleet, and what was refused, newest first. Kept as long as\nevents are. Two of the same moment may come to be seen in either order: to follow what happens, follow the events.",
    args: { ...pageArgs(), filter: t.arg({ type: AuditFilter, description: 'Only some of it.' }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const { db } = context
      const cursors = cursorsOf(context)
      const page = pageOf(args, cursors)
      const place = (key: string | null) => (key === null ? null : openCursor(db, key, 'trail'))
      const found = await readTrail(db, fleetId, filter?.vehicleId ?? null, {
        ...page,
        after: place(page.after),
        before: place(page.before),
      })
      return toConnection(found, page, cursors)
    },
  }),
)
