import { InputError, RequestError } from './errors.ts'
import type { Instant } from './period.ts'
import { checkText } from './text.ts'

/** The commands that vehicles know, in the standard order, in which every list shows them. */
export const COMMAND_TYPES = [
  'REQUEST_VEHICLE_STATE',
  'ENABLE_DRIVING',
  'DISABLE_DRIVING',
  'UNLOCK_CENTRAL_LOCK',
  'LOCK_CENTRAL_LOCK',
  'UNLOCK_AND_ENABLE_DRIVING',
  'LOCK_AND_DISABLE_DRIVING',
  'UNLOCK_TOP_CASE',
  'LOCK_TOP_CASE',
  'UNLOCK_BATTERY_COMPARTMENT',
  'DRAW_ATTENTION',
] as const

export type CommandType = (typeof COMMAND_TYPES)[number]

/** @returns the same commands, each once and in the standard order */
export const inStandardOrder = (types: readonly CommandType[]): CommandType[] =>
  COMMAND_TYPES.filter((type) => types.includes(type))

/** PENDING and DISPATCHED are open; the others are final. */
export const COMMAND_STATUSES = [
  'PENDING',
  'DISPATCHED',
  'SUCCEEDED',
  'FAILED',
  'EXPIRED',
  'CANCELLED_BY_HANDOVER',
  'OUTCOME_UNKNOWN',
] as const
export type CommandStatus = (typeof COMMAND_STATUSES)[number]

export const COMMAND_OUTCOMES = ['SUCCEEDED', 'FAILED'] as const
export type CommandOutcome = (typeof COMMAND_OUTCOMES)[number]

export type Command = {
  readonly id: string
  readonly type: CommandType
  readonly status: CommandStatus
  readonly vehicleId: string
  /** The vehicle's owner, and the fleet that sent the command. */
  readonly ownerId: string
  readonly fleetId: string
  /** The sharing that was in force as the command was accepted; null if the owner had control. */
  readonly sharingId: string | null
  readonly requestedAt: Instant
  readonly deadline: Instant
  readonly dispatchedAt: Instant | null
  readonly completedAt: Instant | null
  /** The gateway's text for the outcome. */
  readonly message: string | null
}

export type SendOrder = { readonly id: string; readonly type: CommandType; readonly timeoutSeconds: number }

export const DEFAULT_TIMEOUT_SECONDS = 30

/**
 * A command as it is accepted. The caller has checked that the fleet may send it.
 * @param sharingId the sharing in force, null if there is none
 * @throws InputError at [timeoutSeconds]
 */
export function newCommand(
  vehicle: { readonly id: string; readonly ownerId: string },
  fleetId: string,
  sharingId: string | null,
  { id, type, timeoutSeconds }: SendOrder,
  at: Instant,
): Command {
  if (timeoutSeconds < 1 || timeoutSeconds > 300) {
    throw new InputError(['timeoutSeconds'], `timeoutSeconds takes 1 to 300 seconds, not ${timeoutSeconds}.`)
  }
  return {
    id,
    type,
    status: 'PENDING',
    vehicleId: vehicle.id,
    ownerId: vehicle.ownerId,
    fleetId,
    sharingId,
    requestedAt: at,
    deadline: at + timeoutSeconds * 1000,
    dispatchedAt: null,
    completedAt: null,
    message: null,
  }
}

export const isOpen = ({ status }: Command): boolean => status === 'PENDING' || status === 'DISPATCHED'

/**
 * @param sharingId the sharing in force at `at`, null if there is none
 * @returns the command as DISPATCHED, or null if no gateway may get it: it is not PENDING, its deadline has come, or
 * control has passed since it was accepted
 */
export const dispatch = (command: Command, sharingId: string | null, at: Instant): Command | null =>
  command.status === 'PENDING' && at < command.deadline && command.sharingId === sharingId
    ? { ...command, status: 'DISPATCHED', dispatchedAt: at }
    : null

/**
 * A dispatched command with the outcome that a gateway reports. A repeated report changes nothing and returns `command`
 * itself.
 * @param message the gateway's text, at most 200 characters
 * @throws RequestError CONFLICT; InputError at [message]
 */
export function complete(command: Command, outcome: CommandOutcome, message: string | null, at: Instant): Command {
  if (command.status === outcome) return command
  if (command.status !== 'DISPATCHED') {
    throw new RequestError('CONFLICT', `The command is ${command.status}: no other outcome can be reported.`)
  }
  return {
    ...command,
    status: outcome,
    completedAt: at,
    message: message === null ? null : checkText(message, ['message']),
  }
}

/** An open command after its deadline: EXPIRED if no gateway has it, else OUTCOME_UNKNOWN. */
export const expire = (command: Command): Command => ({
  ...command,
  status: command.status === 'PENDING' ? 'EXPIRED' : 'OUTCOME_UNKNOWN',
  completedAt: command.deadline,
})

/**
 * A command after control has passed: cancelled if it was still PENDING. A dispatched one goes on to its outcome, and
 * `command` itself is returned.
 */
export const cancel = (command: Command, at: Instant): Command =>
  command.status === 'PENDING' ? { ...command, status: 'CANCELLED_BY_HANDOVER', completedAt: at } : command
