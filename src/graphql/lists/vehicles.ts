import { VEHICLE_RELATIONS } from '../../domain/access/access.ts'
import { LATEST_INSTANT } from '../../domain/period.ts'
import { codePointsOf } from '../../domain/text.ts'
import { keyOf, VEHICLE_ORDERS } from '../../domain/vehicle-order.ts'
import type { VehicleKey, VehicleOrder } from '../../domain/vehicle-order.ts'
import type { Vehicle } from '../../domain/vehicle.ts'
import { forTokens } from '../base/audience.ts'
import { builder } from '../base/builder.ts'
import { byText, connectionOf, isText, pageArgs, pageOf, toConnection } from '../base/connection.ts'
import type { Connection, Cursors, FilterBound } from '../base/connection.ts'
import { asMember } from '../base/context.ts'
import { badUserInput } from '../base/errors.ts'
import { idsOf } from '../base/id-filter.ts'
import { VehicleType } from '../types/refs.ts'

const VehicleConnection = connectionOf('Vehicle', VehicleType)

builder.objectField(VehicleConnection, 'totalCount', (t) =>
  t.int({
    description: 'How many there are in all that meet the filter, now.',
    resolve: ({ totalCount }) => totalCount?.() ?? 0,
  }),
)

const byId = byText<Vehicle>('vehicles', ({ id }) => id)

/** Cursors of one order are none of another: each is a list of its own. */
const byKey = (order: Exclude<VehicleOrder, 'ID'>): Cursors<Vehicle, VehicleKey> => ({
  list: `vehicles by ${order}`,
  keyOf: (vehicle) => keyOf(order, vehicle),
  parse: (json) => {
    if (!Array.isArray(json) || json.length !== 2) return null
    const [value, id]: unknown[] = json
    if (!isText(id)) return null
    if (value === null) return [null, id]
    if (order === 'LAST_CONTACT') return isInstant(value) ? [value, id] : null
    return isText(value) ? [value, id] : null
  },
})

const isInstant = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LATEST_INSTANT

const BY_KEY = { LICENSE_PLATE: byKey('LICENSE_PLATE'), NAME: byKey('NAME'), LAST_CONTACT: byKey('LAST_CONTACT') }

const VehicleOrderEnum = builder.enumType('VehicleOrder', {
  description: 'The order of a list of vehicles. Ties are broken by id; a vehicle without the value comes last.',
  values: {
    ID: { description: 'By id.' },
    LICENSE_PLATE: { description: 'By license plate, as its characters are numbered in Unicode.' },
    NAME: { description: 'By name, as its characters are numbered in Unicode.' },
    LAST_CONTACT: { description: 'Those heard of last first; those never heard of last.' },
  } satisfies Record<(typeof VEHICLE_ORDERS)[number], { description: string }>,
})

const VehicleRelationEnum = builder.enumType('VehicleRelation', {
  description:
    "How the viewer's fleet stands to a vehicle now. It follows from the sharing in force alone: scheduled and past sharings, which have a\n`status`, too, count for nothing.",
  values: {
    OWNED: { description: "Owned by the viewer's fleet." },
    SHARED_OUT: { description: "Owned by the viewer's fleet and shared with another now: some of OWNED." },
    SHARED_IN: { description: "Shared with the viewer's fleet now." },
  } satisfies Record<(typeof VEHICLE_RELATIONS)[number], { description: string }>,
})

const VehicleFilter = builder.inputType('VehicleFilter', {
  description: 'Which vehicles: those that meet all that is given. An empty list matches nothing.',
  fields: (t) => ({
    relation: t.field({ type: VehicleRelationEnum, description: 'Only those to which the fleet stands like this.' }),
    ids: t.idList({ description: 'Only these.', extensions: { bound: 'NODES' satisfies FilterBound } }),
    search: t.string({
      description:
        'Any part of the id, name, license plate, VIN, brand or model, without regard to case, spaces and dashes; 1 to 100 characters.',
    }),
    partnerId: t.id({
      description: "Only those that are shared with this fleet now, or that it shares with the viewer's fleet.",
    }),
  }),
})

const LONGEST_SEARCH = 100

/** @throws BAD_USER_INPUT */
function searchOf(search: string | null | undefined): string | null {
  if (search == null) return null
  const length = codePointsOf(search)
  if (length < 1 || length > LONGEST_SEARCH) {
    throw badUserInput(`filter.search takes 1 to ${LONGEST_SEARCH} characters, not ${length.toLocaleString('en')}.`)
  }
  if (!isText(search)) throw badUserInput('filter.search takes Unicode text without NUL.')
  return search
}

builder.queryField('vehicles', (t) =>
  t.field({
    type: VehicleConnection,
    extensions: forTokens('MEMBER'),
    description: "The fleet's own vehicles and those shared with it now, by id, or in the order of `orderBy`.",
    args: {
      ...pageArgs(),
      filter: t.arg({ type: VehicleFilter, description: 'Which vehicles.' }),
      orderBy: t.arg({
        type: VehicleOrderEnum,
        defaultValue: 'ID',
        description: 'The order. A cursor is good for the order that it was made in.',
      }),
    },
    resolve: async (_root, { filter, orderBy, ...args }, context): Promise<Connection<Vehicle>> => {
      const { fleetId } = asMember(context)
      const { prisma, now } = context
      const [order, relation] = [orderBy ?? 'ID', filter?.relation ?? null]
      const ids = idsOf('filter.ids', filter?.ids)
      const where = { relation, ids, search: searchOf(filter?.search), partnerId: filter?.partnerId ?? null }
      const totalCount = () => prisma.vehicle.total(fleetId, now, where)
      if (order !== 'ID') {
        const page = pageOf(args, BY_KEY[order])
        const found: readonly Vehicle[] = await prisma.vehicle.find(fleetId, now, where, order, page)
        return { ...toConnection(found, page, BY_KEY[order]), totalCount }
      }
      const page = pageOf(args, byId)
      const place = (id: string | null): VehicleKey | null => (id === null ? null : [id, id])
      const found: readonly Vehicle[] = await (where.search === null && where.partnerId === null
        ? prisma.vehicle.page(fleetId, now, where, page)
        : prisma.vehicle.find(fleetId, now, where, order, {
            ...page,
            after: place(page.after),
            before: place(page.before),
          }))
      return { ...toConnection(found, page, byId), totalCount }
    },
  }),
)
