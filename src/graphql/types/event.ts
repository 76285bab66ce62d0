import type { Place } from '../../data/services.ts'
import type { EventFilter, LoggedEvent, VehicleEventType } from '../../domain/log/event.ts'
import { stateOf } from '../../domain/state.ts'
import { openStream } from '../../live/stream.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { connectionOf, lengthOf, pageArgs } from '../base/connection.ts'
import type { Connection, FilterBound, PageSize } from '../base/connection.ts'
import { CommandStatusEnum, CommandType } from './command.ts'
import { asMember, nonNull } from '../base/context.ts'
import type { Context } from '../base/context.ts'
import { badUserInput } from '../base/errors.ts'
import { idsOf } from '../base/id-filter.ts'
import { SharingEndReasonEnum } from '../handover/sharing-enums.ts'
import { SharingType } from './refs.ts'
import { VehicleStateType } from './state.ts'
import { VehicleType } from './refs.ts'

const PAGE_SIZE: PageSize = { usual: 50, most: 500 }

const VehicleEventTypeEnum = builder.enumType('VehicleEventType', {
  description: 'The type of an event.',
  values: {
    SHARING_SCHEDULED: { description: 'A sharing was agreed that starts later.' },
    SHARING_START_AWAITED: { description: 'A due start waits for the vehicle to be idle (startPolicy WHEN_IDLE).' },
    SHARING_STARTED: { description: 'Control passed to the partner.' },
    SHARING_END_CHANGED: { description: 'The due end was moved.' },
    SHARING_END_REQUESTED: {
      description:
        'The end waits for the vehicle to be idle: a party asked for that, or it is due with endPolicy WHEN_IDLE.',
    },
    SHARING_ENDED: { description: 'Control passed back to the owner.' },
    SHARING_CANCELLED: { description: 'A scheduled sharing was called off, or not handed over by its due end.' },
    COMMAND_UPDATED: { description: 'A command was accepted, or took its next step.' },
    STATE_RECORDED: { description: 'The vehicle reported readings.' },
    VEHICLE_CHANGED: { description: 'The vehicle was created, edited or deleted.' },
    VEHICLE_USE_CHANGED: { description: 'The fleet in control said that somebody is using it, or no longer is.' },
  } satisfies Record<VehicleEventType, { description: string }>,
})

type SharingEvent = Extract<LoggedEvent, { sharingId: string }>

const TYPE_NAMES = {
  COMMAND_UPDATED: 'CommandEvent',
  STATE_RECORDED: 'StateEvent',
  VEHICLE_CHANGED: 'VehicleChangedEvent',
  VEHICLE_USE_CHANGED: 'VehicleUseEvent',
} as const

const typeNameOf = (type: string): string => TYPE_NAMES[type as keyof typeof TYPE_NAMES] ?? 'SharingEvent'

const VehicleEventInterface = builder.interfaceRef<LoggedEvent>('VehicleEvent').implement({
  description:
    'Something that happened to a vehicle. An event belongs to the owner, and to the partner whose sharing was\nin force when it occurred (occurredAt), and that never changes afterwards: neither a later sharing nor a late\nreport opens it to anybody else. Sharing events belong to both parties.',
  resolveType: ({ type }) => typeNameOf(type),
  fields: (t) => ({
    id: t.id({
      description: 'Unique; the same event always has the same id.',
      resolve: (event, _args, { prisma }) => prisma.event.idOf(event),
    }),
    cursor: t.string({
      description: 'The position of this event in the log: as `after`, it goes on from here.',
      resolve: (event, _args, { prisma }) => prisma.event.cursorOf(event),
    }),
    type: t.expose('type', { type: VehicleEventTypeEnum, description: 'The type of the event.' }),
    vehicleId: t.exposeID('vehicleId', { description: 'The vehicle, whether or not the viewer may see it now.' }),
    vehicle: t.field({
      type: VehicleType,
      nullable: true,
      description: 'Null while the viewer has no access to the vehicle, and once it is deleted.',
      resolve: ({ vehicleId }, _args, { loaders }) => loaders.vehicle(vehicleId),
    }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it happened.' }),
    recordedAt: t.expose('recordedAt', { type: 'DateTime', description: 'When it was committed to the log.' }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: "The request that caused it, as in that response's X-Request-Id header; null when no request did.",
    }),
  }),
})

