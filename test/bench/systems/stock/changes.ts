import { randomUUID } from 'node:crypto'
import { Prisma } from '../../../../src/generated/prisma/client.ts'
import type { Command, Event, Sharing, Vehicle } from '../../../../src/generated/prisma/client.ts'
import { managedFleetOf } from '../viewer.ts'
import { builder, prisma, pubSub } from './builder.ts'
import type { Context } from './builder.ts'
import { CommandTypeEnum, SharingType, stateOf, VehicleType } from './schema.ts'

/** What is changed: each in one transaction with the vehicle's row locked, in Prisma's terms wherever it has them. */

class RefusedError extends Error {}

type Tx = Prisma.TransactionClient
type Locked = { readonly tx: Tx; readonly vehicle: Vehicle; readonly at: Date; readonly requestId: string }

/** Appends what it did to the log and the audit trail, and tells the subscribers once that is committed. */
async function withVehicle<T>(
  id: string,
  action: string,
  actorId: string,
  change: (locked: Locked) => Promise<{ result: T; events: Prisma.EventCreateManyInput[] }>,
): Promise<T | { code: string; message: string }> {
  try {
    const { result, events } = await prisma.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM vehicle WHERE id = ${id} FOR UPDATE`
      const vehicle = await tx.vehicle.findFirst({ where: { id, deletedAt: null } })
      if (vehicle === null) throw new RefusedError('VEHICLE_NOT_FOUND')
      const at = new Date(Math.max(Date.now(), vehicle.lastInstant.getTime() + 1))
      const changed = await change({ tx, vehicle, at, requestId: randomUUID() })
      await tx.vehicle.update({ where: { id }, data: { lastInstant: at } })
      await tx.audit.createMany({ data: auditOf(action, actorId, changed.events[0]) })
      return { ...changed, events: await tx.event.createManyAndReturn({ data: changed.events }) }
    })
    publish(events)
    return result
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    return { code: error.message, message: error.message }
  }
}

/** The first event is what was asked for; an entry for each fleet that may read it. */
const auditOf = (action: string, actorId: string, event: Prisma.EventCreateManyInput | undefined) =>
  [event?.ownerId, event?.partnerId].flatMap((readerId) => {
    if (!event || readerId == null) return []
    const { recordedAt: at, vehicleId, sharingId = null, requestId } = event
    return [{ readerId, at, action, actorId, vehicleId, sharingId, requestId: requestId ?? '' }]
  })

export function publish(events: readonly Event[]): void {
  for (const event of events) {
    pubSub.publish('events', event.ownerId, event)
    if (event.partnerId !== null) pubSub.publish('events', event.partnerId, event)
  }
}

const eventOf = (type: string, { vehicle, at, requestId }: Locked) => ({
  type,
  vehicleId: vehicle.id,
  ownerId: vehicle.ownerId,
  occurredAt: at,
  recordedAt: at,
  requestId,
})

const sharingEvent = (type: string, sharing: Sharing, locked: Locked): Prisma.EventCreateManyInput => ({
  ...eventOf(type, locked),
  partnerId: sharing.partnerId,
  sharingId: sharing.id,
  facts: { endsAt: sharing.endsAt?.getTime() ?? null, endReason: sharing.endReason },
})

const commandEvent = (command: Command, locked: Locked): Prisma.EventCreateManyInput => ({
  ...eventOf('COMMAND_UPDATED', locked),
  partnerId: command.fleetId === command.ownerId ? null : command.fleetId,
  commandId: command.id,
  facts: { status: command.status },
})

/** What the side that loses control has sent, and no gateway has. */
async function cancelPending(locked: Locked): Promise<Prisma.EventCreateManyInput[]> {
  const { tx, vehicle, at } = locked
  const cancelled = await tx.command.updateManyAndReturn({
    where: { vehicleId: vehicle.id, status: 'PENDING' },
    data: { status: 'CANCELLED_BY_HANDOVER', completedAt: at },
  })
  return cancelled.map((command) => commandEvent(command, locked))
}

/** With instants as numbers, as the log keeps them. */
const snapshot = (vehicle: Vehicle) =>
  Object.fromEntries(
    Object.entries(stateOf(vehicle)).map(([kind, known]) => {
      if (known === null) return [kind, null]
      const { observedAt, ...rest } = known
      return [kind, { value: 'value' in rest ? rest.value : rest, observedAt: observedAt.getTime() }]
    }),
  )

const UserError = builder.interfaceRef<{ code: string; message: string }>('UserError').implement({
  fields: (t) => ({ code: t.exposeString('code'), message: t.exposeString('message') }),
})
export const RequestError = builder.objectRef<{ code: string; message: string }>('RequestError').implement({
  interfaces: [UserError],
})

const success = (verb: string) =>
  builder.objectRef<{ vehicle: Vehicle | null; sharing: Sharing }>(`${verb}Success`).implement({
    fields: (t) => ({
      vehicle: t.expose('vehicle', { type: VehicleType, nullable: true }),
      sharing: t.expose('sharing', { type: SharingType }),
    }),
  })

const StartSharingSuccess = success('StartSharing')
const EndSharingSuccess = success('EndSharing')
const CommandType = builder.objectRef<Command>('Command').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.exposeString('type'),
    status: t.exposeString('status'),
    requestedAt: t.expose('requestedAt', { type: 'DateTime' }),
    deadline: t.expose('deadline', { type: 'DateTime' }),
  }),
})
const SendCommandSuccess = builder.objectRef<{ command: Command }>('SendCommandSuccess').implement({
  fields: (t) => ({ command: t.expose('command', { type: CommandType }) }),
})

export const orError = (name: string) => (value: object) => ('code' in value ? 'RequestError' : name)
const StartSharingResult = builder.unionType('StartSharingResult', {
  types: [StartSharingSuccess, RequestError],
  resolveType: orError('StartSharingSuccess'),
})
const EndSharingResult = builder.unionType('EndSharingResult', {
  types: [EndSharingSuccess, RequestError],
  resolveType: orError('EndSharingSuccess'),
})
const SendCommandResult = builder.unionType('SendCommandResult', {
  types: [SendCommandSuccess, RequestError],
  resolveType: orError('SendCommandSuccess'),
})

const StartSharingInput = builder.inputType('StartSharingInput', {
  fields: (t) => ({
    vehicleId: t.id({ required: true }),
    fleetId: t.id({ required: true }),
    endsAt: t.field({ type: 'DateTime' }),
  }),
})
const EndSharingInput = builder.inputType('EndSharingInput', {
  fields: (t) => ({ vehicleId: t.id({ required: true }) }),
})
const SendCommandInput = builder.inputType('SendCommandInput', {
  fields: (t) => ({
    vehicleId: t.id({ required: true }),
    type: t.field({ type: CommandTypeEnum, required: true }),
    timeoutSeconds: t.int({ defaultValue: 30 }),
  }),
})

const sharingInForce = ({ tx, vehicle, at }: Locked) =>
  tx.sharing.findFirst({
    where: {
      vehicleId: vehicle.id,
      cancelledAt: null,
      endedAt: null,
      startsAt: { lt: at },
      OR: [{ endsAt: null }, { endsAt: { gt: at } }],
    },
  })

builder.mutationType({
  fields: (t) => ({
    startSharing: t.field({
      type: StartSharingResult,
      args: { input: t.arg({ type: StartSharingInput, required: true }) },
      resolve: (_root, { input }, { viewer }) => {
        const ownerId = managedFleetOf(viewer)
        return withVehicle(input.vehicleId, 'START_SHARING', ownerId, async (locked) => {
          const { tx, vehicle, at } = locked
          if (vehicle.ownerId !== ownerId) throw new RefusedError('VEHICLE_NOT_FOUND')
          const key = { fleetId_partnerId: { fleetId: ownerId, partnerId: input.fleetId } }
          if (!(await tx.partnership.findUnique({ where: key }))) throw new RefusedError('NOT_A_PARTNER')
          if (await sharingInForce(locked)) throw new RefusedError('ALREADY_SHARED')
          const { fleetId: partnerId, vehicleId, endsAt = null } = input
          const times = { startsAt: at, endsAt, createdAt: at }
          const rest = { startRecorded: true, handover: snapshot(vehicle) }
          const sharing = await tx.sharing.create({
            data: { id: randomUUID(), vehicleId, ownerId, partnerId, ...times, ...rest },
          })
          const events = [sharingEvent('SHARING_STARTED', sharing, locked), ...(await cancelPending(locked))]
          return { result: { vehicle, sharing }, events }
        })
      },
    }),
    endSharing: t.field({
      type: EndSharingResult,
      args: { input: t.arg({ type: EndSharingInput, required: true }) },
      resolve: (_root, { input }, { viewer }) => {
        const fleetId = managedFleetOf(viewer)
        return withVehicle(input.vehicleId, 'END_SHARING', fleetId, async (locked) => {
          const { tx, vehicle, at } = locked
          const current = await sharingInForce(locked)
          if (!current || ![current.ownerId, current.partnerId].includes(fleetId)) throw new RefusedError('NOT_SHARED')
          const endReason = fleetId === current.ownerId ? 'ENDED_BY_OWNER' : 'ENDED_BY_PARTNER'
          const sharing = await tx.sharing.update({
            where: { id: current.id },
            data: { endedAt: at, endReason, returned: snapshot(vehicle) },
          })
          const events = [sharingEvent('SHARING_ENDED', sharing, locked), ...(await cancelPending(locked))]
          return { result: { vehicle: fleetId === current.ownerId ? vehicle : null, sharing }, events }
        })
      },
    }),
    sendCommand: t.field({
      type: SendCommandResult,
      args: { input: t.arg({ type: SendCommandInput, required: true }) },
      resolve: (_root, { input }, { viewer }) => sendCommand(viewer, input.vehicleId, input.type, input.timeoutSeconds),
    }),
  }),
})

const sendCommand = (viewer: Context['viewer'], vehicleId: string, type: string, seconds: number | null | undefined) =>
  withVehicle(vehicleId, 'SEND_COMMAND', managedFleetOf(viewer), async (locked) => {
    const { tx, vehicle, at } = locked
    const fleetId = managedFleetOf(viewer)
    const sharing = await sharingInForce(locked)
    if (fleetId !== (sharing?.partnerId ?? vehicle.ownerId)) {
      throw new RefusedError(fleetId === vehicle.ownerId ? 'SHARED_WITH_PARTNER' : 'VEHICLE_NOT_FOUND')
    }
    if (!vehicle.supportedCommands.includes(type)) throw new RefusedError('COMMAND_NOT_SUPPORTED')
    const allowed = sharing?.allowedCommands ?? []
    if (allowed.length > 0 && !allowed.includes(type)) throw new RefusedError('COMMAND_NOT_ALLOWED_BY_SHARING')
    const times = { requestedAt: at, deadline: new Date(at.getTime() + (seconds ?? 30) * 1000) }
    const parties = { vehicleId, ownerId: vehicle.ownerId, fleetId, sharingId: sharing?.id ?? null }
    const command = await tx.command.create({
      data: { id: randomUUID(), type, status: 'PENDING', ...parties, ...times },
    })
    return { result: { command }, events: [commandEvent(command, locked)] }
  })
