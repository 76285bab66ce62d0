import { randomUUID } from 'node:crypto'
import { relation, sharingAt, state } from '../domain/access.ts'
import type { Action } from '../domain/access.ts'
import { complete, dispatch, newCommand } from '../domain/command.ts'
import type { Command, CommandOutcome, CommandType } from '../domain/command.ts'
import { RequestError } from '../domain/errors.ts'
import { commandUpdated } from '../domain/event.ts'
import { audited } from './audit.ts'
import type { Requester } from './audit.ts'
import { change } from './changes.ts'
import type { Database } from './client.ts'
import { storedCommand } from './held-rows.ts'
import { checkKey, claimKey } from './idempotency.ts'
import { withVehicle } from './lock.ts'
import { isId } from './rows.ts'
import { admit, refuseIf } from './sharings.ts'

export type SendOrder = {
  readonly vehicleId: string
  readonly type: CommandType
  readonly timeoutSeconds: number
  readonly idempotencyKey: string | null
}

/** @throws UserError as the contract lists them for sendCommand */
export async function send(db: Database, by: Requester, order: SendOrder): Promise<Command> {
  const { vehicleId, type, timeoutSeconds, idempotencyKey: key } = order
  return audited(db, by, 'SEND_COMMAND', { vehicleId, handover: false, transactional: key !== null }, async (held) => {
    const action: Action = { kind: 'sendCommand', type }
    const { tx, control, moment, changes, events } = admit(action, by, held)
    const { fleetId } = by.member
    const id = randomUUID()
    const input = { vehicleId, type, timeoutSeconds }
    const known = await claimKey(tx, { fleetId, mutation: 'sendCommand', key, input }, id, moment.at)
    if (known !== null) return storedCommand(tx, known)
    refuseIf(relation(action, by.member, control, moment.at))
    checkKey(key)
    refuseIf(state(action, by.member, control, moment.at))
    const sharing = sharingAt(control, moment.at)
    const command = newCommand(control.vehicle, fleetId, sharing?.id ?? null, { id, type, timeoutSeconds }, moment.at)
    change(changes.commands, command, true)
    events.push(commandUpdated(command, moment))
    return command
  })
}

/**
 * Hands a command to a gateway, if it may still be executed: decided once more, and committed before the
 * gateway gets it. However many ask, one gets it.
 * @returns null for all others, and for a command that must not be executed any more
 */
export async function claim(
  db: Database,
  { id, vehicleId }: Pick<Command, 'id' | 'vehicleId'>,
): Promise<Command | null> {
  return withVehicle(db, { vehicleId, requestId: null, handover: false }, async (held) => {
    const command = held?.commands.find((open) => open.id === id)
    if (!held?.control || !command) return null
    const { control, moment, changes, events } = { ...held, control: held.control }
    const dispatched = dispatch(command, sharingAt(control, moment.at)?.id ?? null, moment.at)
    if (!dispatched) return null
    change(changes.commands, dispatched)
    events.push(commandUpdated(dispatched, moment))
    return dispatched
  })
}

/** What a gateway that connects finds waiting, oldest first. */
export async function pendingCommands(
  { prisma, clock }: Database,
  vehicleIds: readonly string[] | null,
  limit: number,
): Promise<Pick<Command, 'id' | 'vehicleId'>[]> {
  // Pending by its instants: said of its status, it would seem to be a matter of the index by vehicle.
  // One array, however long: PostgreSQL's protocol has no room for more than 65,535 parameters.
  const ids = vehicleIds?.filter(isId) ?? null
  return prisma.$queryRaw`
    SELECT c.id, c.vehicle_id AS "vehicleId" FROM command AS c JOIN vehicle AS v ON v.id = c.vehicle_id
    WHERE c.dispatched_at IS NULL AND c.completed_at IS NULL AND c.deadline > ${new Date(clock.now())} AND v.deleted_at IS NULL
      AND (${ids}::text[] IS NULL OR c.vehicle_id = ANY(${ids}::text[]))
    ORDER BY c.requested_at, c.id LIMIT ${limit}`
}

/** Whether a command still waits for a gateway; cheap, and not the decision. */
export async function isPending({ prisma }: Database, id: string): Promise<boolean> {
  return (await prisma.command.count({ where: { id, status: 'PENDING' } })) > 0
}

/** @throws RequestError COMMAND_NOT_FOUND, CONFLICT; InputError at [message] */
export async function reportOutcome(
  db: Database,
  requestId: string,
  id: string,
  outcome: CommandOutcome,
  message: string | null,
): Promise<Command> {
  const known = isId(id) ? await db.prisma.command.findUnique({ where: { id }, select: { vehicleId: true } }) : null
  if (!known) throw new RequestError('COMMAND_NOT_FOUND')
  return withVehicle(db, { ...known, requestId, handover: false }, async (held) => {
    if (!held) throw new RequestError('COMMAND_NOT_FOUND')
    const { tx, moment, changes, events } = held
    // A command that is open was settled with the vehicle; any other is as it is stored.
    const command = held.commands.find((open) => open.id === id) ?? (await storedCommand(tx, id))
    const completed = complete(command, outcome, message, moment.at)
    if (completed === command) return command
    change(changes.commands, completed)
    events.push(commandUpdated(completed, moment))
    return completed
  })
}