builder.objectRef<SharingEvent>('SharingEvent').implement({
  description: 'All that begin with SHARING.',
  interfaces: [VehicleEventInterface],
  fields: (t) => ({
    sharing: t.field({
      type: SharingType,
      description: 'The sharing, as it is now.',
      resolve: ({ sharingId }, _args, { loaders }) => loaders.sharing.load(sharingId).then(nonNull),
    }),
    endsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The due end as this event left it.',
      resolve: ({ facts }) => facts.endsAt,
    }),
    latestEndsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The end at the latest as this event left it.',
      resolve: ({ facts }) => facts.latestEndsAt ?? null,
    }),
    endReason: t.field({
      type: SharingEndReasonEnum,
      nullable: true,
      description: 'How it ended, if this event is its end.',
      resolve: ({ facts }) => facts.endReason,
    }),
  }),
})

builder.objectRef<Extract<LoggedEvent, { type: 'COMMAND_UPDATED' }>>('CommandEvent').implement({
  description: 'Belongs to the owner and, if another fleet sent the command, to that fleet.',
  interfaces: [VehicleEventInterface],
  fields: (t) => ({
    command: t.field({
      type: CommandType,
      description: 'The command, as it is now.',
      resolve: ({ commandId }, _args, { loaders }) => loaders.command.load(commandId).then(nonNull),
    }),
    status: t.field({
      type: CommandStatusEnum,
      description: 'The status as this event left it.',
      resolve: ({ facts }) => facts.status,
    }),
  }),
})

builder.objectRef<Extract<LoggedEvent, { type: 'STATE_RECORDED' }>>('StateEvent').implement({
  description: 'Only the readings that were reported together; the others are null.',
  interfaces: [VehicleEventInterface],
  fields: (t) => ({
    state: t.field({
      type: VehicleStateType,
      description: 'The readings, as they were reported.',
      resolve: ({ facts, occurredAt }) => stateOf(facts, occurredAt),
    }),
  }),
})

builder.objectRef<Extract<LoggedEvent, { type: 'VEHICLE_CHANGED' }>>('VehicleChangedEvent').implement({
  description: 'VEHICLE_CHANGED.',
  interfaces: [VehicleEventInterface],
})

builder.objectRef<Extract<LoggedEvent, { type: 'VEHICLE_USE_CHANGED' }>>('VehicleUseEvent').implement({
  description: 'VEHICLE_USE_CHANGED. That control passed ends a use, too, and has no event of its own.',
  interfaces: [VehicleEventInterface],
  fields: (t) => ({
    inUse: t.boolean({
      description: 'Whether somebody is using the vehicle since this event.',
      resolve: ({ facts }) => facts.inUse,
    }),
  }),
})

const VehicleEventConnection = connectionOf('VehicleEvent', VehicleEventInterface)

const VehicleEventFilter = builder.inputType('VehicleEventFilter', {
  description:
    'A condition on events: all that is given has to be met. An empty list matches nothing, null everything.',
  fields: (t) => ({
    vehicleIds: t.idList({
      description: 'Only events of these vehicles.',
      extensions: { bound: 'NONE_OF_NONE' satisfies FilterBound },
    }),
    types: t.field({
      type: [VehicleEventTypeEnum],
      description: 'Only events of these types.',
      extensions: { bound: typeNameOf satisfies FilterBound },
    }),
  }),
})

const FILTERED = 'A condition on the events.'

