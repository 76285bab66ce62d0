import { sharingAt } from '../../domain/access/access.ts'
import { complete, dispatch, newCommand } from '../../domain/command.ts'
import type { Command, CommandOutcome, CommandType } from '../../domain/command.ts'
import { RequestError } from '../../domain/errors.ts'
import { commandUpdated } from '../../domain/log/event.ts'
import { decide } from '../decisions/decide.ts'
import type { Requester } from '../decisions/decide.ts'
import { change } from '../decisions/commit.ts'
import type { Services } from '../services.ts'
import { storedCommand } from '../decisions/snapshot.ts'
import { withVehicle } from '../decisions/lock.ts'
import type { VehicleDecision } from '../decisions/lock.ts'
import type { Tx } from '../database/statement.ts'
import { isId } from '../tables/ids.ts'

export type SendOrder = {
  readonly vehicleId: string
  readonly type: CommandType
  readonly timeoutSeconds: number
  readonly idempotencyKey: string | null
}

/** A command that is open was settled with the vehicle; any other is as it is stored. */
const commandOf = async (tx: Tx, id: string, { commands }: VehicleDecision): Promise<Command> =>
  commands.find((open) => open.id === id) ?? storedCommand(tx, id)

/** @throws UserError as the contract lists them for sendCommand */
export async function send(services: Services, by: Requester, order: SendOrder): Promise<Command> {
  const { vehicleId, type, timeoutSeconds, idempotencyKey } = order
  const key = {
    mutation: 'sendCommand' as const,
    key: idempotencyKey,
    input: { vehicleId, type, timeoutSeconds },
    repeat: commandOf,
  }
  return decide(services, by, { kind: 'sendCommand', type }, { vehicleId, handover: false, key }, (decision) => {
    const { id, control, moment, changes, events } = decision
    const sharing = sharingAt(control, moment.at)
    const issued = { id, type, timeoutSeconds }
    const command = newCommand(control.vehicle, by.member.fleetId, sharing?.id ?? null, issued, moment.at)
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
  db: Services,
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

/** The commands that wait for a gateway that connects, oldest first. */
export async function pendingCommands(
  { prisma, clock }: Services,
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
export async function isPending({ prisma }: Services, id: string): Promise<boolean> {
  return (await prisma.command.count({ where: { id, status: 'PENDING' } })) > 0
}

/** @throws RequestError COMMAND_NOT_FOUND, CONFLICT; InputError at [message] */
export async function reportOutcome(
  db: Services,
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
    const command = await commandOf(tx, id, held)
    const completed = complete(command, outcome, message, moment.at)
    if (completed === command) return command
    change(changes.commands, completed)
    events.push(commandUpdated(completed, moment))
    return completed
  })
}