builder.queryField('vehicleEvents', (t) =>
  t.field({
    type: VehicleEventConnection,
    extensions: forTokens('MEMBER'),
    description:
      "The log as far as it belongs to the viewer's fleet, oldest first; `last` and `before` read it from its end.",
    args: { ...pageArgs(PAGE_SIZE), filter: t.arg({ type: VehicleEventFilter, description: FILTERED }) },
    resolve: async (_root, { filter, ...args }, context) => {
      const { fleetId } = asMember(context)
      const length = lengthOf(args, PAGE_SIZE)
      const found = await context.prisma.event.history(fleetId, filterOf(filter), {
        after: placeOf('after', args.after, context),
        before: placeOf('before', args.before, context),
        limit: length.size + 1,
        backwards: length.backwards,
      })
      return eventPage(found, length, args, context)
    },
  }),
)

builder.subscriptionField('vehicleEvents', (t) =>
  t.field({
    type: VehicleEventInterface,
    extensions: forTokens('MEMBER'),
    description:
      "The events that belong to the viewer's fleet, in log order, each exactly once: first those after the cursor\n`after`, without a gap, then live. Without `after`, from now on. An unknown or malformed cursor is an error.",
    args: {
      after: t.arg.string({ description: 'A cursor: first the events after it.' }),
      filter: t.arg({ type: VehicleEventFilter, description: FILTERED }),
    },
    subscribe: async (_root, args, context) => {
      const { fleetId } = asMember(context)
      const { prisma, tail, viewer, gone } = context
      const filter = filterOf(args.filter)
      const place = placeOf('after', args.after, context)
      const { end } = await prisma.event.horizon()
      if (place && !tail.has(place.position, place.tag)) {
        await tail.catchUpLimit(() => prisma.event.checkPlace(fleetId, filter, place))
      }
      // The position of now, not that of the first read: a client whose response has begun misses nothing from then on.
      const after = place?.position ?? end
      return openStream(prisma, tail, { fleetId, filter, after, until: viewer.expiresAt, gone })
    },
    resolve: (event, _args, context) => {
      context.renew()
      return event
    },
  }),
)

type FilterInput = {
  readonly vehicleIds?: readonly string[] | null | undefined
  readonly types?: readonly VehicleEventType[] | null | undefined
}

const filterOf = (filter: FilterInput | null | undefined): EventFilter => ({
  // A text with a NUL is no id, and PostgreSQL would reject it.
  vehicleIds: idsOf('filter.vehicleIds', filter?.vehicleIds)?.filter((id) => !id.includes('\0')) ?? null,
  types: filter?.types ?? null,
})

/** @throws BAD_USER_INPUT for a text that is no cursor */
function placeOf(name: string, cursor: string | null | undefined, { prisma }: Context): Place | null {
  if (typeof cursor !== 'string') return null
  const place = prisma.event.place(cursor)
  if (place === null) throw badUserInput(`${name} is not a cursor of this log.`)
  return place
}

type Bounds = { readonly after?: string | null | undefined; readonly before?: string | null | undefined }

/** @param found one more than the page where there are more; from its end if it goes backwards */
function eventPage(
  found: readonly LoggedEvent[],
  { size, backwards }: ReturnType<typeof lengthOf>,
  { after, before }: Bounds,
  { prisma }: Context,
): Connection<LoggedEvent> {
  const more = found.length > size
  const nodes = found.slice(0, size)
  if (backwards) nodes.reverse()
  const cursorOf = (event: LoggedEvent) => prisma.event.cursorOf(event)
  const [first, last] = [nodes[0], nodes.at(-1)]
  return {
    nodes,
    cursorOf,
    pageInfo: {
      // On the side that the page came from lies at least the event of its cursor.
      hasNextPage: backwards ? before != null : more,
      hasPreviousPage: backwards ? more : after != null,
      get startCursor() {
        return first ? cursorOf(first) : null
      },
      get endCursor() {
        return last ? cursorOf(last) : (after ?? null)
      },
    },
  }
}
